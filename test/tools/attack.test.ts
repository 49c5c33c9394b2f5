import { expect, test } from 'vitest';
import { runCommand, tableOf } from '../../tools/attack/command.ts';
import { ATTACKS } from '../../tools/attack/rows.ts';
import { leadsToThisMachine } from '../../tools/attack/target.ts';
import { startCarelessServer } from '../support/careless-server.ts';

function printer() {
  const printed: string[] = [];
  const warned: string[] = [];
  return {
    printed,
    warned,
    print: (text: string) => void printed.push(text),
    warn: (text: string) => void warned.push(text),
  };
}

test('there are fifty-four known attacks and seven on what the server holds, each with its own number', () => {
  expect(ATTACKS.map(({ number }) => number)).toEqual([
    ...Array.from({ length: 54 }, (_, index) => index + 1),
    ...Array.from({ length: 7 }, (_, index) => `S${index + 1}`),
  ]);
});

test.each([
  'http://example.com',
  'http://192.0.2.1:5000',
  'https://localhost.example.com',
  'http://127.example.com',
])('the command refuses %s, which is another machine', async (url) => {
  const { printed, warned, ...to } = printer();
  expect(await runCommand(['--url', url], to)).toBe(2);
  expect(warned.join()).toContain('--i-own-this-host');
  expect(printed).toEqual([]);
});

test.each(['http://localhost:5000', 'http://127.0.0.1', 'http://127.9.9.9:80', 'http://[::1]:5000'])(
  '%s is this machine',
  (url) => {
    expect(leadsToThisMachine(new URL(url))).toBe(true);
  },
);

test.each([
  [[]],
  [['--url', 'localhost:5000']],
  [['--url', 'not a url']],
  [['--url', 'http://localhost:5000', '--rows', '55']],
  [['--url', 'http://localhost:5000', '--rows', '4,']],
  [['--url', 'http://localhost:5000', '--faster']],
])('the command prints its usage for the arguments %j', async (args) => {
  const { printed, warned, ...to } = printer();
  expect(await runCommand(args, to)).toBe(2);
  expect(warned.join()).toContain('npm run attack --');
  expect(printed).toEqual([]);
});

test('the command says that nothing answers at the URL', async () => {
  const { warned, ...to } = printer();
  expect(await runCommand(['--url', 'http://127.0.0.1:1'], to)).toBe(2);
  expect(warned.join()).toContain('Nothing answers at http://127.0.0.1:1');
});

test('the command prints the chosen rows as a table or as JSON, and exits with 1 if an attack succeeded', async () => {
  const url = await startCarelessServer('accepts everything');
  const table = printer();
  expect(await runCommand(['--url', url, '--rows', '40,34'], table)).toBe(1);
  expect(table.printed.join('\n')).toMatch(
    /^34 .* broken .*\n40 .* not tried .*\n\n0 held, 1 broken, 1 not tried$/,
  );
  const json = printer();
  expect(await runCommand(['--url', url, '--rows', '40', '--json'], json)).toBe(0);
  expect(JSON.parse(json.printed.join())).toMatchObject([{ number: 40, outcome: 'not tried' }]);
  expect([table.warned, json.warned]).toEqual([[], []]);
});

test('the table counts its rows', () => {
  const row = { attack: 'a', evidence: 'b' };
  const rows = [
    { number: 1, outcome: 'held', ...row },
    { number: 2, outcome: 'broken', ...row },
  ] as const;
  expect(tableOf(rows)).toMatch(/\n1 held, 1 broken, 0 not tried$/);
});
