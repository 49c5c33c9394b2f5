import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runStories } from './stories.ts';

/** Events without which a run proves little. */
const EXPECTED = [
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
  'an old device token that ended',
  'a device that has not received its new token',
  'a sign-in with a code',
  'an unfinished account replaced',
  'a session ended by wrong proofs',
  'the code of the old phone',
  'givePhone: ok',
  'changePwd: ok',
  'endSession: ok',
  'forgetDevice: ok',
  'deleteAccount: ok',
];

test('the rules hold for random sequences of actions, also at the same time', async () => {
  const seen = await runStories(memoryStore, 16);
  expect(EXPECTED.filter((event) => !seen.has(event))).toEqual([]);
});

test('the rules hold on SQLite too', async () => {
  const folder = temporaryFolder();
  let opened = 0;
  const open = () => {
    opened += 1;
    return openSqliteStore(join(folder, `${opened}.db`));
  };
  const seen = await runStories(open, 4);
  expect(seen.has('login: locked')).toBe(true);
});
