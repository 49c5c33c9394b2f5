import { write } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { EVENTS, type LogEvent } from '../events.ts';

/** Bytes of lines that wait for a slow reader of the standard output. Past them, lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Lines are written together: as soon as they have this many bytes, or at the next flush. */
const WRITE_BYTES = 4096;
const FLUSH_EVERY_MS = 50;
const END_MS = 1000;
const STDERR = 2;

/** Logs a line about an event, at the event's level. */
export type Tell = <Line extends Told>(line: Line) => void;
type Told = { readonly event: LogEvent };

/** The log and what else writes to the standard output. */
export interface Log {
  readonly log: Logger;
  readonly tell: Tell;
  /** Prints a text for people, in order with the log. */
  print(text: string): void;
  /** Writes what still waits, for one second at most. Returns false if the reader did not take it. Nothing can be logged after. */
  end(): Promise<boolean>;
}

/**
 * A log on the standard output, by pino's own asynchronous destination. A reader that stalls or closes the pipe blocks
 * nothing. Up to 1 MiB waits, and further lines are dropped. Once there is room again, a line has their number.
 */
export function createLog(): Log {
  const output = pino.destination({
    dest: 1,
    sync: false,
    minLength: WRITE_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    maxLength: MAX_WAITING_BYTES,
  });
  const log = pino({ base: null }, output);
  const tell: Tell = (line: Told) => {
    const level = EVENTS[line.event];
    log[level](line, level === 'info' ? 'message' : 'alert');
  };

  let isFailing = false;
  let hasTold = false;
  let droppedLines = 0;
  // A closed pipe or a full disk loses lines. Without a listener it would end the program.
  output.on('error', ({ code }: NodeJS.ErrnoException) => {
    isFailing = true;
    if (!hasTold) tellOnStderr(`The log can't be written (${code}). The program continues without it.`);
    hasTold = true;
  });
  output.on('write', (bytes) => {
    if (bytes > 0) isFailing = false;
  });
  output.on('drop', (text: string) => {
    droppedLines += text.split('\n').length - 1;
  });
  output.on('drain', () => {
    const lines = droppedLines;
    droppedLines = 0;
    if (lines > 0) tell({ event: 'log_lines_dropped', lines });
  });

  return {
    log,
    tell,
    print: (text) => void output.write(`${text}\n`),
    async end() {
      if (isFailing) {
        // Pino would write the lines once more at the exit.
        output.flushSync = () => undefined;
        return true;
      }
      const written = new Promise<boolean>((resolve) => output.once('close', () => resolve(true)));
      const close = () => {
        // A request that was cut may end later. Its line would throw.
        log.level = 'silent';
        output.end();
      };
      // The number of dropped lines comes first.
      if (droppedLines > 0) output.once('drain', close);
      else close();
      return Promise.race([written, setTimeout(END_MS, false)]);
    },
  };
}

/** Never blocks and never throws, in whatever state the standard error is. */
function tellOnStderr(text: string): void {
  write(STDERR, `${text}\n`, () => undefined);
}
