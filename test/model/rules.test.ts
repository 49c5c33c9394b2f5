import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import type { Store } from '../../src/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { memoryStore } from '../support/memory-store.ts';
import { commandArbs, lookAround, newWorld } from './commands.ts';

const MEMORY_RUNS = 250;
const SQLITE_RUNS = 40;
const MOST_COMMANDS = 60;

/** What has to happen in the runs, or they would prove nothing. */
const MUST_HAPPEN = [
  'signup: ok',
  'signup: taken',
  'login: ok',
  'login: wrong',
  'login: locked',
  'login: bad_seed',
  'a right password at a lock',
  'a known device beside a lock of strangers',
  'askReset: code_sent',
  'askReset: slow_down',
  'no flow',
  'a flow for the code on its way',
  'resend: code_sent',
  'resend: not_locked',
  'resend: expired_code',
  'the same code again',
  'a new code in place of one that is no longer good',
  'verify: ok',
  'verify: wrong_code',
  'verify: expired_code',
  'verify: not_locked',
  'setPassword: ok',
  'setPassword: wrong_code',
  'setPassword: expired_code',
  'a code of another purpose',
  'a code of another account',
  'a spent code',
  'a second try',
  'an expired code',
  'one code twice at once',
  'one seed twice at once',
  'a code that was refused',
  'a session ended by a reset',
  'a session that is over',
  'who: somebody',
  'who: nobody',
];

/** The same for fewer runs. */
const MUST_HAPPEN_ANYHOW = [
  'login: ok',
  'login: locked',
  'a right password at a lock',
  'no flow',
  'verify: ok',
  'verify: not_locked',
  'setPassword: ok',
  'a spent code',
  'one code twice at once',
  'one seed twice at once',
];

async function keepsTheRules(open: () => Store, numRuns: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const story = fc.asyncProperty(
    fc.commands(commandArbs, { maxCommands: MOST_COMMANDS, size: 'max' }),
    async (commands) => {
      const store = open();
      try {
        const { model, real } = await newWorld(store, seen);
        await fc.asyncModelRun(() => ({ model, real }), commands);
        await lookAround(model, real);
      } finally {
        await store.close();
      }
    },
  );
  await fc.assert(story, { numRuns });
  return seen;
}

test('whatever people and strangers do, in whatever order and at once, the rules hold', async () => {
  const seen = await keepsTheRules(memoryStore, MEMORY_RUNS);
  expect(MUST_HAPPEN.filter((tag) => !seen.has(tag))).toEqual([]);
}, 300_000);

test('they hold on SQLite too', async () => {
  const folder = temporaryFolder();
  let opened = 0;
  const open = () => {
    opened += 1;
    return openSqliteStore(join(folder, `${opened}.db`));
  };
  const seen = await keepsTheRules(open, SQLITE_RUNS);
  expect(MUST_HAPPEN_ANYHOW.filter((tag) => !seen.has(tag))).toEqual([]);
}, 300_000);
