/** Tasks that run after the answer that caused them. */
export interface Background {
  /** Starts the task on a tick of its own. */
  afterResponse(task: () => Promise<void>): void;
  /** As `afterResponse`, but `idle` does not wait for the task. */
  detached(task: () => Promise<void>): void;
  /** Settles when no task of `afterResponse` waits or runs. */
  idle(): Promise<void>;
}

/** Runs tasks one tick later. Errors of a task are passed to `onFault`. */
export function createBackground(onFault: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  const start = (task: () => Promise<void>) =>
    new Promise<void>((resolve) => setImmediate(resolve)).then(task).catch(onFault);
  return {
    detached(task) {
      void start(task);
    },
    afterResponse(task) {
      const run = start(task);
      running.add(run);
      void run.finally(() => running.delete(run));
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
