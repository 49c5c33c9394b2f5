import type { Purpose } from '../passcode.ts';
import type { Keys } from '../scram.ts';
import type { FailureReason } from '../sms.ts';
import {
  CLOCK_SPREAD_MS,
  type Code,
  type CodeAbout,
  type Delivery,
  type Device,
  type DeviceToken,
  type DueRows,
  type EventQuery,
  type Flow,
  type KnownDevice,
  type Lockout,
  type NewUser,
  type PhoneClaims,
  type Records,
  type Seed,
  type SentAgain,
  type Session,
  type Tx,
  type User,
} from '../store.ts';
import type { Loaded } from './loaded.ts';
import { toCode, toDevices, toLockout, toSession, toUser } from './rows.ts';
import type { KeySlots } from './slots.ts';
import { DELETE_DUE, DELETE_USER, type DueTable, SQL, type Statement } from './sql.ts';
import type { Trips } from './trips.ts';

const UNLOCKED: Lockout = { failures: 0, isLocked: false };

/**
 * The verbs of one work, until it ends. A verb about the locked account answers from what was loaded, if it can. A verb that
 * only writes sends nothing by itself.
 */
export class PostgresTx implements Tx {
  readonly nowMs?: number;
  readonly #trips: Trips;
  readonly #loaded: Loaded;
  readonly #slots: KeySlots;
  readonly #spreadMs: number;
  /** The flows of each code that the work has added. */
  readonly #flowsOfNew = new Map<string, number>();
  /** The answers about limits that the work has not locked. */
  #answers: (AskedEvent & { atMs: number | null })[] = [];
  /** The failures that the work has counted for the locked account. */
  #failuresAdded = 0;
  #hasWritten = false;
  #isOver = false;

  /** The work gets the database's time, unless `hasClock` is false. */
  constructor(trips: Trips, loaded: Loaded, slots: KeySlots, hasClock: boolean) {
    this.#trips = trips;
    this.#loaded = loaded;
    this.#slots = slots;
    this.#spreadMs = hasClock ? CLOCK_SPREAD_MS : 0;
    if (hasClock) this.nowMs = loaded.nowMs;
  }

  /** False if the work has changed nothing, so that nothing has to be on disk. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** From here on every verb throws. */
  end(): void {
    this.#isOver = true;
  }

  #assertOpen(): void {
    if (this.#isOver) throw new Error('This transaction is over: a work must await nothing but its tx.');
  }

  get #rows(): Loaded {
    this.#assertOpen();
    return this.#loaded;
  }

  #queue(statement: Statement, ...values: unknown[]): void {
    this.#assertOpen();
    this.#hasWritten = true;
    this.#trips.queue(statement, values);
  }

  // biome-ignore lint/suspicious/noExplicitAny: each statement has a row type of its own.
  async #read(statement: Statement, ...values: unknown[]): Promise<any[]> {
    this.#assertOpen();
    return this.#trips.read(statement, values);
  }

  /** Runs a write and returns the number of rows that it changed. */
  async #change(statement: Statement, ...values: unknown[]): Promise<number> {
    this.#assertOpen();
    const { rowCount } = await this.#trips.run(statement, values);
    if (rowCount) this.#hasWritten = true;
    return rowCount ?? 0;
  }

  async userFor(email: string): Promise<User | undefined> {
    const loaded = this.#rows.userOf(email);
    if (loaded !== undefined) return loaded.found;
    const [row] = await this.#read(SQL.userFor, email);
    return toUser(email, row);
  }

  async addUser(user: NewUser, nowMs: number): Promise<boolean> {
    // If another work adds the user after all, the statement fails and the work runs again.
    if ((await this.userFor(user.email)) !== undefined) return false;
    this.#queue(SQL.addUser, ...columnsOf(user), nowMs);
    this.#rows.setUser(user.email, { ...user, ...NEW });
    return true;
  }

  async replaceUnfinished(user: NewUser, nowMs: number): Promise<boolean> {
    const loaded = this.#rows.userOf(user.email);
    if (loaded === undefined)
      return (await this.#change(SQL.replaceUnfinished, ...columnsOf(user), nowMs)) === 1;
    if (loaded.found?.isFinished !== false) return false;
    this.#queue(SQL.replaceUnfinished, ...columnsOf(user), nowMs);
    const { isPhoneConfirmed, knownSinceMs } = loaded.found;
    this.#rows.setUser(user.email, { ...user, ...NEW, isPhoneConfirmed, knownSinceMs });
    this.#rows.dropSession();
    return true;
  }

  async addFailedSignInCode(email: string): Promise<void> {
    this.#queue(SQL.addFailedSignInCode, email);
    this.#rows.changeUser(email, ({ failedSignInCodes }) => ({ failedSignInCodes: failedSignInCodes + 1 }));
  }

  async clearFailedSignInCodes(email: string): Promise<void> {
    this.#queue(SQL.clearFailedSignInCodes, email);
    this.#rows.changeUser(email, () => ({ failedSignInCodes: 0 }));
  }

  async phoneClaims(email: string, phoneno: string): Promise<PhoneClaims> {
    const [row] = await this.#read(SQL.phoneClaims, email, phoneno);
    return { isFirst: row?.is_first === true, isConfirmedElsewhere: row?.is_confirmed_elsewhere === true };
  }

  async confirmPhone(email: string, nowMs: number): Promise<void> {
    this.#queue(SQL.confirmPhone, email, nowMs);
    this.#rows.changeUser(email, () => ({ isPhoneConfirmed: true }));
  }

  async setKeys(email: string, kdf: string, { storedKey, serverKey }: Keys, nowMs: number): Promise<void> {
    this.#queue(SQL.setKeys, email, kdf, storedKey, serverKey, nowMs);
    this.#rows.changeUser(email, () => ({ kdf, storedKey, serverKey }));
  }

  async setName(email: string, fname: string, lname: string): Promise<void> {
    this.#queue(SQL.setName, email, fname, lname);
    this.#rows.changeUser(email, () => ({ fname, lname }));
  }

  async setPhone(email: string, phoneno: string, nowMs: number): Promise<void> {
    this.#queue(SQL.setPhone, email, phoneno, nowMs);
    this.#rows.changeUser(email, () => ({ phoneno, isPhoneConfirmed: true }));
  }

  async deleteUser(email: string): Promise<void> {
    for (const statement of DELETE_USER) this.#queue(statement, email);
    this.#rows.setUser(email, undefined);
    this.#rows.lockoutsOf(email)?.clear();
    this.#rows.keepTokens(email, () => false);
    this.#rows.dropFlow();
    this.#rows.dropSession();
  }

  async recordsOf(email: string): Promise<Records> {
    this.#assertOpen();
    const [times, codes, lockouts] = await this.#trips.runAll([
      [SQL.timesOf, [email]],
      [SQL.codesOf, [email]],
      [SQL.lockoutsOf, [email]],
    ]);
    const [row] = times?.rows ?? [];
    return {
      createdAtMs: row?.created_at_ms ?? 0,
      keysChangedAtMs: row?.keys_changed_at_ms ?? 0,
      phoneConfirmedAtMs: row?.phone_confirmed_at_ms ?? undefined,
      codes: codes?.rows.map(toCode) ?? [],
      lockouts: lockouts?.rows.map(toLockout) ?? [],
    };
  }

  async addSeed({ id, seed, email, network, expiresAtMs }: Seed, maxPerNetwork: number): Promise<void> {
    const values = [id, seed, email, network, expiresAtMs];
    if (Number.isFinite(maxPerNetwork)) this.#queue(SQL.addSeedOfMany, ...values, maxPerNetwork);
    else this.#queue(SQL.addSeed, ...values);
  }

  async takeSeed(id: string, email: string, nowMs: number): Promise<string | undefined> {
    const [row] = await this.#read(SQL.takeSeed, id, email, nowMs);
    if (row !== undefined) this.#hasWritten = true;
    return row?.seed;
  }

  async lockoutFor(email: string, device: string): Promise<Lockout> {
    const loaded = this.#rows.lockoutsOf(email);
    if (loaded !== undefined) return loaded.get(device) ?? UNLOCKED;
    const [row] = await this.#read(SQL.lockoutFor, email, device);
    return { failures: row?.failures ?? 0, isLocked: row?.is_locked === true };
  }

  async addFailure(email: string, device: string, nowMs: number): Promise<number> {
    const loaded = this.#rows.lockoutsOf(email);
    if (loaded === undefined) {
      this.#hasWritten = true;
      const [row] = await this.#read(SQL.addFailure, email, device, nowMs);
      return row.failures;
    }
    this.#queue(SQL.addFailure, email, device, nowMs);
    const { failures, isLocked } = loaded.get(device) ?? UNLOCKED;
    this.#failuresAdded += 1;
    loaded.set(device, { failures: failures + 1, isLocked });
    return failures + 1;
  }

  async lock(email: string, device: string, nowMs: number): Promise<void> {
    this.#queue(SQL.lock, email, device, nowMs);
    const loaded = this.#rows.lockoutsOf(email);
    const before = loaded?.get(device);
    if (before !== undefined) loaded?.set(device, { ...before, isLocked: true });
  }

  async clearLockout(email: string, device: string): Promise<void> {
    const loaded = this.#rows.lockoutsOf(email);
    // A right password at once: its try was counted, but not sent, and there was no row before.
    const takenBack = this.#trips.unqueue(SQL.addFailure, email, device);
    const isUnwritten = takenBack > 0 && takenBack === this.#failuresAdded;
    if (!isUnwritten || loaded?.get(device)?.failures !== takenBack)
      this.#queue(SQL.clearLockout, email, device);
    loaded?.delete(device);
  }

  async clearLockouts(email: string): Promise<void> {
    this.#queue(SQL.clearLockouts, email);
    this.#rows.lockoutsOf(email)?.clear();
  }

  async newestCode(
    email: string,
    { purpose, device, phoneno }: CodeAbout,
    nowMs: number,
  ): Promise<Code | undefined> {
    const [row] = await this.#read(SQL.newestCode, email, purpose, device, phoneno, nowMs);
    return row && toCode(row);
  }

  async addCode(code: Code): Promise<void> {
    const { id, email, purpose, device, phoneno, createdAtMs, expiresAtMs, sentAtMs, isSpent } = code;
    const { delivery, reason = null, duringOutage, isSuppressed, requestedByKnownDevice } = code;
    const about = [id, email, purpose, device, phoneno, createdAtMs, expiresAtMs, sentAtMs, isSpent];
    this.#queue(SQL.addCode, ...about, delivery, reason, duringOutage, isSuppressed, requestedByKnownDevice);
    this.#flowsOfNew.set(id, 0);
    this.#rows.dropFlow();
  }

  async resendCode(codeId: string, again: SentAgain, nowMs: number): Promise<void> {
    const { duringOutage, isSuppressed, requestedByKnownDevice } = again;
    this.#queue(SQL.resendCode, codeId, nowMs, duringOutage, isSuppressed, requestedByKnownDevice);
    this.#rows.dropFlow();
  }

  async noteDelivery(
    codeId: string,
    delivery: Delivery,
    from: readonly Delivery[],
    reason: FailureReason | null = null,
  ): Promise<void> {
    this.#queue(SQL.noteDelivery, codeId, delivery, reason, [...from]);
    this.#rows.dropFlow();
  }

  async spendCode(codeId: string, nowMs: number): Promise<void> {
    this.#queue(SQL.spendCode, codeId, nowMs);
    this.#rows.dropFlow();
  }

  async spendCodes(email: string, nowMs: number, purpose?: Purpose): Promise<void> {
    this.#queue(SQL.spendCodes, email, nowMs, purpose ?? null);
    this.#rows.dropFlow();
  }

  async forgetCodes(email: string): Promise<void> {
    this.#queue(SQL.forgetCodes, email);
    this.#flowsOfNew.clear();
    this.#rows.dropFlow();
  }

  async addFlow(flowHash: string, codeId: string, maxPerCode: number): Promise<boolean> {
    this.#rows.dropFlow();
    const flows = this.#flowsOfNew.get(codeId);
    if (flows === undefined) return (await this.#change(SQL.addFlow, flowHash, codeId, maxPerCode)) === 1;
    if (flows >= maxPerCode) return false;
    this.#queue(SQL.addFlow, flowHash, codeId, maxPerCode);
    this.#flowsOfNew.set(codeId, flows + 1);
    return true;
  }

  async flowFor(flowHash: string): Promise<Flow | undefined> {
    const loaded = this.#rows.flowOf(flowHash);
    if (loaded !== undefined) return loaded.found;
    const [row] = await this.#read(SQL.flowFor, flowHash);
    return row && { isTried: row.is_tried, code: toCode(row) };
  }

  async markTried(flowHash: string, nowMs: number): Promise<void> {
    this.#queue(SQL.markTried, flowHash, nowMs);
    this.#rows.dropFlow();
  }

  async deviceFor(email: string, tokenHash: string, nowMs: number): Promise<Device | undefined> {
    const loaded = this.#rows.deviceOf(email, tokenHash, nowMs);
    if (loaded !== undefined) return loaded.found;
    const [row] = await this.#read(SQL.deviceFor, email, tokenHash);
    const isAlive = row !== undefined && row.expires_at_ms > nowMs;
    return isAlive ? { id: row.id, hasOlderTokens: row.has_older_tokens } : undefined;
  }

  async addDeviceToken(email: string, token: DeviceToken, maxPerUser: number): Promise<void> {
    const { tokenHash, id, expiresAtMs, nowMs, network, browser } = token;
    const values = [email, tokenHash, id, expiresAtMs, nowMs, network, browser];
    this.#queue(SQL.addDeviceToken, ...values, maxPerUser);
    this.#rows.dropDevices();
    this.#rows.changeUser(email, ({ knownSinceMs }) =>
      knownSinceMs === undefined || knownSinceMs > nowMs ? { knownSinceMs: nowMs, isFinished: true } : {},
    );
  }

  async endOlderTokens(email: string, tokenHash: string): Promise<void> {
    this.#queue(SQL.endOlderTokens, email, tokenHash);
    const used = this.#rows.tokensOf(email)?.find((token) => token.token_hash === tokenHash);
    this.#rows.keepTokens(
      email,
      ({ id, number }) => used === undefined || id !== used.id || number >= used.number,
    );
  }

  async devicesOf(email: string, nowMs: number): Promise<KnownDevice[]> {
    const tokens = this.#rows.tokensOf(email) ?? (await this.#read(SQL.tokensOf, email));
    return toDevices(tokens, nowMs);
  }

  async forgetDevice(email: string, id: string): Promise<void> {
    this.#queue(SQL.forgetDevice, email, id);
    this.#queue(SQL.endSessionsOn, email, id);
    this.#rows.keepTokens(email, (token) => token.id !== id);
    this.#rows.dropSession();
    await this.clearLockout(email, id);
  }

  async addSession(tokenHash: string, session: Session, maxPerUser: number): Promise<void> {
    const { id, email, device, createdAtMs, seenAtMs, provedAtMs, network, browser } = session;
    const values = [email, tokenHash, id, device, createdAtMs, seenAtMs, provedAtMs, network, browser];
    this.#queue(SQL.addSession, ...values, maxPerUser);
    this.#rows.dropSession();
  }

  async sessionFor(tokenHash: string): Promise<Session | undefined> {
    const loaded = this.#rows.sessionOf(tokenHash);
    if (loaded !== undefined) return loaded.found;
    const [row] = await this.#read(SQL.sessionFor, tokenHash);
    return row && toSession(row);
  }

  async sessionsOf(email: string): Promise<Session[]> {
    return (await this.#read(SQL.sessionsOf, email)).map(toSession);
  }

  async noteSeen(tokenHash: string, nowMs: number): Promise<void> {
    this.#queue(SQL.noteSeen, tokenHash, nowMs);
    this.#queue(SQL.noteDeviceSeen, tokenHash, nowMs);
    this.#rows.dropDevices();
    this.#rows.changeSession(tokenHash, { seenAtMs: nowMs });
  }

  async noteProved(tokenHash: string, nowMs: number): Promise<void> {
    this.#queue(SQL.noteProved, tokenHash, nowMs);
    this.#rows.changeSession(tokenHash, { provedAtMs: nowMs });
  }

  async endSessionById(email: string, id: string): Promise<void> {
    this.#queue(SQL.endSessionById, email, id);
    this.#rows.dropSession();
  }

  async endSession(tokenHash: string): Promise<void> {
    this.#queue(SQL.endSession, tokenHash);
    this.#rows.dropSession();
  }

  async forgetBrowsers(email: string, nowMs: number): Promise<void> {
    this.#queue(SQL.endSessions, email, nowMs);
    this.#queue(SQL.forgetDevices, email);
    this.#rows.keepTokens(email, () => false);
    this.#rows.changeUser(email, () => ({ knownSinceMs: undefined }));
    this.#rows.dropSession();
  }

  /** Locks the keys before the next statement. No other work reads or counts them until this one has ended. */
  #lockKeys(keys: readonly string[]): void {
    this.#assertOpen();
    const { slots, mayWait } = this.#slots.add(keys);
    if (slots.length > 0) this.#trips.queue(mayWait ? SQL.lockSlots : SQL.tryLockSlots, [slots]);
  }

  /** Checks before the next statement that the answers about these keys are still the same. */
  #assertUnchanged(keys: readonly string[]): void {
    const asked = this.#answers.filter(({ key }) => keys.includes(key));
    this.#answers = this.#answers.filter(({ key }) => !keys.includes(key));
    if (asked.length > 0)
      this.#queue(
        SQL.assertNewestEvents,
        ...columnsOfQueries(asked),
        asked.map(({ atMs }) => atMs),
      );
  }

  async countEvent(keys: readonly string[], nowMs: number): Promise<void> {
    this.#lockKeys(keys);
    this.#assertUnchanged(keys);
    this.#queue(SQL.forgetEventsAfter, [...keys], nowMs + this.#spreadMs);
    this.#queue(SQL.countEvent, [...keys], nowMs);
  }

  async nthNewestEvents(queries: readonly EventQuery[], nowMs: number): Promise<(number | undefined)[]> {
    const asked = queries.map((query) => ({ ...query, nowMs: nowMs + this.#spreadMs }));
    const rows = await this.#read(SQL.nthNewestEvents, ...columnsOfQueries(asked));
    for (const [index, query] of asked.entries()) {
      // Others may count a key that is not locked. If this work counts it too, the answer has to be checked again.
      if (!this.#slots.has(query.key)) this.#answers.push({ ...query, atMs: rows[index]?.at_ms ?? null });
    }
    return rows.map(({ at_ms }) => at_ms ?? undefined);
  }

  async uncountEvent(keys: readonly string[]): Promise<void> {
    this.#lockKeys(keys);
    this.#queue(SQL.uncountEvent, [...keys]);
  }

  async forgetEvents(key: string): Promise<void> {
    this.#lockKeys([key]);
    this.#queue(SQL.forgetEvents, key);
  }

  async sharedValue(key: string, nowMs: number): Promise<string | undefined> {
    this.#lockKeys([`shared ${key}`]);
    const [row] = await this.#read(SQL.sharedValue, key, nowMs);
    return row?.value;
  }

  async setSharedValue(key: string, value: string, expiresAtMs: number): Promise<void> {
    this.#lockKeys([`shared ${key}`]);
    this.#queue(SQL.setSharedValue, key, value, expiresAtMs);
  }

  async deleteDue(due: DueRows, limit: number): Promise<number> {
    this.#assertOpen();
    const beforeMs: Record<DueTable, number> = {
      seeds: due.nowMs,
      lockouts: due.rowsChangedBeforeMs,
      codes: due.rowsChangedBeforeMs,
      devices: due.nowMs,
      sessions: due.sessionsSeenBeforeMs,
      events: due.eventsBeforeMs,
      shared_values: due.nowMs,
      leases: due.nowMs,
    };
    this.#hasWritten = true;
    const results = await this.#trips.runAll(
      DELETE_DUE.map(({ table, statement }) => [statement, [beforeMs[table], limit]]),
    );
    return results.reduce((count, { rowCount }) => count + (rowCount ?? 0), 0);
  }
}

interface AskedEvent extends EventQuery {
  readonly nowMs: number;
}

function columnsOfQueries(asked: readonly AskedEvent[]): unknown[] {
  const column = <Value>(of: (query: AskedEvent) => Value) => asked.map(of);
  return [
    column(({ key }) => key),
    column(({ nth }) => nth),
    column(({ sinceMs }) => sinceMs),
    column(({ nowMs }) => nowMs),
  ];
}

/** The fields of a user that sign-up has just added. */
const NEW = { isPhoneConfirmed: false, knownSinceMs: undefined, isFinished: false, failedSignInCodes: 0 };

function columnsOf({ email, phoneno, fname, lname, kdf, storedKey, serverKey }: NewUser): unknown[] {
  return [email, phoneno, fname, lname, kdf, storedKey, serverKey];
}
