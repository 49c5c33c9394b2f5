import { execFileSync } from 'node:child_process';

/** An act of a program on its files and sockets. A sync counts at its end, all others at their beginning. */
export type Act =
  | { readonly kind: 'write'; readonly file: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'remove'; readonly file: string }
  /** A request whose header `X-Request` has this number was read, or the first byte of its answer was sent. */
  | { readonly kind: 'request'; readonly number: number }
  | { readonly kind: 'answer'; readonly number: number }
  | { readonly kind: 'print'; readonly text: string };

/** Returns the command that runs the command behind it and traces it to the file `path`. */
export function traceTo(path: string): string[] {
  const calls =
    'read,recvfrom,pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink,unlinkat';
  return ['strace', '-D', '-f', '-yy', '-s', '8192', '-e', 'signal=none', '-e', `trace=${calls}`, '-o', path];
}

/** Returns the reason why programs can't be traced here, or undefined. */
export function whyNoTrace(): string | undefined {
  try {
    execFileSync('strace', ['-D', '-f', '-e', 'trace=none', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'There is no strace that works here (a package of most Linux systems).';
  }
}

const CALL = /^(\d+) +(\w+)\((.*)$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/;
const WRITES = /^(write|writev|sendto|sendmsg|pwrite64)$/;
const UNFINISHED = ' <unfinished ...>';

/** Reads a trace. Only files whose path begins with `database` count. */
export function actsIn(trace: string, database: string): Act[] {
  const acts: Act[] = [];
  const openCalls = new Map<string, string>();
  const asked = new Map<string, number>();
  for (const line of trace.split('\n')) {
    const [, thread = '', call = '', text = ''] = CALL.exec(line) ?? [];
    const isUnfinished = text.endsWith(UNFINISHED);
    const args = isUnfinished ? text.slice(0, -UNFINISHED.length) : text;
    const [, resumedThread, resumedCall = '', end] = RESUMED.exec(line) ?? [];
    const begun = openCalls.get(`${resumedThread} ${resumedCall}`);

    // A write counts from its beginning, a read or a sync from its end.
    if (WRITES.test(call)) acts.push(...writesIn(call, args, asked, database));
    else if (isUnfinished) openCalls.set(`${thread} ${call}`, args);
    else if (call !== '') acts.push(...othersIn(call, args, asked));
    else if (begun !== undefined && !WRITES.test(resumedCall)) {
      acts.push(...othersIn(resumedCall, `${begun}${end}`, asked));
    }
  }
  return acts;
}

const SOCKET = /^(\d+<TCP(?:v6)?:\[[^\]]+\][^>]*>)/;
const FILE = /^\d+<(\/[^>]*)>/;

function writesIn(call: string, args: string, asked: Map<string, number>, database: string): Act[] {
  const socket = SOCKET.exec(args)?.[1];
  const number = socket === undefined ? undefined : asked.get(socket);
  if (socket !== undefined && number !== undefined) {
    asked.delete(socket);
    return [{ kind: 'answer', number }];
  }
  if (call === 'write' && args.startsWith('1<'))
    return [{ kind: 'print', text: bytesIn(args).toString('utf8') }];
  const file = FILE.exec(args)?.[1];
  if (call !== 'pwrite64' || !file?.startsWith(database)) return [];
  const [, size, at] = /, (\d+), (\d+)(?:\)\s*= .*)?$/.exec(args) ?? [];
  const bytes = bytesIn(args);
  if (bytes.length !== Number(size)) throw new Error(`The trace has cut a write: ${args.slice(0, 200)}`);
  return [{ kind: 'write', file, at: Number(at), bytes }];
}

function othersIn(call: string, args: string, asked: Map<string, number>): Act[] {
  if (/^(read|recvfrom)$/.test(call)) {
    const socket = SOCKET.exec(args)?.[1];
    const number = /X-Request: (\d+)/.exec(args)?.[1];
    if (socket === undefined || number === undefined) return [];
    asked.set(socket, Number(number));
    return [{ kind: 'request', number: Number(number) }];
  }
  if (!/\)\s*= 0$/.test(args)) return [];
  const file = FILE.exec(args)?.[1] ?? '';
  if (/^f(data)?sync$/.test(call)) return [{ kind: 'sync', file }];
  if (call === 'ftruncate') return [{ kind: 'truncate', file, size: Number(/, (\d+)\)/.exec(args)?.[1]) }];
  if (/^unlink(at)?$/.test(call)) return [{ kind: 'remove', file: /"([^"]*)"/.exec(args)?.[1] ?? '' }];
  return [];
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', v: '\v', f: '\f' };

/** Returns the first string of a call's arguments, which strace writes in C syntax. */
function bytesIn(args: string): Buffer {
  const [, text = ''] = /"((?:[^"\\]|\\.)*)"/s.exec(args) ?? [];
  return Buffer.from(
    text.replace(/\\([0-7]{1,3}|.)/gs, (_, code: string) =>
      /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
    ),
    'latin1',
  );
}

/** Files after a power failure. Synced writes survive, and others if `survives` returns true. */
export class Disk {
  readonly #synced = new Map<string, Buffer>();
  readonly #unsynced = new Map<string, Act[]>();
  /** The number of syncs. Two moments with the same number leave the same files. */
  syncs = 0;

  /** Applies the next act. */
  take(act: Act): void {
    if (act.kind === 'write' || act.kind === 'truncate') {
      this.#unsynced.set(act.file, [...(this.#unsynced.get(act.file) ?? []), act]);
    } else if (act.kind === 'sync') {
      this.syncs += 1;
      this.#synced.set(
        act.file,
        this.file(act.file, () => true),
      );
      this.#unsynced.delete(act.file);
    } else if (act.kind === 'remove') {
      this.#synced.delete(act.file);
      this.#unsynced.delete(act.file);
    }
  }

  /** Returns the bytes of a file; empty if the file does not exist. */
  file(path: string, survives: () => boolean): Buffer {
    const acts = (this.#unsynced.get(path) ?? []).filter(survives);
    const synced = this.#synced.get(path) ?? Buffer.alloc(0);
    const ends = acts.map((act) => (act.kind === 'write' ? act.at + act.bytes.length : 0));
    const bytes = Buffer.concat([synced], Math.max(synced.length, ...ends));
    let { length } = synced;
    for (const act of acts) {
      if (act.kind === 'truncate') {
        bytes.fill(0, act.size);
        length = act.size;
      } else if (act.kind === 'write') {
        act.bytes.copy(bytes, act.at);
        length = Math.max(length, act.at + act.bytes.length);
      }
    }
    return bytes.subarray(0, length);
  }
}
