import { expect, test } from 'vitest';
import { resendCode, verifyPasscode } from '../../src/engine.ts';
import type { AppSecrets } from '../../src/passcode.ts';
import { assertSecret, checkSecret, notesOnSecret } from '../../src/shared/app-secret.ts';
import { memoryStore } from '../support/memory-store.ts';
import { otherThan } from '../support/sms.ts';
import { ANN, must, NETWORK, PASSWORD, world } from '../support/world.ts';

const [A, B, C] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];

test('a database accepts the secret that it was used with, and refuses another one', async () => {
  const store = memoryStore();
  expect(await checkSecret(store, [A])).toBe('same');
  expect(await checkSecret(store, [A])).toBe('same');
  expect(await checkSecret(store, [B])).toBe('other');
  expect(await checkSecret(store, [A])).toBe('same');
});

test('a new secret is accepted beside the old one, and alone after that', async () => {
  const store = memoryStore();
  await checkSecret(store, [A]);
  expect(await checkSecret(store, [B, A])).toBe('changed');
  expect(await checkSecret(store, [B])).toBe('same');
  expect(await checkSecret(store, [A])).toBe('other');
  expect(await checkSecret(store, [C])).toBe('other');
});

test('processes accept a secret that comes second before it comes first', async () => {
  const store = memoryStore();
  await checkSecret(store, [A]);
  expect(await checkSecret(store, [A, B])).toBe('same');
  expect(await checkSecret(store, [A])).toBe('same');
  expect(await checkSecret(store, [B, A])).toBe('changed');
});

test('the store of one process tells once that another secret makes codes invalid', async () => {
  const store = memoryStore();
  expect(await notesOnSecret(store, [A])).toEqual([]);
  expect(await notesOnSecret(store, undefined)).toEqual([]);
  expect(await notesOnSecret(store, [B])).toEqual([expect.stringMatching(/^APP_SECRET is not the one/)]);
  expect(await notesOnSecret(store, [B])).toEqual([]);
});

test('the store of several processes refuses another secret with a sentence that names none', async () => {
  const store = memoryStore();
  await assertSecret(store, [A]);
  await expect(assertSecret(store, [B])).rejects.toThrow(
    /^APP_SECRET is not the one .* docs\/operations\.md says how to change it, and what to do if it is lost\.$/,
  );
  await assertSecret(store, [B, A]);
  await assertSecret(store, [B]);
});

test('the store keeps no secret', async () => {
  const store = memoryStore();
  const kept: string[] = [];
  await checkSecret(
    {
      ...store,
      transact: (work, options) =>
        store.transact((tx) => {
          const set = tx.setSharedValue.bind(tx);
          const setSharedValue: typeof set = (key, value, expiresAtMs) => {
            kept.push(value);
            return set(key, value, expiresAtMs);
          };
          return work({ ...tx, setSharedValue });
        }, options),
    },
    [A],
  );
  expect(kept).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/)]);
});

/** A world whose locked owner got a code under A, and its continuation under other secrets. */
async function changedTo(...secrets: AppSecrets) {
  const store = memoryStore();
  const before = world({}, store);
  Object.assign(before.deps, { appSecrets: [A] });
  await before.signUp();
  const flow = must((await before.lockOut()).flow);
  const passcode = before.sms.lastPasscode();
  const here = world({}, store);
  Object.assign(here.deps, { appSecrets: secrets });
  const enter = (typed: string) =>
    verifyPasscode(here.deps, { network: NETWORK, email: ANN, flow, passcode: typed });
  return { here, flow, passcode, enter };
}

test('a code made under the old secret is accepted under the new one', async () => {
  const { here, enter, passcode } = await changedTo(B, A);
  expect(await enter(passcode)).toMatchObject({ kind: 'ok' });
  expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('a code made under the old secret is sent again with the same digits', async () => {
  const { here, flow, passcode, enter } = await changedTo(B, A);
  here.clock.advanceMinutes(2);
  expect(await resendCode(here.deps, { network: NETWORK, flow })).toMatchObject({ kind: 'code_sent' });
  await here.settled();
  expect(here.sms.lastPasscode()).toBe(passcode);
  expect(await enter(otherThan(passcode))).toMatchObject({ kind: 'wrong_code' });
});

test('a new code is made under the first secret', async () => {
  const { here } = await changedTo(B, A);
  here.clock.advanceMinutes(2);
  const flow = must((await here.lockOut()).flow);
  const passcode = here.sms.lastPasscode();
  Object.assign(here.deps, { appSecrets: [B] });
  const form = { network: NETWORK, email: ANN, flow, passcode };
  expect(await verifyPasscode(here.deps, form)).toMatchObject({ kind: 'ok' });
});

test('a code whose secret is gone is refused, and works again once it is sent again', async () => {
  const { here, flow, passcode, enter } = await changedTo(B);
  here.clock.advanceMinutes(2);
  await resendCode(here.deps, { network: NETWORK, flow });
  await here.settled();
  expect(here.sms.lastPasscode()).not.toBe(passcode);
  expect(await enter(here.sms.lastPasscode())).toMatchObject({ kind: 'ok' });
});
