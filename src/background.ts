/** Tasks that run after the answer that caused them. */
export interface Background {
  /** Starts the task on a tick of its own. */
  later(task: () => Promise<void>): void;
  /** Settles once no task waits or runs. */
  idle(): Promise<void>;
}

/** Runs tasks one tick later; what a task throws goes to `onFault`, and never further. */
export function createBackground(onFault: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  return {
    later(task) {
      const run = new Promise<void>((resolve) => setImmediate(resolve)).then(task).catch(onFault);
      running.add(run);
      void run.finally(() => running.delete(run));
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
