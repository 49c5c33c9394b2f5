import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { forgetDevice } from '../../src/account-page.ts';
import { verifyPasscode, whoIsSignedIn } from '../../src/engine.ts';
import { MIGRATIONS, migrate } from '../../src/sqlite/migrations.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { hashOf } from '../../src/token.ts';
import { temporaryFolder } from '../support/folder.ts';
import { must, NETWORK, world } from '../support/world.ts';
import type { Fixture } from './fixtures/fixture.ts';

/** SHA-256 of each released migration, and of the schema that it leads to. Lines are appended, and never edited. */
const RELEASED: readonly { migration: string; schema: string }[] = [
  {
    migration: 'ea3d3fa887dae3801a28eb28acef8b6641ba4e48324485bd1c0a3d17bf97eb30',
    schema: '51bb36b3bbcee83a62e752568c3c7c3cd1b3b6451aaca3ada70f04e6269ce97a',
  },
  {
    migration: 'fc03cee926b8457f55405f451f0f7b2410ccc8cb2eec5e2e16123836dd9a08cb',
    schema: '57256cfd84d2d67b209608027dafa10cb783c376e9cde7be395af507497add22',
  },
  {
    migration: '024d4b71ecf6fddaf035cbc3888885de9a1404549192731f919dd0645b0f59a5',
    schema: '95aaa7362357c9ec23fc459d5841a1bc60d4306accf241a9bf501316f6853c28',
  },
  {
    migration: 'a604b9874f9d987c3d88b62df4f119283c07bfab09b24718b7165d3907d76e1c',
    schema: 'fda482fbd816b0e0ad50142485c7ad9fa3c7d060fafc7a47270e69cfe335c7a4',
  },
  {
    migration: '724842dcfa7c59f471ee514d2c7ae9fdfcb9d3cbc700f3a2c9ae9f2605f80945',
    schema: '92354fa4616dcc119adf20596fe2ffd0afbfd3cfe8752bec5b862316c413fce5',
  },
  {
    migration: '4add12f781fe33ce153fd3b713a9e06d5acfdff878fdfe37249f8391c7da87fd',
    schema: 'bf215c18fc9fcc62cc1534bfb77f413500db75e7a00f2aff1f1db6bcb1f8b99f',
  },
  {
    migration: '7303176f6ced01fbe1e380f188dbfa6e7e6ae8ad77f4be5d9afffa59a834fda5',
    schema: '73097213eaa17c99cae47ecb7cc8729c063b2e54c6ccc396cb4945163700cb5e',
  },
  {
    migration: '4fc687f5e88b8ab7ca3f251f43b183b52ac0c4815d8bca50fc47a33904dbc8ae',
    schema: 'f1ab573adc97af3ec5a05d50a58c929bbb371a62501da20a3b0f6f56a1c06fe3',
  },
];

/** States of this repository, most with other tables under the same schema numbers. `make.ts` ran their programs. */
const EARLY = ['737cd19', 'b5070f1', 'c92b04a', '2202665', '5cb640f', 'c3f011e', '4f01b24'];
const FIXTURES = [
  ...MIGRATIONS.map((_, index) => `schema-${index + 1}`),
  ...EARLY.map((name) => `at-${name}`),
];

const sha256 = (texts: readonly string[]) => createHash('sha256').update(JSON.stringify(texts)).digest('hex');
const fixturePath = (name: string) => join(import.meta.dirname, 'fixtures', name);
const isThere = (name: string) => existsSync(fixturePath(`${name}.db`));

/** Returns the fingerprints of the migration to schema `number`. */
function fingerprintsOf(number: number) {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  if (number > 1) migrate(db, 0, number - 1);
  const [exec, prepare] = [vi.spyOn(db, 'exec'), vi.spyOn(db, 'prepare')];
  MIGRATIONS[number - 1]?.up(db);
  const sql = [...exec.mock.calls, ...prepare.mock.calls].map(([text]) => text);
  return {
    migration: sha256([MIGRATIONS[number - 1]?.name ?? '', ...sql]),
    schema: sha256(schemaOf(db)),
  };
}

function schemaOf(db: Database.Database): string[] {
  return (
    db
      .prepare<[], string>('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name')
      .pluck()
      .all()
      // Versions of SQLite quote the names of renamed tables differently.
      .map((sql) => sql.replace(/["\s]+/g, ' ').trim())
  );
}

/** Opens a copy of a fixture as a store, at the time when the fixture was made. */
function opened(name: string) {
  const path = join(temporaryFolder(), 'users.db');
  copyFileSync(fixturePath(`${name}.db`), path);
  const fixture: Fixture = JSON.parse(readFileSync(fixturePath(`${name}.json`), 'utf8'));
  const store = openSqliteStore(path);
  onTestFinished(() => store.close());
  const here = world({}, store);
  here.clock.advanceSeconds((fixture.madeAtMs - here.clock.nowMs()) / 1000);
  return { ...fixture, path, here };
}

describe('a released migration', () => {
  test('is never edited, comments included: append a new one', () => {
    const now = RELEASED.map((_, index) => fingerprintsOf(index + 1));
    expect(now).toEqual(RELEASED);
  });

  test('has its fingerprint here, and a database beside this test', () => {
    const missing = MIGRATIONS.map((_, index) => index + 1).filter((number) => number > RELEASED.length);
    expect(missing.map((number) => ({ number, ...fingerprintsOf(number) }))).toEqual([]);
    expect(FIXTURES.filter((name) => !isThere(name))).toEqual([]);
  });
});

describe.each(FIXTURES.filter(isThere))('the database %s', (name) => {
  test('gets the newest schema, and all its rows refer to rows', () => {
    const db = new Database(opened(name).path, { readonly: true });
    onTestFinished(() => void db.close());
    const fresh = new Database(':memory:');
    onTestFinished(() => void fresh.close());
    migrate(fresh, 0);
    expect(schemaOf(db)).toEqual(schemaOf(fresh));
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('keeps the sessions', async () => {
    const { here, locked, signedIn } = opened(name);
    const emailOf = async ({ session }: Fixture['signedIn']) =>
      (await here.deps.store.transact((tx) => tx.sessionFor(hashOf(session))))?.email;
    expect([await emailOf(locked), await emailOf(signedIn)]).toEqual([locked.email, signedIn.email]);
  });

  test('ends the sessions, which belong to no device, when all other devices are forgotten', async () => {
    const { here, signedIn } = opened(name);
    const { email: username, password, session: old } = signedIn;
    expect(await whoIsSignedIn(here.deps, { session: old })).toMatchObject({ email: username });
    const signIn = await here.signIn(password, { username });
    const session = must(signIn.kind === 'ok' ? signIn.issued.session : undefined);
    expect(await forgetDevice(here.deps, { network: NETWORK, session, others: true })).toEqual({
      kind: 'ok',
    });
    expect(await whoIsSignedIn(here.deps, { session: old })).toBeUndefined();
    expect(await whoIsSignedIn(here.deps, { session })).toMatchObject({ email: username });
  });

  test('signs a user in on the known device', async () => {
    const { here, signedIn } = opened(name);
    const { email: username, password, device } = signedIn;
    expect(await here.deps.store.transact((tx) => tx.deviceFor(username, hashOf(device), 0))).toBeDefined();
    for (let failure = 1; failure <= 3; failure += 1) await here.signIn('wrong', { username });
    expect((await here.signIn(password, { username })).kind).toBe('locked');
    expect((await here.signIn(password, { username, device })).kind).toBe('ok');
  });

  test('keeps a lock, and the code that lifts it', async () => {
    const { here, locked } = opened(name);
    const { email, password, device, flow, passcode } = locked;
    const signIn = () => here.signIn(password, { username: email, device });
    expect((await signIn()).kind).toBe('locked');
    const outcome = await verifyPasscode(here.deps, { network: NETWORK, email, device, flow, passcode });
    expect(outcome.kind).toBe('ok');
    expect((await signIn()).kind).toBe('ok');
  });
});
