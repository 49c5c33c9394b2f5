import { afterEach, describe, expect, test } from 'vitest';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import { type Code, NEVER, type Session, type Store, StoreUnavailable, type Tx } from '../../src/store.ts';
import { nthNewestEvent } from '../support/events.ts';
import { proofFor } from '../support/page.ts';
import { must, PASSWORD, world } from '../support/world.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const KEYS = { storedKey: new Uint8Array(32).fill(1), serverKey: new Uint8Array(32).fill(2) };
const USER = {
  email: 'ann@example.com',
  phoneno: '+12025550123',
  fname: 'Ann',
  lname: 'Lee',
  kdf: 'k',
  ...KEYS,
};
const CODE: Code = {
  id: 'c1',
  email: USER.email,
  purpose: 'unlock',
  device: '',
  phoneno: '',
  createdAtMs: NOW,
  expiresAtMs: NOW + 3_600_000,
  sentAtMs: NOW,
  isSpent: false,
  delivery: 'sending',
  reason: undefined,
  duringOutage: false,
  isSuppressed: false,
  requestedByKnownDevice: false,
};

const BOB = { ...USER, email: 'bob@example.com' };
const UNLOCK = { purpose: 'unlock', device: '', phoneno: '' } as const;
const VISITOR = { network: '203.0.113.9', browser: 'Firefox on Linux' };

/** Adds a token that expires after 100 ms to a device. */
const addToken = (tx: Tx, email: string, id: string, tokenHash: string, nowMs: number, maxPerUser = 9) =>
  tx.addDeviceToken(email, { id, tokenHash, nowMs, expiresAtMs: nowMs + 100, ...VISITOR }, maxPerUser);
const session = (email: string, nowMs: number, change: Partial<Session> = {}): Session => ({
  id: `id of ${email}`,
  email,
  device: 'd1',
  createdAtMs: nowMs,
  seenAtMs: nowMs,
  provedAtMs: nowMs,
  ...VISITOR,
  ...change,
});

/** Tests the promises of every store. `open` creates an empty one. */
export function storeContract(open: () => Store): void {
  let stores: Store[] = [];
  const fresh = () => {
    const store = open();
    stores.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of stores) await store.close();
    stores = [];
  });

  describe('a work', () => {
    test('returns its result', async () => {
      expect(await fresh().transact(async () => 42)).toBe(42);
    });

    test('that throws changes nothing and rejects with its error', async () => {
      const store = fresh();
      const broken = store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
      expect(await store.transact((tx) => tx.userFor(USER.email))).toBeUndefined();
    });

    test('that throws does not roll back other works', async () => {
      const store = fresh();
      const works = [0, 1, 2, 3, 4].map((index) =>
        store.transact(async (tx) => {
          await tx.addFailure(USER.email, '', NOW);
          if (index % 2 === 1) throw new Error('broken');
        }),
      );
      const settled = await Promise.allSettled(works);
      expect(settled.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect((await store.transact((tx) => tx.lockoutFor(USER.email, ''))).failures).toBe(3);
    });

    test('sees the changes of earlier works', async () => {
      const store = fresh();
      const counts = await Promise.all(
        Array.from({ length: 20 }, () => store.transact((tx) => tx.addFailure(USER.email, '', NOW))),
      );
      const inOrder = counts.sort((left, right) => left - right);
      expect(inOrder).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    });

    test('that never ends is rolled back, and the next works run', async () => {
      const store = fresh();
      const endless = store.transact(async (tx) => {
        await tx.addFailure(USER.email, '', NOW);
        await new Promise(() => undefined);
      });
      const next = store.transact((tx) => tx.lockoutFor(USER.email, ''));
      await expect(endless).rejects.toThrow('rolled back');
      expect(await next).toEqual({ failures: 0, isLocked: false });
    });

    test('can change nothing after its end', async () => {
      const store = fresh();
      const kept: Tx[] = [];
      await store.transact(async (tx) => void kept.push(tx));
      await expect((async () => must(kept[0]).addUser(USER, NOW))()).rejects.toThrow('over');
      expect(await store.transact((tx) => tx.userFor(USER.email))).toBeUndefined();
    });

    test('is refused as unavailable after the store is closed', async () => {
      const store = fresh();
      const before = store.transact(async () => 'done');
      const closed = store.close();
      await expect(store.transact(async () => 'late')).rejects.toThrow(StoreUnavailable);
      expect(await before).toBe('done');
      await closed;
      stores = [];
    });
  });

  describe('a read', () => {
    test('returns what earlier works have left', async () => {
      const store = fresh();
      const nameOf = () => store.read(async (tx) => (await tx.userFor(USER.email))?.fname);
      expect(await nameOf()).toBeUndefined();
      await store.transact((tx) => tx.addUser(USER, NOW));
      expect(await nameOf()).toBe('Ann');
      await store.transact((tx) => tx.setName(USER.email, 'Anna', 'Lee'));
      expect(await nameOf()).toBe('Anna');
    });

    test('that throws rejects with its error', async () => {
      const broken = fresh().read(async () => {
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
    });

    test('is refused as unavailable after the store is closed', async () => {
      const store = fresh();
      await store.close();
      await expect(store.read(async () => 'late')).rejects.toThrow(StoreUnavailable);
      stores = [];
    });
  });

  describe('a transaction', () => {
    test('a user is added once and read back unchanged', async () => {
      const store = fresh();
      expect(await store.transact((tx) => tx.addUser(USER, NOW))).toBe(true);
      expect(await store.transact((tx) => tx.addUser({ ...USER, fname: 'Eve' }, NOW))).toBe(false);
      const { storedKey, serverKey, ...rest } = must(await store.transact((tx) => tx.userFor(USER.email)));
      expect(rest).toMatchObject({
        email: USER.email,
        phoneno: USER.phoneno,
        fname: 'Ann',
        lname: 'Lee',
        kdf: 'k',
      });
      expect([...storedKey, ...serverKey]).toEqual([...KEYS.storedKey, ...KEYS.serverKey]);
    });

    test('new keys replace the old ones of only that user', async () => {
      const store = fresh();
      const bob = { ...USER, email: 'bob@example.com' };
      const keys = { storedKey: new Uint8Array(32).fill(3), serverKey: new Uint8Array(32).fill(4) };
      await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(bob, NOW);
        await tx.setKeys(USER.email, 'k2', keys, NOW);
      });
      const [ann, other] = await store.transact(async (tx) => [
        await tx.userFor(USER.email),
        await tx.userFor(bob.email),
      ]);
      expect([must(ann).kdf, must(ann).storedKey[0], must(other).kdf, must(other).storedKey[0]]).toEqual([
        'k2',
        3,
        'k',
        1,
      ]);
    });

    test('a seed is valid once, for its own address, before it expires', async () => {
      const store = fresh();
      const seed = { seed: 's', email: USER.email, network: 'n', expiresAtMs: NOW + 100 };
      const taken = await store.transact(async (tx) => {
        await tx.addSeed({ ...seed, id: 'one' }, 10);
        await tx.addSeed({ ...seed, id: 'two' }, 10);
        return [
          await tx.takeSeed('one', 'bob@example.com', NOW),
          await tx.takeSeed('one', USER.email, NOW + 99),
          await tx.takeSeed('one', USER.email, NOW + 99),
          await tx.takeSeed('two', USER.email, NOW + 100),
        ];
      });
      expect(taken).toEqual([undefined, 's', undefined, undefined]);
    });

    test('a network loses its oldest seeds, even if the clock was set back', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        const add = (id: string, network: string, expiresAtMs: number, most: number) =>
          tx.addSeed({ id, seed: id, email: USER.email, network, expiresAtMs }, most);
        await add('neighbour', 'other', NOW + 1, 2);
        await add('first', 'n', NOW + 7_200_000, 2);
        await add('second', 'n', NOW + 7_200_000, 2);
        await add('third', 'n', NOW + 1, 2);
        await add('unlimited', 'n', NOW + 1, Number.POSITIVE_INFINITY);
        return Promise.all(
          ['neighbour', 'first', 'second', 'third', 'unlimited'].map((id) =>
            tx.takeSeed(id, USER.email, NOW),
          ),
        );
      });
      expect(left).toEqual(['neighbour', undefined, 'second', 'third', 'unlimited']);
    });

    test('events count under each of their keys, newest first', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.countEvent(['a', 'b'], NOW);
        await tx.countEvent(['a'], NOW + 5);
        await tx.countEvent(['a'], NOW + 5);
        const nth = (key: string, place: number, sinceMs = NOW - 1, untilMs = NOW + 5) =>
          nthNewestEvent(tx, key, place, sinceMs, untilMs);
        return [
          [await nth('a', 1), await nth('a', 2), await nth('a', 3), await nth('a', 4)],
          [await nth('b', 1), await nth('b', 2), await nth('c', 1)],
          // Counts events after `sinceMs` and up to `untilMs`, because later ones come from a clock that was set back.
          [await nth('a', 3, NOW), await nth('a', 1, NOW - 1, NOW + 4)],
        ];
      });
      expect(found).toEqual([
        [NOW + 5, NOW + 5, NOW, undefined],
        [NOW, undefined, undefined],
        [undefined, undefined],
      ]);
    });

    test('an event deletes later events of its keys, because the clock was set back', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        for (const atMs of [NOW, NOW + 9, NOW + 9]) await tx.countEvent(['a', 'b'], atMs);
        await tx.countEvent(['a'], NOW + 5);
        const nth = (key: string, nth: number) => ({ key, nth, sinceMs: 0 });
        const queries = [nth('a', 1), nth('a', 2), nth('a', 3), nth('b', 1), nth('b', 3)];
        return tx.nthNewestEvents(queries, NOW + 10);
      });
      expect(found).toEqual([NOW + 5, NOW, undefined, NOW + 9, NOW]);
    });

    test('a shared value is the one set last under its key, until it expires', async () => {
      const store = fresh();
      await store.transact((tx) => tx.setSharedValue('a', 'first', NOW + 1));
      const found = await store.transact(async (tx) => {
        await tx.setSharedValue('b', 'other', NEVER);
        await tx.setSharedValue('a', 'second', NOW + 9);
        const values = [await tx.sharedValue('a', NOW + 8), await tx.sharedValue('a', NOW + 9)];
        return [...values, await tx.sharedValue('b', NEVER - 1), await tx.sharedValue('c', NOW)];
      });
      expect(found).toEqual(['second', undefined, 'other', undefined]);
    });

    test('leases of a limit grant no more than its most in all, and end with its window', async () => {
      const store = fresh();
      const lease = store.lease?.bind(store);
      if (lease === undefined) return;
      const granted: number[] = [];
      for (const key of ['a', 'a', 'a', 'a', 'b']) granted.push((await lease(key, 2, 5, 60_000)).granted);
      expect(granted).toEqual([2, 2, 1, 0, 2]);
      const { endsInMs } = await lease('a', 2, 5, 60_000);
      expect(endsInMs).toBeGreaterThan(0);
      expect(endsInMs).toBeLessThanOrEqual(60_000);
      expect((await lease('short', 5, 5, 1)).granted).toBe(5);
      await expect.poll(async () => (await lease('short', 1, 5, 1)).granted).toBe(1);
    });

    test('leases of fifty at once grant no more than the most', async () => {
      const store = fresh();
      const lease = store.lease?.bind(store);
      if (lease === undefined) return;
      const all = await Promise.all(Array.from({ length: 50 }, () => lease('a', 3, 40, 60_000)));
      expect(all.reduce((sum, { granted }) => sum + granted, 0)).toBe(40);
    });

    test('the last event can be undone under each key, and all events of a key can be deleted', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.countEvent(['a', 'b'], NOW);
        await tx.countEvent(['a', 'b'], NOW + 1);
        await tx.uncountEvent(['a', 'c']);
        const left = async () => [
          await nthNewestEvent(tx, 'a', 1, 0, NOW + 2),
          await nthNewestEvent(tx, 'a', 2, 0, NOW + 2),
          await nthNewestEvent(tx, 'b', 2, 0, NOW + 2),
        ];
        const before = await left();
        await tx.forgetEvents('b');
        await tx.countEvent(['a'], NOW + 2);
        return [before, await left()];
      });
      expect(found).toEqual([
        [NOW, undefined, NOW],
        [NOW + 2, NOW, undefined],
      ]);
    });

    test('a user keeps the phone confirmation, and the time of the first device until all are forgotten', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        const bob = { ...USER, email: 'bob@example.com' };
        await tx.addUser(USER, NOW);
        await tx.addUser(bob, NOW);
        const seen = async () =>
          [await tx.userFor(USER.email), await tx.userFor(bob.email)].map((user) => [
            user?.isPhoneConfirmed,
            user?.knownSinceMs,
          ]);
        const fresh = await seen();
        await tx.confirmPhone(USER.email, NOW);
        await addToken(tx, USER.email, 'd', 'h', NOW);
        await addToken(tx, USER.email, 'e', 'i', NOW + 1);
        await addToken(tx, USER.email, 'd', 'g', NOW + 2);
        const known = await seen();
        await tx.forgetBrowsers(USER.email, NOW);
        const forgotten = await seen();
        await addToken(tx, USER.email, 'f', 'j', NOW + 3);
        await addToken(tx, USER.email, 'g', 'k', NOW + 2);
        return [fresh, known, forgotten, await seen()];
      });
      const bob = [false, undefined];
      expect(found).toEqual([
        [[false, undefined], bob],
        [[true, NOW], bob],
        [[true, undefined], bob],
        [[true, NOW + 2], bob],
      ]);
    });

    test('the first account of a phone is the one that signed up first', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.addUser({ ...USER, email: 'zoe@example.com' }, NOW);
        await tx.addUser(USER, NOW + 1);
        await tx.addUser({ ...USER, email: 'bob@example.com', phoneno: '+12025550124' }, NOW + 2);
        const asked = ['zoe@example.com', USER.email, 'nobody@example.com'];
        return Promise.all(asked.map(async (email) => (await tx.phoneClaims(email, USER.phoneno)).isFirst));
      });
      expect(found).toEqual([true, false, false]);
    });

    test('a phone is claimed if another account has confirmed it', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.addUser({ ...USER, email: 'zoe@example.com' }, NOW);
        await tx.addUser(USER, NOW + 1);
        await tx.confirmPhone(USER.email, NOW + 2);
        const asked = ['zoe@example.com', USER.email];
        return Promise.all(asked.map((email) => tx.phoneClaims(email, USER.phoneno)));
      });
      expect(found).toEqual([
        { isFirst: true, isConfirmedElsewhere: true },
        { isFirst: false, isConfirmedElsewhere: false },
      ]);
    });

    test('a code stays suppressed until its message is sent, and a sent code is never suppressed', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.addCode({ ...CODE, isSuppressed: true });
        await tx.addFlow('f1', 'c1', 3);
        const isSuppressed = async () => (await tx.flowFor('f1'))?.code.isSuppressed;
        const seen = [await isSuppressed()];
        for (const again of [true, false, true]) {
          await tx.resendCode(
            'c1',
            { duringOutage: false, isSuppressed: again, requestedByKnownDevice: true },
            NOW,
          );
          seen.push(await isSuppressed());
        }
        return seen;
      });
      expect(found).toEqual([true, true, false, false]);
    });

    test('a lock and its failures are cleared together, for one device or for all', async () => {
      const store = fresh();
      const lockouts = await store.transact(async (tx) => {
        for (const device of ['', 'd1', 'd2']) {
          await tx.addFailure(USER.email, device, NOW);
          await tx.lock(USER.email, device, NOW);
        }
        await tx.clearLockout(USER.email, 'd1');
        const one = [await tx.lockoutFor(USER.email, 'd1'), await tx.lockoutFor(USER.email, '')];
        await tx.clearLockouts(USER.email);
        return [...one, await tx.lockoutFor(USER.email, ''), await tx.lockoutFor(USER.email, 'd2')];
      });
      expect(lockouts.map(({ failures, isLocked }) => [failures, isLocked])).toEqual([
        [0, false],
        [1, true],
        [0, false],
        [0, false],
      ]);
    });

    test('the newest code of a lockout is the one sent last, but not in the future', async () => {
      const store = fresh();
      const newest = await store.transact(async (tx) => {
        await tx.addCode(CODE);
        await tx.addCode({ ...CODE, id: 'c2', sentAtMs: NOW + 10 });
        await tx.addCode({ ...CODE, id: 'c3', device: 'd1', sentAtMs: NOW + 20 });
        await tx.addCode({ ...CODE, id: 'c4', purpose: 'reset', sentAtMs: NOW + 20 });
        const before = await tx.newestCode(USER.email, UNLOCK, NOW + 20);
        await tx.resendCode(
          'c1',
          { duringOutage: true, isSuppressed: false, requestedByKnownDevice: false },
          NOW + 30,
        );
        return [
          before?.id,
          (await tx.newestCode(USER.email, UNLOCK, NOW + 30))?.id,
          (await tx.newestCode(USER.email, UNLOCK, NOW + 20))?.id,
          (await tx.newestCode('bob@example.com', UNLOCK, NOW + 30))?.id,
        ];
      });
      expect(newest).toEqual(['c2', 'c1', 'c2', undefined]);
    });

    test('a delivery result replaces only the given earlier results', async () => {
      const store = fresh();
      const states = await store.transact(async (tx) => {
        await tx.addCode(CODE);
        const now = async () => {
          const code = await tx.newestCode(USER.email, UNLOCK, NOW);
          return [code?.delivery, code?.reason];
        };
        await tx.noteDelivery('c1', 'sent', ['sending']);
        await tx.noteDelivery('c1', 'refused', ['sending'], 'busy');
        const kept = await now();
        await tx.noteDelivery('c1', 'failed', ['sent', 'unknown'], 'opted_out');
        return [kept, await now()];
      });
      expect(states).toEqual([
        ['sent', undefined],
        ['failed', 'opted_out'],
      ]);
    });

    test('a code has no more flows than the caller allows', async () => {
      const store = fresh();
      const added = await store.transact(async (tx) => {
        await tx.addCode(CODE);
        return [
          await tx.addFlow('f1', 'c1', 2),
          await tx.addFlow('f2', 'c1', 2),
          await tx.addFlow('f3', 'c1', 2),
        ];
      });
      expect(added).toEqual([true, true, false]);
      expect(await store.transact((tx) => tx.flowFor('f3'))).toBeUndefined();
    });

    test('a try marks only its own flow, and spending a code marks all its flows', async () => {
      const store = fresh();
      const [first, second] = await store.transact(async (tx) => {
        await tx.addCode(CODE);
        await tx.addFlow('f1', 'c1', 3);
        await tx.addFlow('f2', 'c1', 3);
        await tx.markTried('f1', NOW);
        await tx.spendCode('c1', NOW);
        return [must(await tx.flowFor('f1')), must(await tx.flowFor('f2'))];
      });
      expect([first.isTried, first.code.isSpent, second.isTried, second.code.isSpent]).toEqual([
        true,
        true,
        false,
        true,
      ]);
    });

    test('the codes of an account are spent together, or those of one purpose alone', async () => {
      const store = fresh();
      const spent = await store.transact(async (tx) => {
        await tx.addCode({ ...CODE, id: 'a', purpose: 'newphone' });
        await tx.addCode({ ...CODE, id: 'b', purpose: 'signin' });
        await tx.addCode({ ...CODE, id: 'c', purpose: 'newphone', email: BOB.email });
        for (const id of ['a', 'b', 'c']) await tx.addFlow(id, id, 3);
        const isSpent = async (id: string) => (await tx.flowFor(id))?.code.isSpent;
        const all = async () => [await isSpent('a'), await isSpent('b'), await isSpent('c')];
        await tx.spendCodes(USER.email, NOW, 'newphone');
        const ofOnePurpose = await all();
        await tx.spendCodes(USER.email, NOW);
        return [ofOnePurpose, await all()];
      });
      expect(spent).toEqual([
        [true, false, false],
        [true, true, false],
      ]);
    });

    test('forgetting the codes of an account also deletes its flows, and no others', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addCode(CODE);
        await tx.addFlow('f1', 'c1', 3);
        await tx.addCode({ ...CODE, id: 'c2', email: 'bob@example.com' });
        await tx.addFlow('f2', 'c2', 3);
        await tx.spendCodes('bob@example.com', NOW);
        await tx.forgetCodes(USER.email);
        return [await tx.flowFor('f1'), (await tx.flowFor('f2'))?.code.isSpent];
      });
      expect(left).toEqual([undefined, true]);
    });

    test('a device is found by each of its tokens, for its own account, until the token expires', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await addToken(tx, USER.email, 'd1', 't1', NOW);
        await addToken(tx, USER.email, 'd2', 't3', NOW);
        await addToken(tx, BOB.email, 'd4', 't4', NOW);
        await addToken(tx, USER.email, 'd1', 't2', NOW + 100);
        await addToken(tx, 'nobody@example.com', 'd5', 't5', NOW);
        return [
          await tx.deviceFor(USER.email, 't1', NOW),
          await tx.deviceFor(USER.email, 't2', NOW),
          await tx.deviceFor(USER.email, 't3', NOW),
          await tx.deviceFor(BOB.email, 't2', NOW),
          await tx.deviceFor('nobody@example.com', 't5', NOW),
          await tx.deviceFor(USER.email, 't1', NOW + 100),
          await tx.deviceFor(USER.email, 't2', NOW + 200),
        ];
      });
      const d1 = { id: 'd1', hasOlderTokens: false };
      const none = undefined;
      expect(found).toEqual([
        d1,
        { ...d1, hasOlderTokens: true },
        { ...d1, id: 'd2' },
        none,
        none,
        none,
        none,
      ]);
    });

    test('the older tokens of a device end alone, even if the clock was set back', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await addToken(tx, USER.email, 'd1', 't1', NOW);
        await addToken(tx, USER.email, 'd2', 't2', NOW);
        await addToken(tx, BOB.email, 'd1', 't3', NOW);
        await addToken(tx, USER.email, 'd1', 't4', NOW - 9);
        await addToken(tx, USER.email, 'd1', 't5', NOW - 9);
        await tx.endOlderTokens(USER.email, 't4');
        return [
          await tx.deviceFor(USER.email, 't1', NOW),
          await tx.deviceFor(USER.email, 't2', NOW),
          await tx.deviceFor(BOB.email, 't3', NOW),
          await tx.deviceFor(USER.email, 't4', NOW),
          await tx.deviceFor(USER.email, 't5', NOW),
        ].map((device) => device && [device.id, device.hasOlderTokens]);
      });
      expect(left).toEqual([undefined, ['d2', false], ['d1', false], ['d1', false], ['d1', true]]);
    });

    test('a user keeps the newest device tokens, even if the clock was set back', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await addToken(tx, BOB.email, 'd0', 't0', NOW - 99);
        await addToken(tx, USER.email, 'd1', 't1', NOW + 9, 3);
        await addToken(tx, USER.email, 'd2', 't2', NOW, 3);
        await addToken(tx, USER.email, 'd1', 't3', NOW, 3);
        await tx.endOlderTokens(USER.email, 't3');
        await addToken(tx, USER.email, 'd3', 't4', NOW, 3);
        await addToken(tx, USER.email, 'd4', 't5', NOW, 3);
        const ids = [await tx.deviceFor(BOB.email, 't0', NOW)];
        for (const token of ['t1', 't2', 't3', 't4', 't5'])
          ids.push(await tx.deviceFor(USER.email, token, NOW));
        return ids.map((device) => device?.id);
      });
      expect(left).toEqual(['d0', undefined, undefined, 'd1', 'd3', 'd4']);
    });

    test('a user who never had a device is replaced by another sign-up, and no other user is', async () => {
      const store = fresh();
      const other = { ...USER, phoneno: '+12025550199', fname: 'Eve' };
      const found = await store.transact(async (tx) => {
        const before = await tx.replaceUnfinished(other, NOW);
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await tx.addFailedSignInCode(USER.email);
        const replaced = await tx.replaceUnfinished(other, NOW + 1);
        const user = await tx.userFor(USER.email);
        await addToken(tx, USER.email, 'd', 't', NOW + 2);
        await tx.forgetBrowsers(USER.email, NOW + 3);
        const finished = await tx.replaceUnfinished(USER, NOW + 4);
        return [before, replaced, user, finished, await tx.userFor(USER.email), await tx.userFor(BOB.email)];
      });
      const unused = { isPhoneConfirmed: false, knownSinceMs: undefined, failedSignInCodes: 0 };
      expect(found).toMatchObject([
        false,
        true,
        { fname: 'Eve', phoneno: '+12025550199', ...unused, isFinished: false },
        false,
        { fname: 'Eve', phoneno: '+12025550199', isFinished: true },
        { fname: 'Ann', isFinished: false },
      ]);
    });

    test('wrong sign-in codes are counted for one user, until they are cleared', async () => {
      const store = fresh();
      const counts = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        for (let wrong = 0; wrong < 3; wrong += 1) await tx.addFailedSignInCode(USER.email);
        const countOf = async (email: string) => (await tx.userFor(email))?.failedSignInCodes;
        const before = [await countOf(USER.email), await countOf(BOB.email)];
        await tx.clearFailedSignInCodes(USER.email);
        return [...before, await countOf(USER.email)];
      });
      expect(counts).toEqual([3, 0, 0]);
    });

    test('the newest code is found for each new number apart', async () => {
      const store = fresh();
      const about = (phoneno: string) => ({ purpose: 'newphone', device: '', phoneno }) as const;
      const ids = await store.transact(async (tx) => {
        await tx.addCode({ ...CODE, ...about('+1a'), id: 'a' });
        await tx.addCode({ ...CODE, ...about('+1b'), id: 'b', sentAtMs: NOW + 1 });
        const idOf = async (phoneno: string) =>
          (await tx.newestCode(USER.email, about(phoneno), NOW + 2))?.id;
        return [await idOf('+1a'), await idOf('+1b'), await idOf('+1c')];
      });
      expect(ids).toEqual(['a', 'b', undefined]);
    });

    test('the devices of a user are listed once each, the last seen first', async () => {
      const store = fresh();
      const devices = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await addToken(tx, USER.email, 'd1', 't1', NOW);
        await addToken(tx, USER.email, 'd2', 't2', NOW + 1);
        await addToken(tx, USER.email, 'd1', 't3', NOW + 2);
        await addToken(tx, USER.email, 'expired', 't4', NOW - 100);
        await addToken(tx, BOB.email, 'd3', 't5', NOW);
        return tx.devicesOf(USER.email, NOW + 3);
      });
      expect(devices).toEqual([
        { id: 'd1', createdAtMs: NOW, seenAtMs: NOW + 2, ...VISITOR },
        { id: 'd2', createdAtMs: NOW + 1, seenAtMs: NOW + 1, ...VISITOR },
      ]);
    });

    test('a forgotten device loses its tokens, sessions and lockout, and no other one does', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        for (const [email, id] of [
          [USER.email, 'd1'],
          [USER.email, 'd2'],
          [BOB.email, 'd1'],
        ] as const) {
          const name = `${id} of ${email}`;
          await addToken(tx, email, id, name, NOW);
          await tx.addSession(name, session(email, NOW, { device: id }), 50);
          await tx.addFailure(email, id, NOW);
        }
        await tx.forgetDevice(USER.email, 'd1');
        const found = [];
        for (const name of [`d1 of ${USER.email}`, `d2 of ${USER.email}`, `d1 of ${BOB.email}`]) {
          const [id = '', email = ''] = name.split(' of ');
          found.push([
            (await tx.deviceFor(email, name, NOW))?.id,
            (await tx.sessionFor(name))?.device,
            (await tx.lockoutFor(email, id)).failures,
          ]);
        }
        return found;
      });
      expect(left).toEqual([
        [undefined, undefined, 0],
        ['d2', 'd2', 1],
        ['d1', 'd1', 1],
      ]);
    });

    test('sessions of a user are listed, end by their id, and record a proved password', async () => {
      const store = fresh();
      const found = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await tx.addSession('s1', session(USER.email, NOW, { id: 'one' }), 50);
        await tx.addSession('s2', session(USER.email, NOW + 1, { id: 'two' }), 50);
        await tx.addSession('s3', session(BOB.email, NOW, { id: 'three' }), 50);
        await tx.noteProved('s1', NOW + 5);
        const listed = await tx.sessionsOf(USER.email);
        await tx.endSessionById(USER.email, 'two');
        await tx.endSessionById(USER.email, 'three');
        const left = [await tx.sessionFor('s1'), await tx.sessionFor('s2'), await tx.sessionFor('s3')];
        return [listed, left.map((one) => one?.id)];
      });
      expect(found).toEqual([
        [
          session(USER.email, NOW + 1, { id: 'two' }),
          session(USER.email, NOW, { id: 'one', provedAtMs: NOW + 5 }),
        ],
        ['one', undefined, 'three'],
      ]);
    });

    test('a changed name and a changed phone are stored, and the phone is confirmed', async () => {
      const store = fresh();
      const user = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.setName(USER.email, 'Anna', 'Ree');
        await tx.setPhone(USER.email, '+12025550177', NOW);
        return tx.userFor(USER.email);
      });
      expect(user).toMatchObject({
        fname: 'Anna',
        lname: 'Ree',
        phoneno: '+12025550177',
        isPhoneConfirmed: true,
      });
    });

    test('a deleted user keeps no session, device, code, flow or lockout, and other users stay', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        for (const user of [USER, BOB]) {
          await tx.addUser(user, NOW);
          await addToken(tx, user.email, 'd', `t of ${user.email}`, NOW);
          await tx.addSession(`s of ${user.email}`, session(user.email, NOW), 50);
          await tx.addCode({ ...CODE, email: user.email, id: `c of ${user.email}` });
          await tx.addFlow(`f of ${user.email}`, `c of ${user.email}`, 3);
          await tx.addFailure(user.email, '', NOW);
        }
        await tx.deleteUser(USER.email);
        const found = [];
        for (const { email } of [USER, BOB]) {
          found.push([
            (await tx.userFor(email))?.email,
            (await tx.deviceFor(email, `t of ${email}`, NOW))?.id,
            (await tx.sessionFor(`s of ${email}`))?.email,
            (await tx.flowFor(`f of ${email}`))?.code.id,
            (await tx.lockoutFor(email, '')).failures,
          ]);
        }
        return found;
      });
      expect(left).toEqual([
        [undefined, undefined, undefined, undefined, 0],
        [BOB.email, 'd', BOB.email, `c of ${BOB.email}`, 1],
      ]);
    });

    test('the records of a user have the codes and lockouts of the user alone', async () => {
      const store = fresh();
      const records = await store.transact(async (tx) => {
        for (const user of [USER, BOB]) {
          await tx.addUser(user, NOW);
          await tx.addCode({ ...CODE, email: user.email, id: `c of ${user.email}` });
          await tx.addFailure(user.email, 'd', NOW);
        }
        return tx.recordsOf(USER.email);
      });
      expect(records.codes).toMatchObject([{ id: `c of ${USER.email}`, purpose: 'unlock' }]);
      expect(records.lockouts).toMatchObject([
        { device: 'd', failures: 1, isLocked: false, changedAtMs: NOW },
      ]);
    });

    test('all devices of a user are forgotten together', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser(BOB, NOW);
        await addToken(tx, USER.email, 'd1', 't1', NOW);
        await addToken(tx, USER.email, 'd2', 't2', NOW);
        await addToken(tx, BOB.email, 'd3', 't3', NOW);
        await tx.forgetBrowsers(USER.email, NOW);
        return [
          await tx.deviceFor(USER.email, 't1', NOW),
          await tx.deviceFor(USER.email, 't2', NOW),
          (await tx.deviceFor(BOB.email, 't3', NOW))?.id,
        ];
      });
      expect(left).toEqual([undefined, undefined, 'd3']);
    });

    test('a device was seen when one of its sessions was', async () => {
      const store = fresh();
      const seen = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await addToken(tx, USER.email, 'd1', 't1', NOW);
        await addToken(tx, USER.email, 'd1', 't2', NOW + 1);
        await addToken(tx, USER.email, 'd2', 't3', NOW + 2);
        await tx.addSession('s1', { ...session(USER.email, NOW), device: 'd1' }, 50);
        await tx.noteSeen('s1', NOW + 5);
        await tx.endSession('s1');
        return (await tx.devicesOf(USER.email, NOW + 6)).map(({ id, seenAtMs }) => [id, seenAtMs]);
      });
      expect(seen).toEqual([
        ['d1', NOW + 5],
        ['d2', NOW + 2],
      ]);
    });

    test('sessions end one by one, or all sessions of an account together', async () => {
      const store = fresh();
      const left = await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        await tx.addUser({ ...USER, email: 'bob@example.com' }, NOW);
        for (const hash of ['s1', 's2', 's3']) await tx.addSession(hash, session(USER.email, NOW), 50);
        await tx.addSession('s4', session('bob@example.com', NOW), 50);
        await tx.noteSeen('s4', NOW + 5);
        await tx.endSession('s1');
        const one = [await tx.sessionFor('s1'), (await tx.sessionFor('s2'))?.email];
        await tx.forgetBrowsers(USER.email, NOW);
        const ended = [await tx.sessionFor('s2'), await tx.sessionFor('s3')];
        await tx.addSession('s5', session(USER.email, NOW + 6), 50);
        return [
          ...one,
          ...ended,
          (await tx.sessionFor('s4'))?.seenAtMs,
          await tx.sessionFor('s5'),
          await tx.sessionFor('s3'),
        ];
      });
      const newest = session(USER.email, NOW + 6);
      expect(left).toEqual([undefined, USER.email, undefined, undefined, NOW + 5, newest, undefined]);
    });
  });

  describe('the cleanup', () => {
    test('deletes lockouts and codes thirty days after their last change, with or without an account', async () => {
      const store = fresh();
      const emails = [USER.email, 'nobody@example.com'];
      await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        for (const email of emails) {
          await tx.addFailure(email, '', NOW);
          await tx.addCode({ ...CODE, id: email, email });
          await tx.addFlow(`flow of ${email}`, email, 3);
        }
        await tx.noteDelivery(USER.email, 'sent', ['sending']);
      });
      const leftAt = async (nowMs: number) => {
        await cleanUp(store, nowMs);
        return store.transact(async (tx) =>
          Promise.all(
            emails.map(async (email) => [
              (await tx.lockoutFor(email, '')).failures,
              (await tx.flowFor(`flow of ${email}`))?.code.email,
            ]),
          ),
        );
      };
      expect(await leftAt(NOW + 30 * DAY)).toEqual([
        [1, USER.email],
        [1, 'nobody@example.com'],
      ]);
      expect(await leftAt(NOW + 30 * DAY + 1)).toEqual([
        [0, undefined],
        [0, undefined],
      ]);
      expect(await store.transact((tx) => tx.userFor(USER.email))).toBeDefined();
    });

    test('keeps a code for thirty days after its last try', async () => {
      const store = fresh();
      await store.transact(async (tx) => {
        await tx.addCode(CODE);
        await tx.addFlow('f1', 'c1', 3);
        await tx.markTried('f1', NOW + DAY);
      });
      await cleanUp(store, NOW + 30 * DAY + 1);
      expect(await store.transact((tx) => tx.flowFor('f1'))).toBeDefined();
    });

    test('deletes events after a day', async () => {
      const store = fresh();
      await store.transact(async (tx) => {
        await tx.countEvent(['k'], NOW - DAY - 1);
        await tx.countEvent(['k'], NOW - DAY);
      });
      await cleanUp(store, NOW);
      const left = await store.transact(async (tx) => [
        await nthNewestEvent(tx, 'k', 1, 0, NOW),
        await nthNewestEvent(tx, 'k', 2, 0, NOW),
      ]);
      expect(left).toEqual([NOW - DAY, undefined]);
    });

    test('deletes seeds, devices and sessions after they expire, and not before', async () => {
      const store = fresh();
      await store.transact(async (tx) => {
        await tx.addUser(USER, NOW);
        for (const [id, expiresAtMs] of [
          ['old', NOW],
          ['live', NOW + 1],
        ] as const) {
          await tx.addSeed({ id, seed: id, email: USER.email, network: 'a', expiresAtMs }, 100);
          await tx.addDeviceToken(USER.email, { id, tokenHash: id, nowMs: NOW, expiresAtMs, ...VISITOR }, 9);
        }
        await tx.addSession('idle', session(USER.email, NOW - 0.5 * DAY - 1), 50);
        await tx.addSession('live', session(USER.email, NOW), 50);
      });
      await cleanUp(store, NOW);
      const left = await store.transact(async (tx) => [
        await tx.takeSeed('old', USER.email, 0),
        await tx.takeSeed('live', USER.email, 0),
        (await tx.deviceFor(USER.email, 'old', 0))?.id,
        (await tx.deviceFor(USER.email, 'live', 0))?.id,
        (await tx.sessionFor('idle'))?.email,
        (await tx.sessionFor('live'))?.email,
      ]);
      expect(left).toEqual([undefined, 'live', undefined, 'live', undefined, USER.email]);
    });

    test('deletes shared values after they expire, and not before', async () => {
      const store = fresh();
      await store.transact(async (tx) => {
        await tx.setSharedValue('over', 'value', NOW);
        await tx.setSharedValue('live', 'value', NOW + 1);
        await tx.setSharedValue('kept', 'value', NEVER);
      });
      await cleanUp(store, NOW);
      const left = (key: string) => store.transact((tx) => tx.sharedValue(key, 0));
      expect([await left('over'), await left('live'), await left('kept')]).toEqual([
        undefined,
        'value',
        'value',
      ]);
    });

    test('continues until no due row is left', async () => {
      const store = fresh();
      await store.transact(async (tx) => {
        for (let id = 0; id < 450; id += 1) await tx.addFailure(`${id}@example.com`, '', NOW);
      });
      await cleanUp(store, NOW + 31 * DAY);
      const left = await store.transact((tx) => tx.lockoutFor('449@example.com', ''));
      expect(left.failures).toBe(0);
    });
  });

  describe('the engine on this store', () => {
    test('a seed expires after five minutes', async () => {
      const { getSeed, login } = await import('../../src/engine.ts');
      const here = world({}, fresh());
      await here.signUp();
      const kindAfter = async (seconds: number) => {
        const seed = await getSeed(here.deps, { email: USER.email, network: 'n' });
        here.clock.advanceSeconds(seconds);
        const form = {
          network: 'n',
          username: USER.email,
          email: USER.email,
          ...proofFor(PASSWORD, USER.email, seed),
        };
        return (await login(here.deps, form)).kind;
      };
      expect([await kindAfter(299), await kindAfter(300)]).toEqual(['ok', 'bad_seed']);
    });

    test('fifty simultaneous wrong passwords count as three and send one message (attack 12)', async () => {
      const here = world({}, fresh());
      await here.signUp();
      const kinds = (await Promise.all(Array.from({ length: 50 }, () => here.signIn('wrong')))).map(
        ({ kind }) => kind,
      );
      await here.settled();
      expect([
        kinds.filter((kind) => kind === 'wrong').length,
        kinds.filter((kind) => kind === 'locked').length,
      ]).toEqual([2, 48]);
      expect(here.sms.sent).toHaveLength(1);
      expect((await here.deps.store.transact((tx) => tx.lockoutFor(USER.email, ''))).failures).toBe(3);
    });

    test('of fifty simultaneous tries with the right code, one succeeds (attack 11)', async () => {
      const { verifyPasscode } = await import('../../src/engine.ts');
      const here = world({}, fresh());
      await here.signUp();
      const flow = must((await here.lockOut()).flow);
      const form = { network: 'n', email: USER.email, flow, passcode: here.sms.lastPasscode() };
      const kinds = (
        await Promise.all(Array.from({ length: 50 }, () => verifyPasscode(here.deps, form)))
      ).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'ok')).toHaveLength(1);
      expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
    });
  });
}
