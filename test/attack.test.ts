import { expect, test } from 'vitest';
import { runCommand, tableOf } from './attack/command.ts';
import { ATTACKS, attack } from './attack/rows.ts';
import { leadsToThisMachine, openTarget } from './attack/target.ts';
import { startCarelessServer } from './support/careless-server.ts';
import { startProgram } from './support/program.ts';
import { mannWhitneyZ, median } from './support/statistics.ts';

/** Those that nobody can try from outside. */
const FROM_INSIDE_ALONE = [14, 21, 38, 39, 40];

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

const numbersOf = (rows: readonly { number: number; outcome: string }[], outcome: string) =>
  rows.filter((row) => row.outcome === outcome).map(({ number }) => number);

test('there are forty attacks, each with a number of its own', () => {
  expect(ATTACKS.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
});

test('a running installation with nothing set holds against all that can be tried from outside', async () => {
  const { origin } = await startProgram();
  const rows = await attack(await openTarget(new URL(origin)));
  expect(rows.filter(({ outcome }) => outcome === 'broken')).toEqual([]);
  const withManyAddresses = process.platform === 'linux';
  if (withManyAddresses) expect(numbersOf(rows, 'not tried')).toEqual(FROM_INSIDE_ALONE);
}, 240_000);

test.each([
  ['lets everybody in', [12, 13, 16, 17, 18, 24, 28, 32, 33, 34, 36]],
  ['locks everybody', [5, 6, 7, 8, 9, 11, 12, 20, 26, 28, 37]],
] as const)(
  'a server that %s breaks',
  async (carelessness, numbers) => {
    const origin = await startCarelessServer(carelessness);
    const rows = await attack(await openTarget(new URL(origin)), numbers);
    expect(rows.filter(({ outcome }) => outcome !== 'broken')).toEqual([]);
  },
  120_000,
);

test.each([
  'http://example.com',
  'http://192.0.2.1:5000',
  'https://localhost.example.com',
  'http://127.example.com',
])('the command refuses %s, which is not this machine', async (url) => {
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
  [['--url', 'http://localhost:5000', '--rows', '41']],
  [['--url', 'http://localhost:5000', '--rows', '4,']],
  [['--url', 'http://localhost:5000', '--faster']],
])('the command explains itself to %j', async (args) => {
  const { printed, warned, ...to } = printer();
  expect(await runCommand(args, to)).toBe(2);
  expect(warned.join()).toContain('npm run attack --');
  expect(printed).toEqual([]);
});

test('the command says so where nothing answers', async () => {
  const { warned, ...to } = printer();
  expect(await runCommand(['--url', 'http://127.0.0.1:1'], to)).toBe(2);
  expect(warned.join()).toContain('Nothing answers at http://127.0.0.1:1');
});

test('the command prints the chosen rows as a table or as JSON, and ends with 1 where one broke', async () => {
  const url = await startCarelessServer('lets everybody in');
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

test('times that come from one distribution are not told apart, and others are', () => {
  const spread = (from: number) => Array.from({ length: 100 }, (_, index) => from + index);
  expect(median([3, 1, 2, 10])).toBe(2.5);
  expect(mannWhitneyZ(spread(0), spread(0))).toBe(0);
  expect(mannWhitneyZ(spread(60), spread(0))).toBeGreaterThan(4);
  expect(mannWhitneyZ(spread(0), spread(60))).toBeLessThan(-4);
});
