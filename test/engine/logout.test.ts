import { expect, test } from 'vitest';
import { logout, whoIsSignedIn } from '../../src/engine.ts';
import { must, PASSWORD, world } from '../support/world.ts';

test('ends only the session of the browser that signs out', async () => {
  const { deps, signUp, signIn } = world();
  await signUp();
  const [here, there] = [await signIn(PASSWORD), await signIn(PASSWORD)];
  if (here.kind !== 'ok' || there.kind !== 'ok') throw new Error('not signed in');
  expect(await logout(deps, { session: must(here.issued.session) })).toEqual({ kind: 'ok' });
  expect(await whoIsSignedIn(deps, { session: must(here.issued.session) })).toBeUndefined();
  expect(await whoIsSignedIn(deps, { session: must(there.issued.session) })).toBeDefined();
});

test('the device stays known after a sign-out', async () => {
  const { deps, signUp, signIn, lockOut } = world();
  await signUp();
  const signedIn = await signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  await logout(deps, { session: must(signedIn.issued.session) });
  await lockOut();
  expect(await signIn(PASSWORD, { device: signedIn.issued.device })).toMatchObject({ kind: 'ok' });
});

test('is ok without a session', async () => {
  expect(await logout(world().deps, {})).toEqual({ kind: 'ok' });
});
