import {
  type Code,
  type DueRows,
  type KnownDevice,
  type NewUser,
  type Seed,
  type Session,
  type Store,
  StoreUnavailable,
  type Tx,
  type User,
} from '../../src/store.ts';

interface Tables {
  /** In sign-up order. */
  users: Map<string, User>;
  seeds: Map<string, Seed>;
  lockouts: Map<
    string,
    { email: string; device: string; failures: number; isLocked: boolean; changedAtMs: number }
  >;
  codes: Map<string, Code & { changedAtMs: number }>;
  flows: Map<string, { codeId: string; isTried: boolean }>;
  /** By token, in the order in which they were added. */
  devices: Map<string, KnownDevice & { email: string; expiresAtMs: number }>;
  sessions: Map<string, Session>;
  events: { key: string; atMs: number }[];
  sharedValues: Map<string, { value: string; expiresAtMs: number }>;
}

/** A simple store in maps. Works run one at a time, on a copy that replaces the maps when the work is done. */
export function memoryStore(): Store {
  let tables: Tables = {
    users: new Map(),
    seeds: new Map(),
    lockouts: new Map(),
    codes: new Map(),
    flows: new Map(),
    devices: new Map(),
    sessions: new Map(),
    events: [],
    sharedValues: new Map(),
  };
  const leases = new Map<string, { count: number; endMs: number }>();
  let tail: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  return {
    saltKey: new Uint8Array(32).fill(7),
    async transact(work) {
      if (isClosed) throw new StoreUnavailable('The database is closed.');
      const run = tail.then(async () => {
        const copy = structuredClone(tables);
        const life = { isOver: false };
        let timer: NodeJS.Timeout | undefined;
        const tooLate = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error('A work took over a second and was rolled back.')), 1000);
        });
        try {
          const result = await Promise.race([work(verbs(copy, life)), tooLate]);
          tables = copy;
          return result;
        } finally {
          life.isOver = true;
          clearTimeout(timer);
        }
      });
      tail = run.catch(() => undefined);
      return run;
    },
    async read(work) {
      if (isClosed) throw new StoreUnavailable('The database is closed.');
      return work(verbs(structuredClone(tables), { isOver: false }));
    },
    async lease(key, block, most, windowMs) {
      if (isClosed) throw new StoreUnavailable('The database is closed.');
      const nowMs = performance.now();
      const found = leases.get(key);
      const { count, endMs } = found && found.endMs > nowMs ? found : { count: 0, endMs: nowMs + windowMs };
      leases.set(key, { count: count + block, endMs });
      return { granted: Math.max(0, Math.min(block, most - count)), endsInMs: endMs - nowMs };
    },
    async close() {
      isClosed = true;
      await tail;
    },
  };
}

function verbs(tables: Tables, life: { isOver: boolean }): Tx {
  const { users, seeds, lockouts, codes, flows, devices, sessions } = tables;
  const key = (...parts: string[]) => JSON.stringify(parts);
  const changeCode = (id: string, change: Partial<Code & { changedAtMs: number }>) => {
    const code = codes.get(id);
    if (code !== undefined) codes.set(id, { ...code, ...change });
  };
  const dropCode = (id: string) => {
    codes.delete(id);
    for (const [hash, flow] of flows) if (flow.codeId === id) flows.delete(hash);
  };

  const olderTokens = (email: string, tokenHash: string) => {
    const used = key(email, tokenHash);
    const tokens = [...devices].filter(
      ([, device]) => device.email === email && device.id === devices.get(used)?.id,
    );
    return tokens
      .slice(
        0,
        tokens.findIndex(([token]) => token === used),
      )
      .map(([token]) => token);
  };
  const lastSeenFirst = (left: KnownDevice, right: KnownDevice) =>
    right.seenAtMs - left.seenAtMs || (left.id < right.id ? -1 : 1);
  const newUser = (user: NewUser): User => ({
    ...user,
    isPhoneConfirmed: false,
    knownSinceMs: undefined,
    isFinished: false,
    failedSignInCodes: 0,
  });

  const tx: Tx = {
    userFor: async (email) => users.get(email),
    async addUser(user) {
      if (users.has(user.email)) return false;
      users.set(user.email, newUser(user));
      return true;
    },
    async replaceUnfinished(user) {
      if (users.get(user.email)?.isFinished !== false) return false;
      users.delete(user.email);
      users.set(user.email, newUser(user));
      return true;
    },
    async addFailedSignInCode(email) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, failedSignInCodes: user.failedSignInCodes + 1 });
    },
    async clearFailedSignInCodes(email) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, failedSignInCodes: 0 });
    },
    async phoneClaims(email, phoneno) {
      const holders = [...users.values()].filter((user) => user.phoneno === phoneno);
      return {
        isFirst: holders[0]?.email === email,
        isConfirmedElsewhere: holders.some((user) => user.isPhoneConfirmed && user.email !== email),
      };
    },
    async confirmPhone(email) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, isPhoneConfirmed: true });
    },
    async setKeys(email, kdf, keys) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, kdf, ...keys });
    },

    async setName(email, fname, lname) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, fname, lname });
    },
    async setPhone(email, phoneno) {
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, phoneno, isPhoneConfirmed: true });
    },
    async deleteUser(email) {
      users.delete(email);
      for (const table of [sessions, devices, lockouts])
        for (const [id, row] of table) if (row.email === email) table.delete(id);
      for (const code of [...codes.values()]) if (code.email === email) dropCode(code.id);
    },
    recordsOf: async (email) => ({
      createdAtMs: 0,
      keysChangedAtMs: 0,
      phoneConfirmedAtMs: users.get(email)?.isPhoneConfirmed ? 0 : undefined,
      codes: [...codes.values()].filter((code) => code.email === email),
      lockouts: [...lockouts.values()].filter((lockout) => lockout.email === email),
    }),

    async addSeed(seed, maxPerNetwork) {
      seeds.set(seed.id, seed);
      const own = [...seeds.values()].filter((one) => one.network === seed.network);
      for (const old of own.slice(0, Math.max(0, own.length - maxPerNetwork))) seeds.delete(old.id);
    },
    async takeSeed(id, email, nowMs) {
      const found = seeds.get(id);
      if (found === undefined || found.email !== email || found.expiresAtMs <= nowMs) return undefined;
      seeds.delete(id);
      return found.seed;
    },

    lockoutFor: async (email, device) => lockouts.get(key(email, device)) ?? { failures: 0, isLocked: false },
    async addFailure(email, device, changedAtMs) {
      const lockout = lockouts.get(key(email, device));
      const failures = (lockout?.failures ?? 0) + 1;
      lockouts.set(key(email, device), {
        email,
        device,
        failures,
        isLocked: lockout?.isLocked ?? false,
        changedAtMs,
      });
      return failures;
    },
    async lock(email, device, changedAtMs) {
      const lockout = lockouts.get(key(email, device));
      if (lockout !== undefined)
        lockouts.set(key(email, device), { ...lockout, isLocked: true, changedAtMs });
    },
    clearLockout: async (email, device) => void lockouts.delete(key(email, device)),
    async clearLockouts(email) {
      for (const [id, lockout] of lockouts) if (lockout.email === email) lockouts.delete(id);
    },

    async newestCode(email, { purpose, device, phoneno }, nowMs) {
      return [...codes.values()]
        .filter((code) => code.email === email && code.purpose === purpose)
        .filter((code) => code.device === device && code.phoneno === phoneno)
        .filter((code) => code.sentAtMs <= nowMs)
        .reverse()
        .sort((left, right) => right.sentAtMs - left.sentAtMs)[0];
    },
    addCode: async (code) => void codes.set(code.id, { ...code, changedAtMs: code.createdAtMs }),
    async resendCode(id, { isSuppressed, ...again }, nowMs) {
      const wasHeldBack = codes.get(id)?.isSuppressed === true;
      changeCode(id, {
        sentAtMs: nowMs,
        ...again,
        isSuppressed: wasHeldBack && isSuppressed,
        changedAtMs: nowMs,
      });
    },
    async noteDelivery(id, delivery, from, reason) {
      const code = codes.get(id);
      if (code !== undefined && from.includes(code.delivery)) changeCode(id, { delivery, reason });
    },
    spendCode: async (id, changedAtMs) => changeCode(id, { isSpent: true, changedAtMs }),
    async spendCodes(email, changedAtMs, purpose) {
      for (const code of codes.values()) {
        if (purpose !== undefined && code.purpose !== purpose) continue;
        if (code.email === email && !code.isSpent) changeCode(code.id, { isSpent: true, changedAtMs });
      }
    },
    async forgetCodes(email) {
      for (const code of [...codes.values()]) if (code.email === email) dropCode(code.id);
    },

    async addFlow(hash, codeId, maxPerCode) {
      if ([...flows.values()].filter((flow) => flow.codeId === codeId).length >= maxPerCode) return false;
      flows.set(hash, { codeId, isTried: false });
      return true;
    },
    async flowFor(hash) {
      const flow = flows.get(hash);
      const code = codes.get(flow?.codeId ?? '');
      return flow && code && { isTried: flow.isTried, code };
    },
    async markTried(hash, changedAtMs) {
      const flow = flows.get(hash);
      if (flow === undefined) return;
      flows.set(hash, { ...flow, isTried: true });
      changeCode(flow.codeId, { changedAtMs });
    },

    async deviceFor(email, tokenHash, nowMs) {
      const found = devices.get(key(email, tokenHash));
      if (found === undefined || found.expiresAtMs <= nowMs) return undefined;
      const { id } = found;
      return { id, hasOlderTokens: olderTokens(email, tokenHash).length > 0 };
    },
    async addDeviceToken(email, { tokenHash, nowMs, ...token }, maxPerUser) {
      const user = users.get(email);
      if (user === undefined) return;
      const before = [...devices.values()].find((one) => one.email === email && one.id === token.id);
      const times = { createdAtMs: before?.createdAtMs ?? nowMs, seenAtMs: nowMs };
      devices.set(key(email, tokenHash), { email, ...token, ...times });
      const own = [...devices.keys()].filter((one) => devices.get(one)?.email === email);
      for (const old of own.slice(0, Math.max(0, own.length - maxPerUser))) devices.delete(old);
      const knownSinceMs = Math.min(user.knownSinceMs ?? nowMs, nowMs);
      users.set(email, { ...user, isFinished: true, knownSinceMs });
    },
    async endOlderTokens(email, tokenHash) {
      for (const old of olderTokens(email, tokenHash)) devices.delete(old);
    },
    async devicesOf(email, nowMs) {
      const live = [...devices.values()].filter((one) => one.email === email && one.expiresAtMs > nowMs);
      const rows = live.map(({ id, createdAtMs, seenAtMs, network, browser }) => {
        return { id, createdAtMs, seenAtMs, network, browser };
      });
      return [...new Map(rows.map((row) => [row.id, row])).values()].sort(lastSeenFirst);
    },
    async forgetDevice(email, id) {
      for (const [token, device] of devices)
        if (device.email === email && device.id === id) devices.delete(token);
      for (const [hash, session] of sessions)
        if (session.email === email && session.device === id) sessions.delete(hash);
      lockouts.delete(key(email, id));
    },

    async addSession(hash, session, maxPerUser) {
      if (users.has(session.email)) sessions.set(hash, session);
      const own = [...sessions].filter(([, { email }]) => email === session.email).map(([one]) => one);
      for (const old of own.sort().slice(0, Math.max(0, own.length - maxPerUser))) sessions.delete(old);
    },
    sessionsOf: async (email) =>
      [...sessions.values()].filter((session) => session.email === email).sort(lastSeenFirst),
    async noteProved(hash, provedAtMs) {
      const session = sessions.get(hash);
      if (session !== undefined) sessions.set(hash, { ...session, provedAtMs });
    },
    async endSessionById(email, id) {
      for (const [hash, session] of sessions)
        if (session.email === email && session.id === id) sessions.delete(hash);
    },
    sessionFor: async (hash) => sessions.get(hash),
    async noteSeen(hash, seenAtMs) {
      const session = sessions.get(hash);
      if (session === undefined) return;
      sessions.set(hash, { ...session, seenAtMs });
      for (const [token, device] of devices)
        if (device.email === session.email && device.id === session.device)
          devices.set(token, { ...device, seenAtMs });
    },
    endSession: async (hash) => void sessions.delete(hash),
    async forgetBrowsers(email) {
      for (const [hash, session] of sessions) if (session.email === email) sessions.delete(hash);
      for (const [id, device] of devices) if (device.email === email) devices.delete(id);
      const user = users.get(email);
      if (user !== undefined) users.set(email, { ...user, knownSinceMs: undefined });
    },

    async countEvent(keys, atMs) {
      for (const key of keys) {
        tables.events = tables.events.filter((event) => event.key !== key || event.atMs <= atMs);
        tables.events.push({ key, atMs });
      }
    },
    async nthNewestEvents(queries, nowMs) {
      return queries.map(({ key, nth, sinceMs }) => {
        const found = tables.events.filter((event) => event.key === key).at(-nth)?.atMs;
        return found !== undefined && found > sinceMs && found <= nowMs ? found : undefined;
      });
    },
    async uncountEvent(keys) {
      for (const key of keys) {
        const index = tables.events.findLastIndex((event) => event.key === key);
        if (index >= 0) tables.events.splice(index, 1);
      }
    },
    async forgetEvents(key) {
      tables.events = tables.events.filter((event) => event.key !== key);
    },

    async sharedValue(key, nowMs) {
      const found = tables.sharedValues.get(key);
      return found !== undefined && found.expiresAtMs > nowMs ? found.value : undefined;
    },
    async setSharedValue(key, value, expiresAtMs) {
      tables.sharedValues.set(key, { value, expiresAtMs });
    },

    async deleteDue(due, limit) {
      return deleteAllDue(tables, due, limit, dropCode);
    },
  };

  return new Proxy(tx, {
    get(target, verb, receiver) {
      if (life.isOver) throw new Error('This transaction is over: a work must await nothing but its tx.');
      return Reflect.get(target, verb, receiver);
    },
  });
}

function deleteAllDue(tables: Tables, due: DueRows, limit: number, dropCode: (id: string) => void): number {
  const deleteFrom = <Row>(
    table: Map<string, Row>,
    isDue: (row: Row) => boolean,
    drop: (id: string) => unknown = (id) => table.delete(id),
  ) => {
    const ids = [...table].filter(([, row]) => isDue(row)).slice(0, limit);
    for (const [id] of ids) drop(id);
    return ids.length;
  };
  const old = tables.events.filter((event) => event.atMs < due.eventsBeforeMs).slice(0, limit);
  tables.events = tables.events.filter((event) => !old.includes(event));
  return (
    old.length +
    deleteFrom(tables.seeds, (seed) => seed.expiresAtMs <= due.nowMs) +
    deleteFrom(tables.lockouts, (lockout) => lockout.changedAtMs < due.rowsChangedBeforeMs) +
    deleteFrom(tables.codes, (code) => code.changedAtMs < due.rowsChangedBeforeMs, dropCode) +
    deleteFrom(tables.devices, (device) => device.expiresAtMs <= due.nowMs) +
    deleteFrom(tables.sharedValues, (shared) => shared.expiresAtMs <= due.nowMs) +
    deleteFrom(tables.sessions, (session) => session.seenAtMs < due.sessionsSeenBeforeMs)
  );
}
