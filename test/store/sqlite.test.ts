import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { getSeed, login } from '../../src/engine.ts';
import { fileFault } from '../../src/sqlite/files.ts';
import { migrate } from '../../src/sqlite/migrations.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/sqlite/store.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { nthNewestEvent } from '../support/events.ts';
import { temporaryFolder } from '../support/folder.ts';
import { proofFor } from '../support/page.ts';
import { ROOT } from '../support/site.ts';
import { ANN, NETWORK, PASSWORD, world } from '../support/world.ts';
import { storeContract } from './contract.ts';

storeContract(() => openSqliteStore(join(temporaryFolder(), 'users.db')));

/** Opens a store, and closes it after the test. Returns it with the path of its file. */
function opened(
  options: SqliteStoreOptions = {},
  path = join(temporaryFolder(), 'users.db'),
): { store: Store; path: string } {
  const store = openSqliteStore(path, options);
  onTestFinished(() => store.close());
  return { store, path };
}

/** Connects to the same file, as another process does. */
function otherConnection(path: string): Database.Database {
  const db = new Database(path, { timeout: 0 });
  onTestFinished(() => void db.close());
  return db;
}

const fail = (store: Store, email: string) => store.transact((tx) => tx.addFailure(email, '', 0));
const failuresOf = async (store: Store, email: string) =>
  (await store.transact((tx) => tx.lockoutFor(email, ''))).failures;

describe('the file', () => {
  test('is created with its folder, and has its data when opened again', async () => {
    const path = join(temporaryFolder(), 'deep', 'er', 'users.db');
    const first = openSqliteStore(path);
    await fail(first, ANN);
    const { saltKey } = first;
    await first.close();
    const { store } = opened({}, path);
    expect(await failuresOf(store, ANN)).toBe(1);
    expect([...store.saltKey]).toEqual([...saltKey]);
  });

  test('is written with WAL and a full sync, so an answer means that the data is on disk', () => {
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    const { path } = opened();
    expect(otherConnection(path).pragma('journal_mode', { simple: true })).toBe('wal');
    expect(existsSync(`${path}-wal`)).toBe(true);
    const own = pragma.mock.contexts[0] as Database.Database;
    expect(own.pragma('synchronous', { simple: true })).toBe(2);
    expect(own.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(own.pragma('busy_timeout', { simple: true })).toBeLessThanOrEqual(20);
  });

  test('records its migrations', () => {
    const { path } = opened();
    expect(otherConnection(path).prepare('SELECT number FROM migrations').pluck().all()).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test('of an older schema keeps its users, devices, sessions, counts and codes', async () => {
    const path = join(temporaryFolder(), 'users.db');
    const db = new Database(path);
    migrate(db, 0, 2);
    db.exec(`
      INSERT INTO users VALUES ('ann', '+12025550123', 'Ann', 'Bee', 'kdf', x'01', x'02', 1, 2, 3);
      INSERT INTO devices VALUES ('d', 'ann', 'token', 99);
      INSERT INTO sessions VALUES ('session', 'ann', 1, 2);
      INSERT INTO guards VALUES ('ann', 'd', 3, 1, 4);
      INSERT INTO codes VALUES ('c', 'ann', 'reset', 'd', 1, 99, 1, 0, 'sent', NULL, 0, 1);
      INSERT INTO flows VALUES ('flow', 'c', 0);
    `);
    db.close();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const kept = await store.transact(async (tx) => ({
      user: await tx.userFor('ann'),
      claims: await tx.phoneClaims('ann', '+12025550123'),
      device: await tx.deviceFor('ann', 'token', 5),
      session: await tx.sessionFor('session'),
      lockout: await tx.lockoutFor('ann', 'd'),
      flow: await tx.flowFor('flow'),
    }));
    expect(kept).toMatchObject({
      user: {
        phoneno: '+12025550123',
        fname: 'Ann',
        lname: 'Bee',
        kdf: 'kdf',
        storedKey: Buffer.of(1),
        serverKey: Buffer.of(2),
        isPhoneConfirmed: true,
        knownSinceMs: 0,
      },
      claims: { isFirst: true, isConfirmedElsewhere: false },
      device: { id: 'd', hasOlderTokens: false },
      session: { email: 'ann', createdAtMs: 1, seenAtMs: 2 },
      lockout: { failures: 3, isLocked: true },
      flow: { isTried: false, code: { id: 'c', isSuppressed: false } },
    });
  });

  test('of an older schema keeps the time of the first device, and ignores devices and sessions without an account', async () => {
    const path = join(temporaryFolder(), 'users.db');
    const db = new Database(path);
    migrate(db, 0, 3);
    db.exec(`
      INSERT INTO users VALUES ('ann', '+12025550123', 'Ann', 'Bee', 'kdf', x'01', x'02', 1, 2, NULL);
      INSERT INTO users VALUES ('bob', '+12025550124', 'Bob', 'Cee', 'kdf', x'01', x'02', 1, 2, NULL);
      INSERT INTO devices VALUES ('ann', 'd1', 'token 1', 40, 99);
      INSERT INTO devices VALUES ('ann', 'd2', 'token 2', 30, 99);
      INSERT INTO devices VALUES ('nobody', 'd3', 'token 3', 20, 99);
      INSERT INTO sessions VALUES ('session', 'nobody', 1, 2);
    `);
    db.close();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const kept = await store.transact(async (tx) => {
      const since = [(await tx.userFor('ann'))?.knownSinceMs, (await tx.userFor('bob'))?.knownSinceMs];
      const newUser = { email: 'nobody', phoneno: '+12025550125', fname: 'N', lname: 'B', kdf: 'kdf' };
      const keys = { storedKey: Buffer.of(1), serverKey: Buffer.of(2) };
      const orphans = async () => [
        await tx.deviceFor('nobody', 'token 3', 5),
        await tx.sessionFor('session'),
      ];
      const before = await orphans();
      await tx.addUser({ ...newUser, ...keys }, 50);
      return { since, before, after: await orphans() };
    });
    expect(kept).toEqual({
      since: [30, undefined],
      before: [undefined, undefined],
      after: [undefined, undefined],
    });
  });

  test('of schema 4 keeps its locks, codes, sessions, devices and counts', async () => {
    const path = join(temporaryFolder(), 'users.db');
    const db = new Database(path);
    migrate(db, 0, 4);
    db.exec(`
      INSERT INTO users VALUES ('ann', '+12025550123', 'Ann', 'Bee', 'kdf', x'01', x'02', 1, 2, 3, 4, 7);
      INSERT INTO devices VALUES ('token', 'ann', 'd', 7, 99);
      INSERT INTO sessions VALUES ('session', 'ann', 1, 2, 7);
      INSERT INTO guards VALUES ('ann', 'd', 3, 1, 4);
      INSERT INTO codes
        (id, email, purpose, device, created_at_ms, expires_at_ms, sent_at_ms, is_spent, delivery, reason,
         is_in_outage, changed_at_ms, is_held_back, is_own)
      VALUES ('c', 'ann', 'unlock', 'd', 1, 99, 1, 0, 'refused', 'busy', 1, 1, 1, 1);
      INSERT INTO flows VALUES ('flow', 'c', 0);
      INSERT INTO events VALUES ('message phone confirmed +12025550123', 1, 50);
      INSERT INTO events VALUES ('message network settled 203.0.113.9', 1, 50);
    `);
    db.close();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const kept = await store.transact(async (tx) => ({
      user: await tx.userFor('ann'),
      device: await tx.deviceFor('ann', 'token', 5),
      session: await tx.sessionFor('session'),
      lockout: await tx.lockoutFor('ann', 'd'),
      flow: await tx.flowFor('flow'),
      phone: await nthNewestEvent(tx, 'message phone trusted +12025550123', 1, 0, 60),
      network: await nthNewestEvent(tx, 'message network trusted 203.0.113.9', 1, 0, 60),
    }));
    expect(kept).toMatchObject({
      user: { isPhoneConfirmed: true, knownSinceMs: 4 },
      device: { id: 'd', hasOlderTokens: false },
      session: { email: 'ann', createdAtMs: 1, seenAtMs: 2 },
      lockout: { failures: 3, isLocked: true },
      flow: {
        code: { duringOutage: true, isSuppressed: true, requestedByKnownDevice: true, reason: 'busy' },
      },
      phone: 50,
      network: 50,
    });
  });

  test('of schema 5 keeps the newest fifty devices of each account, and none from before a reset', async () => {
    const path = join(temporaryFolder(), 'users.db');
    const db = new Database(path);
    migrate(db, 0, 5);
    const addUser = db.prepare(
      "INSERT INTO users VALUES (?, '+12025550123', 'Ann', 'Bee', 'kdf', x'01', x'02', 1, 2, 3, 4, 7)",
    );
    const addDevice = db.prepare('INSERT INTO devices VALUES (?, ?, ?, ?, ?)');
    for (const email of ['ann', 'bob']) addUser.run(email);
    for (let index = 0; index < 52; index += 1)
      addDevice.run(`token ${index}`, 'ann', `d${index}`, 7, 1000 + index);
    addDevice.run('token', 'bob', 'd', 7, 9);
    addDevice.run('before the reset', 'bob', 'old', 6, 2000);
    db.close();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const kept = await store.transact(async (tx) => {
      const idOf = async (email: string, token: string) => (await tx.deviceFor(email, token, 5))?.id;
      const anns = [];
      for (let index = 0; index < 52; index += 1) anns.push(await idOf('ann', `token ${index}`));
      const bobs = [await idOf('bob', 'token'), await idOf('bob', 'before the reset')];
      await tx.addDeviceToken(
        'ann',
        { id: 'n', tokenHash: 'new', network: '', browser: '', nowMs: 5, expiresAtMs: 9 },
        50,
      );
      return {
        anns: anns.filter(Boolean),
        bobs,
        next: [await idOf('ann', 'token 2'), await idOf('ann', 'token 3')],
      };
    });
    expect(kept).toEqual({
      anns: Array.from({ length: 50 }, (_, index) => `d${index + 2}`),
      bobs: ['d', undefined],
      next: [undefined, 'd3'],
    });
  });

  test('of a newer version is refused with a clear message and stays unchanged', async () => {
    const path = join(temporaryFolder(), 'users.db');
    await openSqliteStore(path).close();
    const db = new Database(path);
    db.prepare("INSERT INTO migrations VALUES (99, 'from the future', 0)").run();
    db.close();
    const before = readFileSync(path);
    expect(() => openSqliteStore(path)).toThrow(
      /newer version of this program \(schema 99; this version knows 8\)/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("of another program is refused, such as the original demo's users.db", () => {
    const path = join(temporaryFolder(), 'users.db');
    const db = new Database(path);
    db.exec('CREATE TABLE users (id INT PRIMARY KEY, phoneno VARCHAR(12), pwd VARCHAR(256))');
    db.close();
    const before = readFileSync(path);
    expect(() => openSqliteStore(path)).toThrow(/another program's/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test.skipIf(process.getuid?.() === 0)('that is read-only is refused at the start', async () => {
    const path = join(temporaryFolder(), 'users.db');
    await openSqliteStore(path).close();
    chmodSync(path, 0o444);
    expect(() => openSqliteStore(path)).toThrow(/This user may not write to it/);
  });

  test("in a folder that can't be created is refused without a long wait", () => {
    expect(() => openSqliteStore('/proc/no/such/folder/users.db')).toThrow(
      "The database /proc/no/such/folder/users.db (DATABASE_URL) can't be used. The folder /proc/no/such/folder can't be made. Choose another one.",
    );
  });

  test.each<[string, (path: string) => void]>([
    ['a folder', (path) => mkdirSync(path)],
    ['a named pipe', (path) => execFileSync('mkfifo', [path])],
    ['a device', (path) => symlinkSync('/dev/zero', path)],
  ])('that is %s is refused', (_, make) => {
    const path = join(temporaryFolder(), 'users.db');
    make(path);
    expect(() => openSqliteStore(path)).toThrow(
      /can't be used\. It is not a regular file\. Choose another one\.$/,
    );
  });

  test.each([
    ['ENOTDIR', /The folder .* can't be made/],
    ['EACCES', /This user may not write to the folder/],
    ['ENAMETOOLONG', /Its name is too long/],
    ['SQLITE_READONLY', /This user may not write to it/],
    ['SQLITE_CANTOPEN', /This user may not open it/],
    ['SQLITE_CORRUPT', /It is damaged\. Restore a backup/],
    ['SQLITE_IOERR_READ', /The disk reported an error \(SQLITE_IOERR_READ\)/],
    ['SQLITE_FULL', /The disk is full/],
  ])("that can't be used for %s is named with a sentence", (code, sentence) => {
    expect(fileFault(Object.assign(new Error('raw'), { code }), '/data/users.db')).toMatch(sentence);
  });

  test('that is not a database is refused', () => {
    const path = join(temporaryFolder(), 'users.db');
    writeFileSync(
      path,
      'just a text, and long enough to be looked at as if it were a header of SQLite'.repeat(20),
    );
    expect(() => openSqliteStore(path)).toThrow(/can't be used.*not a database/);
  });

  test('contains no code, no password key that signs in, and no token (attacks 34, 39)', async () => {
    const { store, path } = opened();
    const here = world({}, store);
    await here.signUp();
    const signedIn = await here.signIn(PASSWORD);
    if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
    const locked = await here.lockOut();
    const db = otherConnection(path);
    const tables = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all() as string[];
    const dump = tables
      .flatMap((table) => db.prepare(`SELECT * FROM ${table}`).all())
      .flatMap((row) => Object.values(row as object))
      .map((value) => (Buffer.isBuffer(value) ? value.toString('base64url') : String(value)));
    expect(dump).toContain(ANN);
    const secrets = [here.sms.lastPasscode(), signedIn.issued.session, signedIn.issued.device, locked.flow];
    for (const secret of secrets)
      expect(dump.filter((value) => value.includes(secret as string))).toEqual([]);
  });
});

describe('group commit', () => {
  test('works that wait share one commit, and none resolves before it', async () => {
    const { store, path } = opened({ batchMs: 60_000 });
    const reader = otherConnection(path);
    const seen = () => reader.prepare('SELECT count(*) FROM lockouts').pluck().get();
    const seenAtAnswer = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        await fail(store, `${index}@example.com`);
        return seen();
      }),
    );
    expect(seenAtAnswer).toEqual(Array.from({ length: 10 }, () => 10));
  });

  test('a batch has a maximum number of works', async () => {
    const { store, path } = opened({ batchWorks: 4, batchMs: 60_000 });
    const reader = otherConnection(path);
    const seen = () => reader.prepare('SELECT count(*) FROM lockouts').pluck().get();
    const seenAtAnswer = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        await fail(store, `${index}@example.com`);
        return seen();
      }),
    );
    expect(seenAtAnswer).toEqual([4, 4, 4, 4, 8, 8, 8, 8]);
  });

  test('a disk that fills during a batch refuses the whole batch, loses no data and recovers', async () => {
    const { store, path } = opened({ maxPages: 60, batchMs: 60_000 });
    await fail(store, ANN);
    const pageSize = otherConnection(path).pragma('page_size', { simple: true }) as number;
    const big = 'x'.repeat(pageSize);
    const addSeed = (id: string) =>
      store.transact((tx) => tx.addSeed({ id, seed: big, email: ANN, network: id, expiresAtMs: 1 }, 100));
    const ids = Array.from({ length: 60 }, (_, index) => `seed ${index}`);
    const settled = await Promise.allSettled([fail(store, ANN), ...ids.map(addSeed)]);

    const refused = settled.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(1);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(StoreUnavailable);
    expect(settled[0]?.status).toBe('rejected');
    expect(await failuresOf(store, ANN)).toBe(1);
    const onDisk = otherConnection(path).prepare('SELECT id FROM seeds').pluck().all();
    expect(ids.filter((_, index) => settled[index + 1]?.status === 'fulfilled')).toEqual(onDisk);
    expect(await fail(store, ANN)).toBe(2);
  });

  test('only the work without disk space is refused if SQLite keeps the transaction open', async () => {
    const { store, path } = opened({ maxPages: 60, batchMs: 60_000 });
    const pageSize = otherConnection(path).pragma('page_size', { simple: true }) as number;
    const emails = Array.from({ length: 60 }, (_, index) => `${'x'.repeat(pageSize)}${index}`);
    const settled = await Promise.allSettled(emails.map((email) => fail(store, email)));
    expect(new Set(settled.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
    for (const [index, email] of emails.entries()) {
      expect(await failuresOf(store, email)).toBe(settled[index]?.status === 'fulfilled' ? 1 : 0);
    }
  });
});

describe('a work that is not lasting', () => {
  /** Opens a store, and functions that run a work and return whether its commit is synced. */
  function watched() {
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    const { store, path } = opened();
    const own = pragma.mock.contexts[0] as Database.Database;
    pragma.mockRestore();
    const isSynced = () => own.pragma('synchronous', { simple: true }) === 2;
    const lasting = () => store.transact(async () => isSynced());
    const passing = (betweenSteps = async () => {}) =>
      store.transact(
        async (tx) => {
          await tx.addFailure(ANN, '', 0);
          await betweenSteps();
          return isSynced();
        },
        { isLasting: false },
      );
    return { store, path, lasting, passing };
  }

  test('does not wait for the disk, but lasting works before and after it do', async () => {
    const { lasting, passing } = watched();
    expect([await lasting(), await passing(), await lasting()]).toEqual([true, false, true]);
  });

  test('shares a commit with lasting works in any order, and that commit is synced', async () => {
    const { lasting, passing } = watched();
    expect(await Promise.all([passing(), lasting(), passing()])).toEqual([true, true, true]);
    expect(await Promise.all([lasting(), passing()])).toEqual([true, true]);
    expect(await Promise.all([passing(), passing()])).toEqual([false, false]);
  });

  test('does not share its commit with a lasting work that arrives while it runs', async () => {
    const { lasting, passing } = watched();
    let late: Promise<boolean> | undefined;
    expect(
      await passing(async () => {
        late = lasting();
      }),
    ).toBe(false);
    expect(await late).toBe(true);
  });

  test('is visible to all other works and after a restart', async () => {
    const { store, path, passing } = watched();
    await passing();
    expect(await failuresOf(store, ANN)).toBe(1);
    await store.close();
    expect(await failuresOf(opened({}, path).store, ANN)).toBe(1);
  });
});

test('a read sees nothing of a work under way', async () => {
  const { store } = opened();
  await world({}, store).signUp();
  const nameOf = () => store.read(async (tx) => (await tx.userFor(ANN))?.fname);
  const during = await store.transact(async (tx) => {
    await tx.setName(ANN, 'Anna', 'Lee');
    return nameOf();
  });
  expect([during, await nameOf()]).toEqual(['Ann', 'Anna']);
});

describe('works that wait', () => {
  test('behind works that hang are refused as unavailable in time and never run', async () => {
    const { store } = opened({ workMs: 100, patienceMs: 150 });
    const hanging = Array.from({ length: 3 }, () => store.transact(() => new Promise(() => undefined)));
    const late = fail(store, ANN);
    await Promise.allSettled(hanging);
    await expect(late).rejects.toThrow(StoreUnavailable);
    expect(await failuresOf(store, ANN)).toBe(0);
  });

  test('do not join a commit that has been open too long', async () => {
    const { store, path } = opened({ batchMs: 0 });
    const reader = otherConnection(path);
    const seen = () => reader.prepare('SELECT count(*) FROM lockouts').pluck().get();
    const seenAtAnswer = await Promise.all(
      Array.from({ length: 3 }, async (_, index) => {
        await fail(store, `${index}@example.com`);
        return seen();
      }),
    );
    expect(seenAtAnswer).toEqual([1, 2, 3]);
  });
});

describe('a database that another process has locked', () => {
  test('delays the start and does not fail it', async () => {
    const path = join(temporaryFolder(), 'users.db');
    const opens = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, [
        '--input-type=module',
        '-e',
        `
        const { openSqliteStore } = await import(${JSON.stringify(join(ROOT, 'dist/sqlite/store.js'))});
        await openSqliteStore(${JSON.stringify(path)}).close();`,
      ]),
    );
    expect((await Promise.allSettled(opens)).map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'));
  });

  test('is unavailable in time, and recovers when the lock is released', async () => {
    const { store, path } = opened({ patienceMs: 150 });
    const other = otherConnection(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(fail(store, ANN)).rejects.toThrow(StoreUnavailable);
    other.exec('COMMIT');
    expect(await fail(store, ANN)).toBe(1);
  });

  test('is still read', async () => {
    const { store, path } = opened({ patienceMs: 150 });
    await world({}, store).signUp();
    otherConnection(path).exec('BEGIN EXCLUSIVE');
    expect(await store.read(async (tx) => (await tx.userFor(ANN))?.fname)).toBe('Ann');
  });

  test('delays a work that still has time', async () => {
    const { store, path } = opened();
    const other = otherConnection(path);
    other.exec('BEGIN IMMEDIATE');
    const waiting = fail(store, ANN);
    await new Promise((resolve) => setTimeout(resolve, 100));
    other.exec('COMMIT');
    expect(await waiting).toBe(1);
  });

  test('does not use up the seed of a refused login', async () => {
    const { store, path } = opened({ patienceMs: 150 });
    const here = world({}, store);
    await here.signUp();
    const seed = await getSeed(here.deps, { email: ANN, network: NETWORK });
    const form = { network: NETWORK, username: ANN, email: ANN, ...proofFor(PASSWORD, ANN, seed) };
    const other = otherConnection(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(login(here.deps, form)).rejects.toThrow(StoreUnavailable);
    other.exec('COMMIT');
    expect(await login(here.deps, form)).toMatchObject({ kind: 'ok' });
  });
});

test('two stores on one file spend a code only once (attack 11)', async () => {
  const { verifyPasscode } = await import('../../src/engine.ts');
  const { store, path } = opened();
  const here = world({}, store);
  const { store: second } = opened({}, path);
  await here.signUp();
  const { flow } = await here.lockOut();
  const form = { network: NETWORK, email: ANN, flow: flow as string, passcode: here.sms.lastPasscode() };
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      verifyPasscode({ ...here.deps, store: index % 2 === 0 ? store : second }, form),
    ),
  );
  expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
});
