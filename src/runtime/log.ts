import { setTimeout } from 'node:timers/promises';
import { type Logger, pino } from 'pino';

/** Bytes of lines that wait for a slow reader of the standard output. Past them, lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Lines are written together: as soon as they have this many bytes, or at the next flush. */
const WRITE_BYTES = 4096;
const FLUSH_EVERY_MS = 50;
const END_MS = 1000;

/** The log and what else writes to the standard output. */
export interface Log {
  readonly log: Logger;
  /** Prints a text for people, in order with the log. */
  print(text: string): void;
  /** Writes what still waits, for one second at most. Returns false if the reader did not take it. Nothing can be logged after. */
  end(): Promise<boolean>;
}

/**
 * A log on the standard output, by pino's own asynchronous destination. A reader that stalls or closes the pipe blocks
 * nothing: up to 1 MiB waits, further lines are dropped.
 */
export function createLog(): Log {
  const output = pino.destination({
    dest: 1,
    sync: false,
    minLength: WRITE_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    maxLength: MAX_WAITING_BYTES,
  });
  let hasFailed = false;
  // A closed pipe or a full disk loses lines. Without a listener it would end the program.
  output.on('error', () => {
    hasFailed = true;
  });
  return {
    log: pino({ base: null }, output),
    print: (text) => void output.write(`${text}\n`),
    async end() {
      if (hasFailed) {
        // Pino would write the lines once more at the exit.
        output.flushSync = () => undefined;
        return true;
      }
      const written = new Promise<boolean>((resolve) => output.once('close', () => resolve(true)));
      output.end();
      return Promise.race([written, setTimeout(END_MS, false)]);
    },
  };
}
