import type { About, Device, Flow, Lockout, Session, User } from '../store.ts';
import {
  type FlowRow,
  type FoundDeviceRow,
  type LockoutRow,
  type SessionRow,
  type TokenRow,
  toCode,
  toSession,
  toUser,
  type UserRow,
} from './rows.ts';
import { SQL, type Statement } from './sql.ts';

/** The answer of a `load` statement. */
interface LoadedRow {
  nowMs: number;
  email?: string | null;
  user?: UserRow;
  lockouts?: LockoutRow[];
  device?: FoundDeviceRow | null;
  flow?: FlowRow | null;
  session?: SessionRow | null;
  tokens?: TokenRow[];
}

type Query = readonly [Statement, readonly unknown[]];

/** The statements that lock an account and slots, and then read the account. Without an account, only the clock is read. */
export function statementsFor(about: About | undefined, slots: readonly number[]): Query[] {
  const locks: Query[] = slots.length > 0 ? [[SQL.lockSlots, [slots]]] : [];
  if (about === undefined) return [...locks, [SQL.now, []]];
  if ('flow' in about) return [[SQL.lockFlow, [about.flow]], ...locks, [SQL.loadFlow, [about.flow]]];
  if ('session' in about) {
    return [[SQL.lockSession, [about.session]], ...locks, [SQL.loadSession, [about.session]]];
  }
  const { email, device = '' } = about;
  return [[SQL.lockEmail, [email]], ...locks, [SQL.loadEmail, [email, device]]];
}

/**
 * The rows of the locked account, as they were read first and as the work has changed them since. A part that is undefined
 * must be read from the database. The account is locked, so no other work changes them.
 */
export class Loaded {
  readonly nowMs: number;
  readonly #email: string | undefined;
  readonly #about: About | undefined;
  readonly #flow: FlowRow | null | undefined;
  readonly #device: FoundDeviceRow | null | undefined;
  #user: { found: User | undefined } | undefined;
  #lockouts: Map<string, Lockout> | undefined;
  #session: { found: Session | undefined } | undefined;
  #tokens: TokenRow[] | undefined;
  #isFlowCurrent = true;
  #isDeviceCurrent = true;

  constructor(about: About | undefined, row: LoadedRow) {
    this.nowMs = row.nowMs;
    this.#about = about;
    this.#email = row.email ?? undefined;
    this.#flow = row.flow;
    this.#device = row.device;
    if (row.session !== undefined)
      this.#session = { found: row.session === null ? undefined : toSession(row.session) };
    if (this.#email === undefined) return;
    if (row.user !== undefined) this.#user = { found: toUser(this.#email, row.user) };
    if (row.lockouts !== undefined)
      this.#lockouts = new Map(
        row.lockouts.map(({ device, failures, is_locked }) => [device, { failures, isLocked: is_locked }]),
      );
    this.#tokens = row.tokens;
  }

  userOf(email: string): { found: User | undefined } | undefined {
    return email === this.#email ? this.#user : undefined;
  }

  /** Applies a change to the user, if there is one. */
  changeUser(email: string, change: (user: User) => Partial<User>): void {
    const user = this.userOf(email)?.found;
    if (user !== undefined) this.#user = { found: { ...user, ...change(user) } };
  }

  setUser(email: string, found: User | undefined): void {
    if (email === this.#email) this.#user = { found };
  }

  lockoutsOf(email: string): Map<string, Lockout> | undefined {
    return email === this.#email ? this.#lockouts : undefined;
  }

  flowOf(hash: string): { found: Flow | undefined } | undefined {
    const isIt = this.#about !== undefined && 'flow' in this.#about && this.#about.flow === hash;
    if (!isIt || !this.#isFlowCurrent) return undefined;
    return { found: this.#flow ? { isTried: this.#flow.is_tried, code: toCode(this.#flow) } : undefined };
  }

  /** From here on, flows and their codes are read again. */
  dropFlow(): void {
    this.#isFlowCurrent = false;
  }

  /** Returns the account's device with a token that was alive at `nowMs`. */
  deviceOf(email: string, tokenHash: string, nowMs: number): { found: Device | undefined } | undefined {
    if (email !== this.#email || !this.#isDeviceCurrent) return undefined;
    if (this.#tokens !== undefined) return { found: deviceAmong(this.#tokens, tokenHash, nowMs) };
    const isIt = this.#about !== undefined && 'email' in this.#about && this.#about.device === tokenHash;
    if (!isIt) return undefined;
    const isAlive = this.#device && this.#device.expires_at_ms > nowMs;
    return {
      found: isAlive ? { id: this.#device.id, hasOlderTokens: this.#device.has_older_tokens } : undefined,
    };
  }

  tokensOf(email: string): readonly TokenRow[] | undefined {
    return email === this.#email ? this.#tokens : undefined;
  }

  /** Keeps the tokens that `isKept` names. */
  keepTokens(email: string, isKept: (token: TokenRow) => boolean): void {
    if (email !== this.#email) return;
    if (this.#tokens === undefined) this.#isDeviceCurrent = false;
    else this.#tokens = this.#tokens.filter(isKept);
  }

  /** From here on, devices are read again. */
  dropDevices(): void {
    this.#isDeviceCurrent = false;
    this.#tokens = undefined;
  }

  sessionOf(tokenHash: string): { found: Session | undefined } | undefined {
    const isIt = this.#about !== undefined && 'session' in this.#about && this.#about.session === tokenHash;
    return isIt ? this.#session : undefined;
  }

  changeSession(tokenHash: string, change: Partial<Session>): void {
    const session = this.sessionOf(tokenHash)?.found;
    if (session !== undefined) this.#session = { found: { ...session, ...change } };
  }

  /** From here on, sessions are read again. */
  dropSession(): void {
    this.#session = undefined;
  }
}

function deviceAmong(tokens: readonly TokenRow[], tokenHash: string, nowMs: number): Device | undefined {
  const found = tokens.find((token) => token.token_hash === tokenHash && token.expires_at_ms > nowMs);
  if (found === undefined) return undefined;
  const hasOlderTokens = tokens.some(({ id, number }) => id === found.id && number < found.number);
  return { id: found.id, hasOlderTokens };
}
