import { runCommand } from './command.ts';

/** Tries the known attacks on a running installation. See `command.ts` for the options. */
process.exitCode = await runCommand(process.argv.slice(2), {
  print: (text) => console.log(text),
  warn: (text) => console.error(text),
});
