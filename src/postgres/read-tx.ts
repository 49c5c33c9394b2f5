import type { Device, KnownDevice, ReadTx, Session, User } from '../store.ts';
import { Loaded } from './loaded.ts';
import { KeySlots } from './slots.ts';
import { SQL } from './sql.ts';
import type { Trips } from './trips.ts';
import { PostgresTx } from './tx.ts';

/** The verbs of a page visit. The session is read with its account, so that a page costs one trip. */
export class PostgresReadTx implements ReadTx {
  readonly #trips: Trips;
  readonly #hasClock: boolean;
  #nowMs: number;
  #tx: PostgresTx;

  constructor(trips: Trips, nowMs: number, hasClock: boolean) {
    this.#trips = trips;
    this.#hasClock = hasClock;
    this.#nowMs = nowMs;
    this.#tx = new PostgresTx(trips, new Loaded(undefined, { nowMs: 0 }), new KeySlots(), false);
  }

  get nowMs(): number | undefined {
    return this.#hasClock ? this.#nowMs : undefined;
  }

  /** From here on every verb throws. */
  end(): void {
    this.#tx.end();
  }

  async sessionFor(tokenHash: string): Promise<Session | undefined> {
    const [row] = await this.#trips.read(SQL.loadSession, [tokenHash]);
    const loaded = new Loaded({ session: tokenHash }, row.loaded);
    this.#tx = new PostgresTx(this.#trips, loaded, new KeySlots(), false);
    this.#nowMs = loaded.nowMs;
    return this.#tx.sessionFor(tokenHash);
  }

  userFor(email: string): Promise<User | undefined> {
    return this.#tx.userFor(email);
  }

  sessionsOf(email: string): Promise<Session[]> {
    return this.#tx.sessionsOf(email);
  }

  deviceFor(email: string, tokenHash: string, nowMs: number): Promise<Device | undefined> {
    return this.#tx.deviceFor(email, tokenHash, nowMs);
  }

  devicesOf(email: string, nowMs: number): Promise<KnownDevice[]> {
    return this.#tx.devicesOf(email, nowMs);
  }
}
