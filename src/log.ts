import { type Logger, pino } from 'pino';

/** The log on the standard output: lines of one turn of the event loop share one write. `flush` writes them at once. */
export function createLog(): { log: Logger; flush: () => void } {
  const output = pino.destination({ dest: 1, sync: true });
  let lines = '';
  const flush = () => {
    if (lines !== '') output.write(lines);
    lines = '';
  };
  const write = (line: string) => {
    if (lines === '') setImmediate(flush);
    lines += line;
  };
  return { log: pino({ base: null }, { write }), flush };
}
