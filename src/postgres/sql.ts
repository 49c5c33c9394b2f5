import { accountSlot } from './slots.ts';

/** A statement, and the name that each connection prepares it under. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** The tables with rows of a user. Flows are deleted with their codes. */
const OF_USER = ['sessions', 'devices', 'codes', 'lockouts', 'users'];

const DUE_ROWS = [
  { table: 'seeds', key: 'id', isDue: 'expires_at_ms <= $1' },
  { table: 'lockouts', key: 'email, device', isDue: 'changed_at_ms < $1' },
  { table: 'codes', key: 'id', isDue: 'changed_at_ms < $1' },
  { table: 'devices', key: 'email, token_hash', isDue: 'expires_at_ms <= $1' },
  { table: 'sessions', key: 'token_hash', isDue: 'seen_at_ms < $1' },
  { table: 'events', key: 'key, number', isDue: 'at_ms < $1' },
  { table: 'shared_values', key: 'key', isDue: 'expires_at_ms <= $1' },
  { table: 'leases', key: 'key', isDue: 'ends_at_ms <= $1' },
] as const;

export type DueTable = (typeof DUE_ROWS)[number]['table'];

// A miss reads a row of the same shape, so that it takes as long as a hit.
const userOf = (email: string) => `
  SELECT phoneno, fname, lname, kdf, encode(stored_key, 'base64') AS stored_key, encode(server_key, 'base64') AS server_key,
    phone_confirmed_at_ms IS NOT NULL AS is_phone_confirmed, known_since_ms, is_finished, failed_signin_codes, true AS is_found
  FROM users WHERE users.email = ${email}
  UNION ALL
  SELECT '+10000000000', 'Nobody', 'Nobody', 'argon2id', encode(decode(repeat('00', 32), 'hex'), 'base64'),
    encode(decode(repeat('00', 32), 'hex'), 'base64'), false, NULL, false, 0, false
  LIMIT 1`;
const lockoutsOf = (email: string) =>
  `SELECT device, failures, is_locked, changed_at_ms FROM lockouts WHERE lockouts.email = ${email} ORDER BY device`;
const deviceFor = (email: string, tokenHash: string) => `
  SELECT token_hash, id, expires_at_ms, EXISTS (
      SELECT 1 FROM devices AS older
      WHERE older.email = devices.email AND older.id = devices.id AND older.number < devices.number
    ) AS has_older_tokens
  FROM devices WHERE devices.email = ${email} AND token_hash = ${tokenHash}`;
const tokensOf = (email: string) => `
  SELECT token_hash, id, number, expires_at_ms, created_at_ms, seen_at_ms, network, browser
  FROM devices WHERE devices.email = ${email} ORDER BY number`;
// Names its columns: a later version may add one while this one runs.
const CODE_COLUMNS = `codes.id, email, purpose, device, phoneno, created_at_ms, expires_at_ms, sent_at_ms, is_spent, delivery,
  reason, during_outage, is_suppressed, requested_by_known_device`;
const flowFor = (hash: string) =>
  `SELECT ${CODE_COLUMNS}, flows.is_tried FROM flows JOIN codes ON codes.id = flows.code_id WHERE flows.hash = ${hash}`;
const SESSION_COLUMNS =
  'token_hash, sessions.id, email, device, sessions.created_at_ms, seen_at_ms, proved_at_ms, network, browser';
const sessionFor = (tokenHash: string) =>
  `SELECT ${SESSION_COLUMNS} FROM sessions JOIN users USING (email, generation) WHERE token_hash = ${tokenHash}`;

const row = (select: string) => `(SELECT row_to_json(found) FROM (${select}) AS found)`;
const rows = (select: string) => `(SELECT coalesce(json_agg(found), '[]') FROM (${select}) AS found)`;

/** A statement that locks an account, and one that then reads its rows. `email` is SQL that finds its email by `$1`. */
function lockAndLoad(email: string, further: string): { lock: string; load: string } {
  return {
    lock: `SELECT slot FROM locks WHERE slot = (SELECT ${accountSlot('about.email')} FROM (${email}) AS about) FOR UPDATE`,
    load: `
      WITH about AS (${email})
      SELECT json_build_object(
        'nowMs', ${NOW}, 'email', about.email, 'user', ${row(userOf('about.email'))},
        'lockouts', ${rows(lockoutsOf('about.email'))}, ${further}
      ) AS loaded
      FROM (SELECT 1) AS one LEFT JOIN about ON true`,
  };
}

const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
const byEmail = lockAndLoad('SELECT $1::text AS email', `'device', ${row(deviceFor('about.email', '$2'))}`);
const byFlow = lockAndLoad(
  'SELECT codes.email FROM flows JOIN codes ON codes.id = flows.code_id WHERE flows.hash = $1',
  `'flow', ${row(flowFor('$1'))}`,
);
const bySession = lockAndLoad(
  'SELECT sessions.email FROM sessions WHERE token_hash = $1',
  `'session', ${row(sessionFor('$1'))}, 'tokens', ${rows(tokensOf('about.email'))}`,
);

const NTH_NEWEST_EVENTS = `
  SELECT place, (
    SELECT at_ms FROM events
    WHERE key = asked.key AND number = (SELECT max(number) FROM events WHERE key = asked.key) + 1 - asked.nth
      AND at_ms > asked.since_ms AND at_ms <= asked.until_ms
  ) AS at_ms
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS asked (key, nth, since_ms, until_ms, place)
  ORDER BY place`;

const TEXTS = {
  now: `SELECT json_build_object('nowMs', ${NOW}) AS loaded`,
  lockEmail: byEmail.lock,
  loadEmail: byEmail.load,
  lockFlow: byFlow.lock,
  loadFlow: byFlow.load,
  lockSession: bySession.lock,
  loadSession: bySession.load,
  syncNotAtCommit: 'SET LOCAL synchronous_commit = off',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  userFor: userOf('$1'),
  addUser: `
    INSERT INTO users
      (email, phoneno, fname, lname, kdf, stored_key, server_key, created_at_ms, keys_changed_at_ms, generation,
       is_finished, failed_signin_codes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, false, 0)`,
  replaceUnfinished: `
    UPDATE users
    SET phoneno = $2, fname = $3, lname = $4, kdf = $5, stored_key = $6, server_key = $7, created_at_ms = $8,
      keys_changed_at_ms = $8, generation = greatest(generation + 1, $8), failed_signin_codes = 0
    WHERE email = $1 AND NOT is_finished`,
  addFailedSignInCode: 'UPDATE users SET failed_signin_codes = failed_signin_codes + 1 WHERE email = $1',
  clearFailedSignInCodes:
    'UPDATE users SET failed_signin_codes = 0 WHERE email = $1 AND failed_signin_codes > 0',
  phoneClaims: `
    SELECT email = $1 AS is_first,
      EXISTS (
        SELECT 1 FROM users WHERE phoneno = $2 AND phone_confirmed_at_ms IS NOT NULL AND email <> $1
      ) AS is_confirmed_elsewhere
    FROM users WHERE phoneno = $2 ORDER BY created_at_ms, email LIMIT 1`,
  confirmPhone:
    'UPDATE users SET phone_confirmed_at_ms = $2 WHERE email = $1 AND phone_confirmed_at_ms IS NULL',
  setKeys:
    'UPDATE users SET kdf = $2, stored_key = $3, server_key = $4, keys_changed_at_ms = $5 WHERE email = $1',
  setName: 'UPDATE users SET fname = $2, lname = $3 WHERE email = $1',
  setPhone: 'UPDATE users SET phoneno = $2, phone_confirmed_at_ms = $3 WHERE email = $1',
  timesOf: 'SELECT created_at_ms, keys_changed_at_ms, phone_confirmed_at_ms FROM users WHERE email = $1',
  codesOf: `SELECT ${CODE_COLUMNS} FROM codes WHERE email = $1 ORDER BY created_at_ms, id`,

  addSeed: 'INSERT INTO seeds (id, seed, email, network, expires_at_ms) VALUES ($1, $2, $3, $4, $5)',
  // The deletion does not see the new seed, so it keeps one less. Works of other accounts may delete at the same time.
  addSeedOfMany: `
    WITH old AS (
      DELETE FROM seeds WHERE id IN (
        SELECT id FROM seeds
        WHERE network = $4
          AND number <= (SELECT number FROM seeds WHERE network = $4 ORDER BY number DESC OFFSET $6 - 1 LIMIT 1)
        FOR UPDATE SKIP LOCKED))
    INSERT INTO seeds (id, seed, email, network, expires_at_ms) VALUES ($1, $2, $3, $4, $5)`,
  takeSeed: 'DELETE FROM seeds WHERE id = $1 AND email = $2 AND expires_at_ms > $3 RETURNING seed',

  lockoutFor: 'SELECT failures, is_locked FROM lockouts WHERE email = $1 AND device = $2',
  lockoutsOf: lockoutsOf('$1'),
  addFailure: `
    INSERT INTO lockouts (email, device, failures, is_locked, changed_at_ms) VALUES ($1, $2, 1, false, $3)
    ON CONFLICT (email, device) DO UPDATE SET failures = lockouts.failures + 1, changed_at_ms = excluded.changed_at_ms
    RETURNING failures`,
  lock: 'UPDATE lockouts SET is_locked = true, changed_at_ms = $3 WHERE email = $1 AND device = $2',
  clearLockout: 'DELETE FROM lockouts WHERE email = $1 AND device = $2',
  clearLockouts: 'DELETE FROM lockouts WHERE email = $1',

  newestCode: `
    SELECT ${CODE_COLUMNS} FROM codes WHERE email = $1 AND purpose = $2 AND device = $3 AND phoneno = $4 AND sent_at_ms <= $5
    ORDER BY sent_at_ms DESC, number DESC LIMIT 1`,
  addCode: `
    INSERT INTO codes
      (id, email, purpose, device, phoneno, created_at_ms, expires_at_ms, sent_at_ms, is_spent, delivery, reason,
       during_outage, is_suppressed, requested_by_known_device, changed_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $6)`,
  resendCode: `
    UPDATE codes
    SET sent_at_ms = $2, changed_at_ms = $2, during_outage = $3, is_suppressed = is_suppressed AND $4,
      requested_by_known_device = $5
    WHERE id = $1`,
  noteDelivery: 'UPDATE codes SET delivery = $2, reason = $3 WHERE id = $1 AND delivery = ANY ($4)',
  spendCode: 'UPDATE codes SET is_spent = true, changed_at_ms = $2 WHERE id = $1',
  spendCodes: `
    UPDATE codes SET is_spent = true, changed_at_ms = $2
    WHERE email = $1 AND NOT is_spent AND ($3::text IS NULL OR purpose = $3)`,
  forgetCodes: 'DELETE FROM codes WHERE email = $1',

  addFlow: `
    INSERT INTO flows (hash, code_id, is_tried) SELECT $1, $2, false
    WHERE (SELECT count(*) FROM flows WHERE code_id = $2) < $3`,
  flowFor: flowFor('$1'),
  markTried: `
    WITH tried AS (UPDATE flows SET is_tried = true WHERE hash = $1 RETURNING code_id)
    UPDATE codes SET changed_at_ms = $2 FROM tried WHERE codes.id = tried.code_id`,

  deviceFor: deviceFor('$1', '$2'),
  tokensOf: tokensOf('$1'),
  // The order of a user's tokens does not depend on the clock, which may be set back. A first time from the future is of such
  // a clock. The deletion does not see the new token, so it keeps one less.
  addDeviceToken: `
    WITH old AS (
      DELETE FROM devices WHERE email = $1 AND number <= (
        SELECT number FROM devices WHERE email = $1 ORDER BY number DESC OFFSET $8 - 1 LIMIT 1)
    ), known AS (
      UPDATE users SET known_since_ms = $5, is_finished = true
      WHERE email = $1 AND (known_since_ms IS NULL OR known_since_ms > $5)
    )
    INSERT INTO devices (email, token_hash, id, number, expires_at_ms, created_at_ms, seen_at_ms, network, browser)
    SELECT email, $2, $3, (SELECT coalesce(max(number), 0) + 1 FROM devices WHERE email = $1), $4,
      coalesce((SELECT min(created_at_ms) FROM devices WHERE email = $1 AND id = $3), $5), $5, $6, $7
    FROM users WHERE email = $1`,
  endOlderTokens: `
    DELETE FROM devices WHERE email = $1 AND (id, number) IN (
      SELECT older.id, older.number FROM devices AS used JOIN devices AS older USING (email, id)
      WHERE used.email = $1 AND used.token_hash = $2 AND older.number < used.number)`,
  forgetDevice: 'DELETE FROM devices WHERE email = $1 AND id = $2',
  endSessionsOn: 'DELETE FROM sessions WHERE email = $1 AND device = $2',
  forgetDevices: 'DELETE FROM devices WHERE email = $1',

  // Hashes begin with the time of their tokens. The deletion does not see the new session, so it keeps one less.
  addSession: `
    WITH old AS (
      DELETE FROM sessions WHERE email = $1 AND token_hash <= (
        SELECT token_hash FROM sessions WHERE email = $1 ORDER BY token_hash DESC OFFSET $10 - 1 LIMIT 1)
    )
    INSERT INTO sessions
      (token_hash, id, email, generation, device, created_at_ms, seen_at_ms, proved_at_ms, network, browser)
    SELECT $2, $3, email, generation, $4, $5, $6, $7, $8, $9 FROM users WHERE email = $1`,
  sessionFor: sessionFor('$1'),
  sessionsOf: `
    SELECT ${SESSION_COLUMNS} FROM sessions JOIN users USING (email, generation) WHERE email = $1
    ORDER BY seen_at_ms DESC, sessions.id`,
  noteSeen: 'UPDATE sessions SET seen_at_ms = $2 WHERE token_hash = $1',
  noteDeviceSeen: `
    UPDATE devices SET seen_at_ms = $2 FROM sessions
    WHERE sessions.token_hash = $1 AND devices.email = sessions.email AND devices.id = sessions.device`,
  noteProved: 'UPDATE sessions SET proved_at_ms = $2 WHERE token_hash = $1',
  endSessionById: 'DELETE FROM sessions WHERE email = $1 AND id = $2',
  endSession: 'DELETE FROM sessions WHERE token_hash = $1',
  // A generation begins with the time of the sign-up, so rows of an earlier account of the address never match.
  endSessions:
    'UPDATE users SET generation = greatest(generation + 1, $2), known_since_ms = NULL WHERE email = $1',

  lockSlots: 'SELECT slot FROM locks WHERE slot = ANY ($1) ORDER BY slot FOR UPDATE',
  tryLockSlots: 'SELECT slot FROM locks WHERE slot = ANY ($1) ORDER BY slot FOR UPDATE NOWAIT',
  nthNewestEvents: NTH_NEWEST_EVENTS,
  // Divides by zero, and so ends the transaction, if the answers are others by now.
  assertNewestEvents: `
    SELECT 1 / (CASE WHEN array_agg(at_ms ORDER BY place) IS NOT DISTINCT FROM $5::bigint[] THEN 1 ELSE 0 END)
    FROM (${NTH_NEWEST_EVENTS}) AS found`,
  forgetEventsAfter: 'DELETE FROM events WHERE key = ANY ($1) AND at_ms > $2',
  countEvent: `
    INSERT INTO events (key, number, at_ms)
    SELECT key, coalesce((SELECT max(number) FROM events WHERE events.key = keys.key), 0) + 1, $2
    FROM unnest($1::text[]) AS keys (key)`,
  uncountEvent: `
    DELETE FROM events WHERE (key, number) IN (
      SELECT keys.key, (SELECT max(number) FROM events WHERE events.key = keys.key) FROM unnest($1::text[]) AS keys (key))`,
  forgetEvents: 'DELETE FROM events WHERE key = $1',

  sharedValue: 'SELECT value FROM shared_values WHERE key = $1 AND expires_at_ms > $2',
  setSharedValue: `
    INSERT INTO shared_values (key, value, expires_at_ms) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at_ms = excluded.expires_at_ms`,
  // Counts no more than the most, so that the count stays small. The time is read once, as the end of a new window.
  lease: `
    INSERT INTO leases (key, count, ends_at_ms) VALUES ($1, $2, ${NOW} + $4)
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN leases.ends_at_ms > excluded.ends_at_ms - $4 THEN least(leases.count, $3) + $2 ELSE $2 END,
      ends_at_ms = CASE WHEN leases.ends_at_ms > excluded.ends_at_ms - $4 THEN leases.ends_at_ms ELSE excluded.ends_at_ms END
    RETURNING count, greatest(1, ends_at_ms - ${NOW}) AS ends_in_ms`,
} as const;

/** All statements of the store. */
export const SQL = Object.fromEntries(
  Object.entries(TEXTS).map(([name, text]) => [name, { name, text }]),
) as Record<keyof typeof TEXTS, Statement>;

/** Deletes all rows of a user (`$1`), table by table. */
export const DELETE_USER: readonly Statement[] = OF_USER.map((table) => ({
  name: `delete ${table} of a user`,
  text: `DELETE FROM ${table} WHERE email = $1`,
}));

/** Deletes at most `$2` rows that are due at `$1`. Skips rows that another process deletes. */
export const DELETE_DUE: readonly { table: DueTable; statement: Statement }[] = DUE_ROWS.map(
  ({ table, key, isDue }) => ({
    table,
    statement: {
      name: `delete due ${table}`,
      text: `DELETE FROM ${table} WHERE (${key}) IN (
        SELECT ${key} FROM ${table} WHERE ${isDue} LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    },
  }),
);
