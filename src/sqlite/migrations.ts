import { randomBytes } from 'node:crypto';
import type { Database } from 'better-sqlite3';

/** One change of the schema. */
export interface Migration {
  readonly name: string;
  readonly up: (db: Database) => void;
}

/** Numbered from 1 by their place. A released one is never edited, comments included: a later one changes its result. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'the tables of the tutorial, and what its rules need',
    up: (db) => {
      db.exec(`
        CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

        CREATE TABLE users (
          email TEXT PRIMARY KEY,
          phoneno TEXT NOT NULL,
          fname TEXT NOT NULL,
          lname TEXT NOT NULL,
          kdf TEXT NOT NULL,
          stored_key BLOB NOT NULL,
          server_key BLOB NOT NULL,
          created_at_ms INTEGER NOT NULL,
          keys_changed_at_ms INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE seeds (
          id TEXT PRIMARY KEY,
          seed TEXT NOT NULL,
          email TEXT NOT NULL,
          network TEXT NOT NULL,
          expires_at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX seeds_by_network ON seeds (network);
        CREATE INDEX seeds_by_expiry ON seeds (expires_at_ms);

        CREATE TABLE guards (
          email TEXT NOT NULL,
          device TEXT NOT NULL,
          failures INTEGER NOT NULL,
          is_locked INTEGER NOT NULL,
          changed_at_ms INTEGER NOT NULL,
          PRIMARY KEY (email, device)
        ) STRICT;
        CREATE INDEX guards_by_change ON guards (changed_at_ms);

        CREATE TABLE codes (
          id TEXT PRIMARY KEY,
          email TEXT NOT NULL,
          purpose TEXT NOT NULL,
          device TEXT NOT NULL,
          created_at_ms INTEGER NOT NULL,
          expires_at_ms INTEGER NOT NULL,
          sent_at_ms INTEGER NOT NULL,
          is_spent INTEGER NOT NULL,
          delivery TEXT NOT NULL,
          reason TEXT,
          is_in_outage INTEGER NOT NULL,
          changed_at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX codes_by_count ON codes (email, purpose, device, sent_at_ms);
        CREATE INDEX codes_by_change ON codes (changed_at_ms);

        CREATE TABLE flows (
          hash TEXT PRIMARY KEY,
          code_id TEXT NOT NULL REFERENCES codes (id) ON DELETE CASCADE,
          is_tried INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX flows_by_code ON flows (code_id);

        CREATE TABLE devices (
          id TEXT PRIMARY KEY,
          email TEXT NOT NULL,
          token_hash TEXT NOT NULL UNIQUE,
          expires_at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX devices_by_email ON devices (email);
        CREATE INDEX devices_by_expiry ON devices (expires_at_ms);

        CREATE TABLE sessions (
          token_hash TEXT PRIMARY KEY,
          email TEXT NOT NULL,
          created_at_ms INTEGER NOT NULL,
          seen_at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX sessions_by_email ON sessions (email);
        CREATE INDEX sessions_by_creation ON sessions (created_at_ms);
        CREATE INDEX sessions_by_sight ON sessions (seen_at_ms);
      `);
      db.prepare("INSERT INTO meta (key, value) VALUES ('salt_key', ?)").run(randomBytes(32));
    },
  },
  {
    name: 'what limits count, and whether a phone is confirmed',
    up: (db) => {
      db.exec(`
        -- Numbered under each key, so that the nth newest is found at once, however many there are.
        CREATE TABLE events (
          key TEXT NOT NULL,
          number INTEGER NOT NULL,
          at_ms INTEGER NOT NULL,
          PRIMARY KEY (key, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX events_by_time ON events (at_ms);

        ALTER TABLE users ADD COLUMN phone_confirmed_at_ms INTEGER;
      `);
    },
  },
  {
    name: 'what can not be right, who was there first, and rows that lie where their keys do',
    up: (db) => {
      db.exec(`
        ALTER TABLE codes ADD COLUMN is_held_back INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE codes ADD COLUMN is_own INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX users_by_phone ON users (phoneno, created_at_ms);

        -- A row beside its key is written once; one under a number of its own, once more for each of its keys.
        ALTER TABLE devices RENAME TO old_devices;
        CREATE TABLE devices (
          email TEXT NOT NULL,
          id TEXT NOT NULL,
          token_hash TEXT NOT NULL UNIQUE,
          known_since_ms INTEGER NOT NULL,
          expires_at_ms INTEGER NOT NULL,
          PRIMARY KEY (email, id)
        ) STRICT, WITHOUT ROWID;
        -- Those of before are as old as any.
        INSERT INTO devices SELECT email, id, token_hash, 0, expires_at_ms FROM old_devices;
        DROP TABLE old_devices;
        CREATE INDEX devices_by_expiry ON devices (expires_at_ms);

        ALTER TABLE sessions RENAME TO old_sessions;
        CREATE TABLE sessions (
          token_hash TEXT PRIMARY KEY,
          email TEXT NOT NULL,
          created_at_ms INTEGER NOT NULL,
          seen_at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO sessions SELECT token_hash, email, created_at_ms, seen_at_ms FROM old_sessions;
        DROP TABLE old_sessions;
        CREATE INDEX sessions_by_email ON sessions (email);
        CREATE INDEX sessions_by_sight ON sessions (seen_at_ms);

        ALTER TABLE guards RENAME TO old_guards;
        CREATE TABLE guards (
          email TEXT NOT NULL,
          device TEXT NOT NULL,
          failures INTEGER NOT NULL,
          is_locked INTEGER NOT NULL,
          changed_at_ms INTEGER NOT NULL,
          PRIMARY KEY (email, device)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO guards SELECT email, device, failures, is_locked, changed_at_ms FROM old_guards;
        DROP TABLE old_guards;
        CREATE INDEX guards_by_change ON guards (changed_at_ms);
      `);
    },
  },
  {
    name: 'the fewest pages that a sign-in reads and writes',
    up: (db) => {
      db.exec(`
        ALTER TABLE users RENAME TO old_users;
        CREATE TABLE users (
          email TEXT PRIMARY KEY,
          phoneno TEXT NOT NULL,
          fname TEXT NOT NULL,
          lname TEXT NOT NULL,
          kdf TEXT NOT NULL,
          stored_key BLOB NOT NULL,
          server_key BLOB NOT NULL,
          created_at_ms INTEGER NOT NULL,
          keys_changed_at_ms INTEGER NOT NULL,
          phone_confirmed_at_ms INTEGER,
          known_since_ms INTEGER,
          generation INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO users
        SELECT email, phoneno, fname, lname, kdf, stored_key, server_key, created_at_ms, keys_changed_at_ms,
          phone_confirmed_at_ms, (SELECT min(known_since_ms) FROM devices WHERE devices.email = old_users.email), 0
        FROM old_users;
        DROP TABLE old_users;
        CREATE INDEX users_by_phone ON users (phoneno, created_at_ms);

        -- Sessions and devices of an account are over together, by its generation: nobody has to find them.
        ALTER TABLE devices RENAME TO old_devices;
        CREATE TABLE devices (
          token_hash TEXT PRIMARY KEY,
          email TEXT NOT NULL,
          id TEXT NOT NULL,
          generation INTEGER NOT NULL,
          expires_at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO devices SELECT token_hash, email, id, 0, expires_at_ms FROM old_devices;
        DROP TABLE old_devices;
        CREATE INDEX devices_by_expiry ON devices (expires_at_ms);

        ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
        DROP INDEX sessions_by_email;
      `);
    },
  },
  {
    name: "the field's words, and who has confirmed a phone",
    up: (db) => {
      db.exec(`
        ALTER TABLE guards RENAME TO lockouts;
        DROP INDEX guards_by_change;
        CREATE INDEX lockouts_by_change ON lockouts (changed_at_ms);

        ALTER TABLE codes RENAME COLUMN is_in_outage TO during_outage;
        ALTER TABLE codes RENAME COLUMN is_held_back TO is_suppressed;
        ALTER TABLE codes RENAME COLUMN is_own TO requested_by_known_device;

        CREATE INDEX users_by_confirmed_phone ON users (phoneno) WHERE phone_confirmed_at_ms IS NOT NULL;

        -- Two levels of trust became one, and it keeps their counts.
        UPDATE OR IGNORE events SET key = replace(key, ' confirmed ', ' trusted ')
        WHERE key GLOB 'message [nbp]* confirmed *';
        UPDATE OR IGNORE events SET key = replace(key, ' settled ', ' trusted ')
        WHERE key GLOB 'message [nbp]* settled *';
      `);
    },
  },
  {
    name: 'the devices of an account side by side, so that they can be counted and deleted',
    up: (db) => {
      db.exec(`
        ALTER TABLE devices RENAME TO old_devices;
        -- A row for each token of a device: an old token is valid until a newer one is used.
        CREATE TABLE devices (
          email TEXT NOT NULL,
          token_hash TEXT NOT NULL,
          id TEXT NOT NULL,
          number INTEGER NOT NULL,
          expires_at_ms INTEGER NOT NULL,
          PRIMARY KEY (email, token_hash)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO devices
        SELECT email, token_hash, id, 51 - age, expires_at_ms FROM (
          SELECT email, token_hash, id, expires_at_ms,
            row_number() OVER (PARTITION BY email ORDER BY expires_at_ms DESC) AS age
          FROM old_devices JOIN users USING (email, generation)
        ) WHERE age <= 50;
        DROP TABLE old_devices;
        CREATE INDEX devices_by_expiry ON devices (expires_at_ms);
      `);
    },
  },
  {
    name: 'the second factor, and the account page',
    up: (db) => {
      db.exec(`
        -- No earlier version recorded whether a user had signed in, so all users count as finished.
        ALTER TABLE users ADD COLUMN is_finished INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE users ADD COLUMN failed_signin_codes INTEGER NOT NULL DEFAULT 0;

        ALTER TABLE codes ADD COLUMN phoneno TEXT NOT NULL DEFAULT '';

        ALTER TABLE devices ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN seen_at_ms INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN network TEXT NOT NULL DEFAULT '';
        ALTER TABLE devices ADD COLUMN browser TEXT NOT NULL DEFAULT '';
        -- A device expires 400 days after its last use. No earlier version recorded its first one.
        UPDATE devices
        SET seen_at_ms = max(0, expires_at_ms - 34560000000), created_at_ms = max(0, expires_at_ms - 34560000000);

        ALTER TABLE sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';
        ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';
        ALTER TABLE sessions ADD COLUMN proved_at_ms INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT '';
        ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
        UPDATE sessions SET id = lower(hex(randomblob(16)));
        CREATE INDEX sessions_by_email ON sessions (email);
      `);
    },
  },
  {
    name: 'values that processes share',
    up: (db) => {
      db.exec(`
        CREATE TABLE shared_values (
          key TEXT PRIMARY KEY,
          value TEXT NOT NULL,
          expires_at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX shared_values_by_expiry ON shared_values (expires_at_ms);
      `);
    },
  },
];

/**
 * Throws an Error with a sentence for the operator if a newer version or another program made the database. It only reads.
 */
export function assertOwnDatabase(db: Database): void {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  if (tables.length === 0) return;
  if (!tables.includes('migrations') || !tables.includes('meta')) {
    throw new Error(
      "It is another program's: it has tables, but none that records this program's schema. Choose another file.",
    );
  }
  const schema = schemaIn(db);
  if (schema > MIGRATIONS.length) {
    throw new Error(
      `It was made by a newer version of this program (schema ${schema}; this version knows ${MIGRATIONS.length}). Run that version, or choose another file.`,
    );
  }
}

/**
 * Brings the database to the newest schema and records each step, all in one transaction. After a crash the database is as
 * it was. A second process waits for the first. Throws SQLite's error if the file can't be written, even if no step is left.
 * `newest` stops at an older schema, for tests.
 */
export function migrate(db: Database, nowMs: number, newest = MIGRATIONS.length): void {
  db.transaction(() => {
    db.exec(
      'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, done_at_ms INTEGER NOT NULL) STRICT',
    );
    MIGRATIONS.slice(schemaIn(db), newest).forEach(({ name, up }) => {
      up(db);
      db.prepare('INSERT INTO migrations (name, done_at_ms) VALUES (?, ?)').run(name, nowMs);
    });
    db.exec("UPDATE meta SET value = value WHERE key = 'salt_key'");
  }).immediate();
}

/** The number of the schema that the database records. */
export function schemaIn(db: Database): number {
  return db.prepare('SELECT coalesce(max(number), 0) FROM migrations').pluck().get() as number;
}
