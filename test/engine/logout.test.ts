import { expect, test } from 'vitest';
import { logout, whoIsSignedIn } from '../../src/engine.ts';
import { must, PASSWORD, world } from '../support/world.ts';

test('ends the session of the browser that asks, and of no other', async () => {
  const { ports, signUp, signIn } = world();
  await signUp();
  const [here, there] = [await signIn(PASSWORD), await signIn(PASSWORD)];
  if (here.kind !== 'ok' || there.kind !== 'ok') throw new Error('not signed in');
  expect(await logout(ports, { session: must(here.grants.session) })).toEqual({ kind: 'ok' });
  expect(await whoIsSignedIn(ports, { session: must(here.grants.session) })).toBeUndefined();
  expect(await whoIsSignedIn(ports, { session: must(there.grants.session) })).toBeDefined();
});

test('the device stays known', async () => {
  const { ports, signUp, signIn, lockOut } = world();
  await signUp();
  const signedIn = await signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  await logout(ports, { session: must(signedIn.grants.session) });
  await lockOut();
  expect(await signIn(PASSWORD, { device: signedIn.grants.device })).toMatchObject({ kind: 'ok' });
});

test('without a session there is nothing to end', async () => {
  expect(await logout(world().ports, {})).toEqual({ kind: 'ok' });
});
