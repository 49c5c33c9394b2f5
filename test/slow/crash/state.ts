import type { Database } from 'better-sqlite3';

/** Replaces a token, id or hash whose answer was cut off. */
export const UNTOLD = '?';

/** One account in the database. Devices and counts are named by the hash of the device's oldest token. */
export interface State {
  readonly user: { storedKey: string; serverKey: string; isConfirmed: boolean } | null;
  readonly lockouts: Readonly<Record<string, { failures: number; isLocked: boolean }>>;
  readonly flows: Readonly<Record<string, FlowState>>;
  readonly sessions: readonly string[];
  /** The tokens of each device, the oldest first. */
  readonly devices: readonly (readonly string[])[];
  readonly seeds: readonly string[];
}

export interface FlowState {
  readonly purpose: 'unlock' | 'reset';
  readonly device: string;
  readonly isTried: boolean;
  readonly isSpent: boolean;
}

/** Replaces the name of a forgotten device whose count a code belongs to. */
export const FORGOTTEN = 'forgotten';

/** An account without any request. */
export const NOTHING: State = { user: null, lockouts: {}, flows: {}, sessions: [], devices: [], seeds: [] };

/** Returns a function that reads accounts from a database by SQL alone. */
export function stateReader(db: Database): (email: string) => State {
  const user = db.prepare<[string], { stored: string; server: string; is_confirmed: number }>(
    `SELECT hex(stored_key) AS stored, hex(server_key) AS server, phone_confirmed_at_ms IS NOT NULL AS is_confirmed
     FROM users WHERE email = ?`,
  );
  const lockouts = db.prepare<[string], { device: string; failures: number; is_locked: number }>(
    'SELECT device, failures, is_locked FROM lockouts WHERE email = ?',
  );
  const codes = db.prepare<
    [string],
    {
      hash: string | null;
      purpose: 'unlock' | 'reset';
      device: string;
      is_tried: number | null;
      is_spent: number;
    }
  >(`SELECT flows.hash, purpose, device, is_tried, is_spent
     FROM codes LEFT JOIN flows ON flows.code_id = codes.id WHERE email = ?`);
  const sessions = db
    .prepare<[string], string>(
      'SELECT token_hash FROM sessions JOIN users USING (email, generation) WHERE email = ?',
    )
    .pluck();
  const devices = db.prepare<[string], { id: string; hash: string }>(
    'SELECT id, token_hash AS hash FROM devices WHERE email = ? ORDER BY number',
  );
  const seeds = db.prepare<[string], string>('SELECT id FROM seeds WHERE email = ?').pluck();

  return (email) => {
    const hashes = new Map<string, string[]>();
    for (const { id, hash } of devices.all(email)) hashes.set(id, [...(hashes.get(id) ?? []), hash]);
    const nameOf = (device: string) => (device === '' ? '' : (hashes.get(device)?.[0] ?? FORGOTTEN));
    const row = user.get(email);
    return {
      user: row
        ? { storedKey: row.stored, serverKey: row.server, isConfirmed: row.is_confirmed === 1 }
        : null,
      lockouts: Object.fromEntries(
        lockouts
          .all(email)
          .map(({ device, failures, is_locked }) => [
            nameOf(device),
            { failures, isLocked: is_locked === 1 },
          ]),
      ),
      flows: Object.fromEntries(
        codes
          .all(email)
          .map(({ hash, purpose, device, is_tried, is_spent }) => [
            hash ?? 'a code without a flow',
            { purpose, device: nameOf(device), isTried: is_tried === 1, isSpent: is_spent === 1 },
          ]),
      ),
      sessions: sessions.all(email),
      devices: [...hashes.values()],
      seeds: seeds.all(email),
    };
  };
}

/** Returns a state as text, the same for equal states. A name that `isTold` does not know becomes UNTOLD. */
export function textOf(state: State, isTold: (name: string) => boolean = () => true): string {
  const told = (name: string) => (name === '' || name === FORGOTTEN || isTold(name) ? name : UNTOLD);
  const list = (names: readonly string[]) => names.map(told).sort();
  const record = <Value>(
    entries: Readonly<Record<string, Value>>,
    of = (value: Value): object => value as object,
  ) =>
    Object.entries(entries)
      .map(([name, value]) => [told(name), of(value)] as const)
      .sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify(
    {
      user: state.user,
      lockouts: record(state.lockouts),
      flows: record(state.flows, ({ purpose, device, isTried, isSpent }) => ({
        purpose,
        device: told(device),
        isTried,
        isSpent,
      })),
      sessions: list(state.sessions),
      devices: state.devices.map((tokens) => tokens.map(told).join(', ')).sort(),
      seeds: list(state.seeds),
    },
    undefined,
    1,
  );
}

/** Returns all names in a state. */
export function namesIn(state: State): string[] {
  return [
    ...Object.keys(state.lockouts),
    ...Object.keys(state.flows),
    ...state.sessions,
    ...state.devices.flat(),
    ...state.seeds,
  ];
}
