/**
 * Runs the works of one account one after the other. So a flood for one account holds one connection of this process.
 * Without it, all connections would wait for the lock of that account.
 */
export class Lanes {
  readonly #last = new Map<string, Promise<void>>();

  run<Result>(account: string | undefined, work: () => Promise<Result>): Promise<Result> {
    if (account === undefined) return work();
    const before = this.#last.get(account);
    const result = before === undefined ? work() : before.then(work);
    const done: Promise<void> = result.then(
      () => this.#leave(account, done),
      () => this.#leave(account, done),
    );
    this.#last.set(account, done);
    return result;
  }

  #leave(account: string, done: Promise<void>): void {
    if (this.#last.get(account) === done) this.#last.delete(account);
  }
}
