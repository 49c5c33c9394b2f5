import type { Database } from 'better-sqlite3';
import type { Purpose } from '../passcode.ts';
import type { Keys } from '../scram.ts';
import type { FailureReason } from '../sms.ts';
import type {
  Code,
  CodeAbout,
  Delivery,
  Device,
  DeviceToken,
  DueRows,
  EventQuery,
  Flow,
  KnownDevice,
  Lockout,
  NewUser,
  PhoneClaims,
  Records,
  Seed,
  SentAgain,
  Session,
  Tx,
  User,
} from '../store.ts';

interface UserRow {
  email: string;
  phoneno: string;
  fname: string;
  lname: string;
  kdf: string;
  stored_key: Buffer;
  server_key: Buffer;
  is_phone_confirmed: number;
  known_since_ms: number | null;
  is_finished: number;
  failed_signin_codes: number;
  is_found: number;
}

interface CodeRow {
  id: string;
  email: string;
  purpose: Purpose;
  device: string;
  phoneno: string;
  created_at_ms: number;
  expires_at_ms: number;
  sent_at_ms: number;
  is_spent: number;
  delivery: Delivery;
  reason: FailureReason | null;
  during_outage: number;
  is_suppressed: number;
  requested_by_known_device: number;
}

interface DeviceRow {
  id: string;
  created_at_ms: number;
  seen_at_ms: number;
  network: string;
  browser: string;
}

interface SessionRow extends DeviceRow {
  email: string;
  device: string;
  proved_at_ms: number;
}

interface TimesRow {
  created_at_ms: number;
  keys_changed_at_ms: number;
  phone_confirmed_at_ms: number | null;
}

interface LockoutRow {
  device: string;
  failures: number;
  is_locked: number;
  changed_at_ms: number;
}

/** The tables with rows of a user. Flows go with their codes. */
const OF_USER = ['sessions', 'devices', 'codes', 'lockouts', 'users'];

const DUE_ROWS = [
  { table: 'seeds', key: 'rowid', isDue: 'expires_at_ms <= @nowMs' },
  { table: 'lockouts', key: 'email, device', isDue: 'changed_at_ms < @rowsChangedBeforeMs' },
  { table: 'codes', key: 'rowid', isDue: 'changed_at_ms < @rowsChangedBeforeMs' },
  { table: 'devices', key: 'email, token_hash', isDue: 'expires_at_ms <= @nowMs' },
  { table: 'sessions', key: 'token_hash', isDue: 'seen_at_ms < @sessionsSeenBeforeMs' },
  { table: 'events', key: 'key, number', isDue: 'at_ms < @eventsBeforeMs' },
  { table: 'shared_values', key: 'key', isDue: 'expires_at_ms <= @nowMs' },
];

/** All statements of the store, prepared once for a database. */
export type Statements = ReturnType<typeof prepareAll>;

/** Prepares every statement; the schema has to be there. */
export function prepareAll(db: Database) {
  const sql = <Params extends unknown[], Row = never>(text: string) => db.prepare<Params, Row>(text);
  return {
    // A miss reads a row of the same shape, so that it takes as long as a hit.
    userFor: sql<[string], UserRow>(`
      SELECT email, phoneno, fname, lname, kdf, stored_key, server_key,
        phone_confirmed_at_ms IS NOT NULL AS is_phone_confirmed, known_since_ms, is_finished,
        failed_signin_codes, 1 AS is_found
      FROM users WHERE email = ?
      UNION ALL
      SELECT 'nobody@example.com', '+10000000000', 'Nobody', 'Nobody', 'argon2id', zeroblob(32), zeroblob(32), 0, NULL, 0, 0, 0
      LIMIT 1`),
    addUser: sql<[object]>(`
      INSERT INTO users
        (email, phoneno, fname, lname, kdf, stored_key, server_key, created_at_ms, keys_changed_at_ms,
         generation, is_finished)
      VALUES (@email, @phoneno, @fname, @lname, @kdf, @storedKey, @serverKey, @nowMs, @nowMs, @nowMs, 0)
      ON CONFLICT (email) DO NOTHING`),
    replaceUnfinished: sql<[object]>(`
      UPDATE users
      SET phoneno = @phoneno, fname = @fname, lname = @lname, kdf = @kdf, stored_key = @storedKey, server_key = @serverKey,
        created_at_ms = @nowMs, keys_changed_at_ms = @nowMs, generation = max(generation + 1, @nowMs), failed_signin_codes = 0
      WHERE email = @email AND is_finished = 0`),
    addFailedSignInCode: sql<[string]>(
      'UPDATE users SET failed_signin_codes = failed_signin_codes + 1 WHERE email = ?',
    ),
    clearFailedSignInCodes: sql<[string]>(
      'UPDATE users SET failed_signin_codes = 0 WHERE email = ? AND failed_signin_codes > 0',
    ),
    phoneClaims: sql<[object], { is_first: number; is_confirmed_elsewhere: number }>(`
      SELECT email = @email AS is_first,
        EXISTS (
          SELECT 1 FROM users WHERE phoneno = @phoneno AND phone_confirmed_at_ms IS NOT NULL AND email <> @email
        ) AS is_confirmed_elsewhere
      FROM users WHERE phoneno = @phoneno ORDER BY created_at_ms, email LIMIT 1`),
    setKeys: sql<[object]>(`
      UPDATE users SET kdf = @kdf, stored_key = @storedKey, server_key = @serverKey, keys_changed_at_ms = @nowMs
      WHERE email = @email`),
    confirmPhone: sql<[number, string]>(
      'UPDATE users SET phone_confirmed_at_ms = coalesce(phone_confirmed_at_ms, ?) WHERE email = ?',
    ),

    addSeed: sql<[object]>(
      'INSERT INTO seeds (id, seed, email, network, expires_at_ms) VALUES (@id, @seed, @email, @network, @expiresAtMs)',
    ),
    dropOldSeeds: sql<[string, number]>(`
      DELETE FROM seeds WHERE rowid IN (
        SELECT rowid FROM seeds WHERE network = ? ORDER BY rowid DESC LIMIT -1 OFFSET ?)`),
    takeSeed: sql<[string, string, number], { seed: string }>(
      'DELETE FROM seeds WHERE id = ? AND email = ? AND expires_at_ms > ? RETURNING seed',
    ),

    lockoutFor: sql<[string, string], { failures: number; is_locked: number }>(
      'SELECT failures, is_locked FROM lockouts WHERE email = ? AND device = ?',
    ),
    addFailure: sql<[string, string, number], { failures: number }>(`
      INSERT INTO lockouts (email, device, failures, is_locked, changed_at_ms) VALUES (?, ?, 1, 0, ?)
      ON CONFLICT (email, device) DO UPDATE SET failures = failures + 1, changed_at_ms = excluded.changed_at_ms
      RETURNING failures`),
    lock: sql<[number, string, string]>(
      'UPDATE lockouts SET is_locked = 1, changed_at_ms = ? WHERE email = ? AND device = ?',
    ),
    clearLockout: sql<[string, string]>('DELETE FROM lockouts WHERE email = ? AND device = ?'),
    clearLockouts: sql<[string]>('DELETE FROM lockouts WHERE email = ?'),

    newestCode: sql<[object], CodeRow>(`
      SELECT * FROM codes
      WHERE email = @email AND purpose = @purpose AND device = @device AND phoneno = @phoneno AND sent_at_ms <= @nowMs
      ORDER BY sent_at_ms DESC, rowid DESC LIMIT 1`),
    addCode: sql<[object]>(`
      INSERT INTO codes
        (id, email, purpose, device, phoneno, created_at_ms, expires_at_ms, sent_at_ms, is_spent, delivery, reason,
         during_outage, is_suppressed, requested_by_known_device, changed_at_ms)
      VALUES
        (@id, @email, @purpose, @device, @phoneno, @createdAtMs, @expiresAtMs, @sentAtMs, @isSpent, @delivery, @reason,
         @duringOutage, @isSuppressed, @requestedByKnownDevice, @createdAtMs)`),
    resendCode: sql<[object]>(`
      UPDATE codes
      SET sent_at_ms = @nowMs, changed_at_ms = @nowMs, during_outage = @duringOutage,
        is_suppressed = is_suppressed AND @isSuppressed, requested_by_known_device = @requestedByKnownDevice
      WHERE id = @codeId`),
    noteDelivery: sql<[object]>(`
      UPDATE codes SET delivery = @delivery, reason = @reason
      WHERE id = @codeId AND delivery IN (SELECT value FROM json_each(@from))`),
    spendCode: sql<[number, string]>('UPDATE codes SET is_spent = 1, changed_at_ms = ? WHERE id = ?'),
    spendCodes: sql<[object]>(`
      UPDATE codes SET is_spent = 1, changed_at_ms = @nowMs
      WHERE email = @email AND is_spent = 0 AND (@purpose IS NULL OR purpose = @purpose)`),
    forgetCodes: sql<[string]>('DELETE FROM codes WHERE email = ?'),

    addFlow: sql<[object]>(`
      INSERT INTO flows (hash, code_id, is_tried) SELECT @flowHash, @codeId, 0
      WHERE (SELECT count(*) FROM flows WHERE code_id = @codeId) < @maxPerCode`),
    flowFor: sql<[string], CodeRow & { is_tried: number }>(
      'SELECT codes.*, flows.is_tried FROM flows JOIN codes ON codes.id = flows.code_id WHERE flows.hash = ?',
    ),
    markTried: sql<[string]>('UPDATE flows SET is_tried = 1 WHERE hash = ?'),
    touchCodeOf: sql<[number, string]>(
      'UPDATE codes SET changed_at_ms = ? WHERE id = (SELECT code_id FROM flows WHERE hash = ?)',
    ),

    deviceFor: sql<[string, string, number], { id: string; has_older_tokens: number }>(`
      SELECT id, EXISTS (
          SELECT 1 FROM devices AS older
          WHERE older.email = devices.email AND older.id = devices.id AND older.number < devices.number
        ) AS has_older_tokens
      FROM devices WHERE email = ? AND token_hash = ? AND expires_at_ms > ?`),
    // The order of a user's tokens does not depend on the clock, which may be set back.
    addDeviceToken: sql<[object]>(`
      INSERT INTO devices (email, token_hash, id, number, expires_at_ms, created_at_ms, seen_at_ms, network, browser)
      SELECT email, @tokenHash, @id,
        (SELECT coalesce(max(number), 0) + 1 FROM devices WHERE email = @email), @expiresAtMs,
        coalesce((SELECT min(created_at_ms) FROM devices WHERE email = @email AND id = @id), @nowMs), @nowMs,
        @network, @browser
      FROM users WHERE email = @email`),
    dropOldTokens: sql<[object]>(`
      DELETE FROM devices WHERE email = @email AND @maxPerUser <= (
        SELECT count(*) FROM devices AS newer WHERE newer.email = @email AND newer.number > devices.number)`),
    endOlderTokens: sql<[object]>(`
      DELETE FROM devices WHERE email = @email AND (id, number) IN (
        SELECT older.id, older.number FROM devices AS used JOIN devices AS older USING (email, id)
        WHERE used.email = @email AND used.token_hash = @tokenHash AND older.number < used.number)`),
    // One from the future is of a clock that was set back.
    noteKnown: sql<[object]>(`
      UPDATE users SET known_since_ms = @nowMs, is_finished = 1
      WHERE email = @email AND (known_since_ms IS NULL OR known_since_ms > @nowMs)`),
    // SQLite takes the other columns from the row with the largest number, so from the newest token.
    devicesOf: sql<[string, number], DeviceRow>(`
      SELECT id, created_at_ms, seen_at_ms, network, browser, max(number)
      FROM devices WHERE email = ? AND expires_at_ms > ? GROUP BY id ORDER BY seen_at_ms DESC, id`),
    forgetDevice: sql<[string, string]>('DELETE FROM devices WHERE email = ? AND id = ?'),
    endSessionsOn: sql<[string, string]>('DELETE FROM sessions WHERE email = ? AND device = ?'),

    addSession: sql<[object]>(`
      INSERT INTO sessions
        (token_hash, id, email, generation, device, created_at_ms, seen_at_ms, proved_at_ms, network, browser)
      SELECT @tokenHash, @id, email, generation, @device, @createdAtMs, @seenAtMs, @provedAtMs, @network, @browser
      FROM users WHERE email = @email`),
    // Hashes begin with the time of their tokens.
    dropOldSessions: sql<[object]>(`
      DELETE FROM sessions WHERE token_hash IN (
        SELECT token_hash FROM sessions WHERE email = @email ORDER BY token_hash DESC LIMIT -1 OFFSET @maxPerUser)`),
    sessionFor: sql<[string], SessionRow>(`
      SELECT sessions.id, email, device, sessions.created_at_ms, seen_at_ms, proved_at_ms, network, browser
      FROM sessions JOIN users USING (email, generation) WHERE token_hash = ?`),
    sessionsOf: sql<[string], SessionRow>(`
      SELECT sessions.id, email, device, sessions.created_at_ms, seen_at_ms, proved_at_ms, network, browser
      FROM sessions JOIN users USING (email, generation) WHERE email = ? ORDER BY seen_at_ms DESC, sessions.id`),
    noteProved: sql<[number, string]>('UPDATE sessions SET proved_at_ms = ? WHERE token_hash = ?'),
    endSessionById: sql<[string, string]>('DELETE FROM sessions WHERE email = ? AND id = ?'),
    setName: sql<[string, string, string]>('UPDATE users SET fname = ?, lname = ? WHERE email = ?'),
    setPhone: sql<[string, number, string]>(
      'UPDATE users SET phoneno = ?, phone_confirmed_at_ms = ? WHERE email = ?',
    ),
    deleteUser: OF_USER.map((table) => sql<[string]>(`DELETE FROM ${table} WHERE email = ?`)),
    timesOf: sql<[string], TimesRow>(
      'SELECT created_at_ms, keys_changed_at_ms, phone_confirmed_at_ms FROM users WHERE email = ?',
    ),
    codesOf: sql<[string], CodeRow>('SELECT * FROM codes WHERE email = ? ORDER BY created_at_ms, id'),
    lockoutsOf: sql<[string], LockoutRow>(
      'SELECT device, failures, is_locked, changed_at_ms FROM lockouts WHERE email = ? ORDER BY device',
    ),
    noteSeen: sql<[number, string]>('UPDATE sessions SET seen_at_ms = ? WHERE token_hash = ?'),
    noteDeviceSeen: sql<[number, string]>(`
      UPDATE devices SET seen_at_ms = ?
      WHERE (email, id) = (SELECT email, device FROM sessions WHERE token_hash = ?)`),
    endSession: sql<[string]>('DELETE FROM sessions WHERE token_hash = ?'),
    // A generation begins with the time of the sign-up, so rows of an earlier account of the address never match.
    endSessions: sql<[number, string]>(
      'UPDATE users SET generation = max(generation + 1, ?), known_since_ms = NULL WHERE email = ?',
    ),
    forgetDevices: sql<[string]>('DELETE FROM devices WHERE email = ?'),

    newestEvent: sql<[string], { number: number; at_ms: number }>(
      'SELECT number, at_ms FROM events WHERE key = ? ORDER BY number DESC LIMIT 1',
    ),
    forgetEventsAfter: sql<[string, number]>('DELETE FROM events WHERE key = ? AND at_ms > ?'),
    countEvent: sql<[string, number, number]>('INSERT INTO events (key, number, at_ms) VALUES (?, ?, ?)'),
    nthNewestEvent: sql<[object], { at_ms: number }>(`
      SELECT at_ms FROM events
      WHERE key = @key AND number = (SELECT max(number) FROM events WHERE key = @key) + 1 - @nth
        AND at_ms > @sinceMs AND at_ms <= @nowMs`),
    uncountEvent: sql<[object]>(`
      DELETE FROM events WHERE key = @key AND number = (SELECT max(number) FROM events WHERE key = @key)`),
    forgetEvents: sql<[string]>('DELETE FROM events WHERE key = ?'),

    sharedValue: sql<[string, number], { value: string }>(
      'SELECT value FROM shared_values WHERE key = ? AND expires_at_ms > ?',
    ),
    setSharedValue: sql<[string, string, number]>(
      'INSERT OR REPLACE INTO shared_values (key, value, expires_at_ms) VALUES (?, ?, ?)',
    ),

    deleteDue: DUE_ROWS.map(({ table, key, isDue }) =>
      sql<[DueRows & { limit: number }]>(
        `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${isDue} LIMIT @limit)`,
      ),
    ),
  };
}

/** The verbs of one work, until it ends: a work that outlives its end can change nothing any more. */
export class SqliteTx implements Tx {
  readonly #statements: Statements;
  #isOver = false;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** From here on every verb throws. */
  end(): void {
    this.#isOver = true;
  }

  get #sql(): Statements {
    if (this.#isOver) throw new Error('This transaction is over: a work must await nothing but its tx.');
    return this.#statements;
  }

  async userFor(email: string): Promise<User | undefined> {
    const row = this.#sql.userFor.get(email);
    if (row === undefined) return undefined;
    const { phoneno, fname, lname, kdf } = row;
    const keys = { storedKey: row.stored_key, serverKey: row.server_key };
    const user = {
      email,
      phoneno,
      fname,
      lname,
      kdf,
      ...keys,
      isPhoneConfirmed: row.is_phone_confirmed === 1,
      knownSinceMs: row.known_since_ms ?? undefined,
      isFinished: row.is_finished === 1,
      failedSignInCodes: row.failed_signin_codes,
    };
    return row.is_found === 1 ? user : undefined;
  }

  async addUser(user: NewUser, nowMs: number): Promise<boolean> {
    return this.#sql.addUser.run({ ...user, nowMs }).changes === 1;
  }

  async replaceUnfinished(user: NewUser, nowMs: number): Promise<boolean> {
    return this.#sql.replaceUnfinished.run({ ...user, nowMs }).changes === 1;
  }

  async addFailedSignInCode(email: string): Promise<void> {
    this.#sql.addFailedSignInCode.run(email);
  }

  async clearFailedSignInCodes(email: string): Promise<void> {
    this.#sql.clearFailedSignInCodes.run(email);
  }

  async phoneClaims(email: string, phoneno: string): Promise<PhoneClaims> {
    const row = this.#sql.phoneClaims.get({ email, phoneno });
    return { isFirst: row?.is_first === 1, isConfirmedElsewhere: row?.is_confirmed_elsewhere === 1 };
  }

  async confirmPhone(email: string, nowMs: number): Promise<void> {
    this.#sql.confirmPhone.run(nowMs, email);
  }

  async setKeys(email: string, kdf: string, { storedKey, serverKey }: Keys, nowMs: number): Promise<void> {
    this.#sql.setKeys.run({ email, kdf, storedKey, serverKey, nowMs });
  }

  async addSeed(seed: Seed, maxPerNetwork: number): Promise<void> {
    this.#sql.addSeed.run(seed);
    if (Number.isFinite(maxPerNetwork)) this.#sql.dropOldSeeds.run(seed.network, maxPerNetwork);
  }

  async takeSeed(id: string, email: string, nowMs: number): Promise<string | undefined> {
    return this.#sql.takeSeed.get(id, email, nowMs)?.seed;
  }

  async lockoutFor(email: string, device: string): Promise<Lockout> {
    const row = this.#sql.lockoutFor.get(email, device);
    return { failures: row?.failures ?? 0, isLocked: row?.is_locked === 1 };
  }

  async addFailure(email: string, device: string, nowMs: number): Promise<number> {
    const row = this.#sql.addFailure.get(email, device, nowMs);
    if (row === undefined) throw new Error('SQLite counted a failure and told no count.');
    return row.failures;
  }

  async lock(email: string, device: string, nowMs: number): Promise<void> {
    this.#sql.lock.run(nowMs, email, device);
  }

  async clearLockout(email: string, device: string): Promise<void> {
    this.#sql.clearLockout.run(email, device);
  }

  async clearLockouts(email: string): Promise<void> {
    this.#sql.clearLockouts.run(email);
  }

  async newestCode(email: string, about: CodeAbout, nowMs: number): Promise<Code | undefined> {
    const row = this.#sql.newestCode.get({ email, ...aboutOf(about), nowMs });
    return row && toCode(row);
  }

  async addCode(code: Code): Promise<void> {
    const { isSpent, reason = null } = code;
    this.#sql.addCode.run({ ...code, ...flagsOf(code), isSpent: Number(isSpent), reason });
  }

  async resendCode(codeId: string, again: SentAgain, nowMs: number): Promise<void> {
    this.#sql.resendCode.run({ codeId, ...flagsOf(again), nowMs });
  }

  async noteDelivery(
    codeId: string,
    delivery: Delivery,
    from: readonly Delivery[],
    reason: FailureReason | null = null,
  ): Promise<void> {
    this.#sql.noteDelivery.run({ codeId, delivery, from: JSON.stringify(from), reason });
  }

  async spendCode(codeId: string, nowMs: number): Promise<void> {
    this.#sql.spendCode.run(nowMs, codeId);
  }

  async spendCodes(email: string, nowMs: number, purpose?: Purpose): Promise<void> {
    this.#sql.spendCodes.run({ email, nowMs, purpose: purpose ?? null });
  }

  async forgetCodes(email: string): Promise<void> {
    this.#sql.forgetCodes.run(email);
  }

  async addFlow(flowHash: string, codeId: string, maxPerCode: number): Promise<boolean> {
    return this.#sql.addFlow.run({ flowHash, codeId, maxPerCode }).changes === 1;
  }

  async flowFor(flowHash: string): Promise<Flow | undefined> {
    const row = this.#sql.flowFor.get(flowHash);
    return row && { isTried: row.is_tried === 1, code: toCode(row) };
  }

  async markTried(flowHash: string, nowMs: number): Promise<void> {
    this.#sql.markTried.run(flowHash);
    this.#sql.touchCodeOf.run(nowMs, flowHash);
  }

  async deviceFor(email: string, tokenHash: string, nowMs: number): Promise<Device | undefined> {
    const row = this.#sql.deviceFor.get(email, tokenHash, nowMs);
    return row && { id: row.id, hasOlderTokens: row.has_older_tokens === 1 };
  }

  async addDeviceToken(email: string, token: DeviceToken, maxPerUser: number): Promise<void> {
    this.#sql.addDeviceToken.run({ email, ...token });
    this.#sql.dropOldTokens.run({ email, maxPerUser });
    this.#sql.noteKnown.run({ email, nowMs: token.nowMs });
  }

  async endOlderTokens(email: string, tokenHash: string): Promise<void> {
    this.#sql.endOlderTokens.run({ email, tokenHash });
  }

  async devicesOf(email: string, nowMs: number): Promise<KnownDevice[]> {
    return this.#sql.devicesOf.all(email, nowMs).map(toDevice);
  }

  async forgetDevice(email: string, id: string): Promise<void> {
    this.#sql.forgetDevice.run(email, id);
    this.#sql.endSessionsOn.run(email, id);
    this.#sql.clearLockout.run(email, id);
  }

  async addSession(tokenHash: string, session: Session, maxPerUser: number): Promise<void> {
    this.#sql.addSession.run({ tokenHash, ...session });
    this.#sql.dropOldSessions.run({ email: session.email, maxPerUser });
  }

  async sessionFor(tokenHash: string): Promise<Session | undefined> {
    const row = this.#sql.sessionFor.get(tokenHash);
    return row && toSession(row);
  }

  async sessionsOf(email: string): Promise<Session[]> {
    return this.#sql.sessionsOf.all(email).map(toSession);
  }

  async noteProved(tokenHash: string, nowMs: number): Promise<void> {
    this.#sql.noteProved.run(nowMs, tokenHash);
  }

  async endSessionById(email: string, id: string): Promise<void> {
    this.#sql.endSessionById.run(email, id);
  }

  async setName(email: string, fname: string, lname: string): Promise<void> {
    this.#sql.setName.run(fname, lname, email);
  }

  async setPhone(email: string, phoneno: string, nowMs: number): Promise<void> {
    this.#sql.setPhone.run(phoneno, nowMs, email);
  }

  async deleteUser(email: string): Promise<void> {
    for (const statement of this.#sql.deleteUser) statement.run(email);
  }

  async recordsOf(email: string): Promise<Records> {
    const times = this.#sql.timesOf.get(email);
    return {
      createdAtMs: times?.created_at_ms ?? 0,
      keysChangedAtMs: times?.keys_changed_at_ms ?? 0,
      phoneConfirmedAtMs: times?.phone_confirmed_at_ms ?? undefined,
      codes: this.#sql.codesOf.all(email).map(toCode),
      lockouts: this.#sql.lockoutsOf.all(email).map(toLockout),
    };
  }

  async noteSeen(tokenHash: string, nowMs: number): Promise<void> {
    this.#sql.noteSeen.run(nowMs, tokenHash);
    this.#sql.noteDeviceSeen.run(nowMs, tokenHash);
  }

  async endSession(tokenHash: string): Promise<void> {
    this.#sql.endSession.run(tokenHash);
  }

  async forgetBrowsers(email: string, nowMs: number): Promise<void> {
    this.#sql.endSessions.run(nowMs, email);
    this.#sql.forgetDevices.run(email);
  }

  async countEvent(keys: readonly string[], nowMs: number): Promise<void> {
    for (const key of keys) {
      let newest = this.#sql.newestEvent.get(key);
      if (newest !== undefined && newest.at_ms > nowMs) {
        this.#sql.forgetEventsAfter.run(key, nowMs);
        newest = this.#sql.newestEvent.get(key);
      }
      this.#sql.countEvent.run(key, (newest?.number ?? 0) + 1, nowMs);
    }
  }

  async nthNewestEvents(queries: readonly EventQuery[], nowMs: number): Promise<(number | undefined)[]> {
    return queries.map((query) => this.#sql.nthNewestEvent.get({ ...query, nowMs })?.at_ms);
  }

  async uncountEvent(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#sql.uncountEvent.run({ key });
  }

  async forgetEvents(key: string): Promise<void> {
    this.#sql.forgetEvents.run(key);
  }

  async sharedValue(key: string, nowMs: number): Promise<string | undefined> {
    return this.#sql.sharedValue.get(key, nowMs)?.value;
  }

  async setSharedValue(key: string, value: string, expiresAtMs: number): Promise<void> {
    this.#sql.setSharedValue.run(key, value, expiresAtMs);
  }

  async deleteDue(due: DueRows, limit: number): Promise<number> {
    return this.#sql.deleteDue.reduce(
      (count, statement) => count + statement.run({ ...due, limit }).changes,
      0,
    );
  }
}

function flagsOf({ duringOutage, isSuppressed, requestedByKnownDevice }: SentAgain) {
  return {
    duringOutage: Number(duringOutage),
    isSuppressed: Number(isSuppressed),
    requestedByKnownDevice: Number(requestedByKnownDevice),
  };
}

function toDevice({ id, created_at_ms, seen_at_ms, network, browser }: DeviceRow): KnownDevice {
  return { id, createdAtMs: created_at_ms, seenAtMs: seen_at_ms, network, browser };
}

function toSession(row: SessionRow): Session {
  return { ...toDevice(row), email: row.email, device: row.device, provedAtMs: row.proved_at_ms };
}

function toLockout({ device, failures, is_locked, changed_at_ms }: LockoutRow) {
  return { device, failures, isLocked: is_locked === 1, changedAtMs: changed_at_ms };
}

/** A code is itself what it is about, so other fields are left out. */
function aboutOf({ purpose, device, phoneno }: CodeAbout): CodeAbout {
  return { purpose, device, phoneno };
}

function toCode(row: CodeRow): Code {
  const { id, email, purpose, device, phoneno, delivery } = row;
  return {
    id,
    email,
    purpose,
    device,
    phoneno,
    delivery,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    sentAtMs: row.sent_at_ms,
    isSpent: row.is_spent === 1,
    reason: row.reason ?? undefined,
    duringOutage: row.during_outage === 1,
    isSuppressed: row.is_suppressed === 1,
    requestedByKnownDevice: row.requested_by_known_device === 1,
  };
}
