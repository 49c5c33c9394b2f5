import { runCommand } from './command.ts';

/** Tries the known attacks on a running installation; see `command.ts` for what it can be told. */
process.exitCode = await runCommand(process.argv.slice(2), {
  print: (text) => console.log(text),
  warn: (text) => console.error(text),
});
