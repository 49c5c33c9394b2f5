import { parseArgs } from 'node:util';
import { ATTACKS, attack, type Row } from './rows.ts';
import { leadsToThisMachine, openTarget } from './target.ts';
import type { AttackNumber, Outcome } from './verdict.ts';

const USAGE = `npm run attack -- --url http://localhost:5000 [--rows 4,11] [--json] [--i-own-this-host]

Tries known attacks on a running installation over the network, and prints which ones succeed.
It uses up the messages that the installation may send in an hour. Best run the installation on Linux,
with the console sender, in a new folder.

  --url               the URL of the installation
  --rows              the numbers of the attacks to try, such as 4,11,S1; all by default
  --json              prints the table as JSON
  --i-own-this-host   is needed if the host is not this machine`;

/** The output of the command: `print` gets the table, and `warn` all other messages. */
export interface Printer {
  print(text: string): void;
  warn(text: string): void;
}

/** Runs the command. Returns the exit code: 0 if all held, 1 if an attack succeeded, 2 for wrong usage. */
export async function runCommand(args: readonly string[], { print, warn }: Printer): Promise<0 | 1 | 2> {
  const asked = readArguments(args);
  if (typeof asked === 'string') {
    warn(`${asked}\n\n${USAGE}`);
    return 2;
  }
  const { url, numbers, isJson } = asked;
  if (!leadsToThisMachine(url)) warn(noticeFor(url));
  const target = await openTarget(url).catch((error: Error) => error);
  if (target instanceof Error) {
    warn(`Nothing answers at ${url.origin}: ${target.message}`);
    return 2;
  }
  const rows = await attack(target, numbers);
  print(isJson ? JSON.stringify(rows, null, 2) : tableOf(rows));
  return rows.some(({ outcome }) => outcome === 'broken') ? 1 : 0;
}

function readArguments(
  args: readonly string[],
): { url: URL; numbers: AttackNumber[]; isJson: boolean } | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        rows: { type: 'string' },
        json: { type: 'boolean', default: false },
        'i-own-this-host': { type: 'boolean', default: false },
      },
    });
    if (values.url === undefined) return 'The option --url is missing.';
    if (!URL.canParse(values.url)) return `${values.url} is not a URL.`;
    const url = new URL(values.url);
    if (!['http:', 'https:'].includes(url.protocol)) return `${values.url} is not an http or https URL.`;
    if (!leadsToThisMachine(url) && !values['i-own-this-host'])
      return `${url.hostname} is not this machine. Attack only your own hosts, and confirm that with --i-own-this-host.`;
    const all = ATTACKS.map(({ number }) => number);
    const asked = values.rows?.split(',');
    const numbers = all.filter((number) => asked === undefined || asked.includes(String(number)));
    if (asked !== undefined && numbers.length < asked.length)
      return `--rows takes these numbers: ${all.join(', ')}.`;
    return { url, numbers, isJson: values.json };
  } catch (error) {
    return (error as Error).message;
  }
}

function noticeFor({ hostname }: URL): string {
  return (
    `This attacks ${hostname}: several thousand requests, among them sign-ups as attack-<random>@example.com with\n` +
    'numbers from the range for fiction (555-0100 to 555-0199), so no message reaches a person.\n' +
    'It uses up the messages that the installation may send in an hour.'
  );
}

/** Formats the rows as a table, with a last line that counts them. */
export function tableOf(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ attack: name }) => name.length), 0);
  const lines = rows.map(
    ({ number, attack: name, outcome, evidence }) =>
      `${String(number).padStart(2)}  ${name.padEnd(width)}  ${outcome.padEnd(9)}  ${evidence}`,
  );
  const count = (which: Outcome) => rows.filter(({ outcome }) => outcome === which).length;
  const sum = `${count('held')} held, ${count('broken')} broken, ${count('not tried')} not tried`;
  return [...lines, '', sum].join('\n');
}
