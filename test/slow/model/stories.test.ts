import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../src/sqlite/store.ts';
import { runStories } from '../../model/stories.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { memoryStore } from '../../support/memory-store.ts';

/** The events of both runs. */
const EXPECTED = [
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
  'an old device token that ended',
  'a device that has not received its new token',
  'a code that was refused',
  'a session ended by a reset',
  'a session that is over',
  'who: signed in',
  'who: signed out',
  'login: code_required',
  'a sign-in with a code',
  'an unfinished account replaced',
  'an account request without a session',
  'page: ok',
  'prove: ok',
  'prove: wrong',
  'a session ended by wrong proofs',
  'changeName: ok',
  'changePwd: ok',
  'changePwd: prove_again',
  'askPhone: code_sent',
  'askPhone: slow_down',
  'the code of the old phone',
  'givePhone: ok',
  'givePhone: wrong_code',
  'givePhone: expired_code',
  'endSession: ok',
  'forgetDevice: ok',
  'deleteAccount: ok',
];

/** These are rarer, so only the longer run has them surely. */
const RARE = [
  'no sign-in code after a hundred wrong ones',
  'a sign-in code beside a lock',
  'deleteAccount: prove_again',
];

test('the rules hold for five hundred random sequences of actions', async () => {
  const seen = await runStories(memoryStore, 500);
  expect([...EXPECTED, ...RARE].filter((event) => !seen.has(event))).toEqual([]);
});

test('the rules hold for a hundred of them on SQLite', async () => {
  const folder = temporaryFolder();
  let opened = 0;
  const open = () => {
    opened += 1;
    return openSqliteStore(join(folder, `${opened}.db`));
  };
  const seen = await runStories(open, 100);
  expect(EXPECTED.filter((event) => !seen.has(event))).toEqual([]);
});
