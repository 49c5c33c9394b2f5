/** The parts of a V8 CPU profile that are read here. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The time of one function or package: its own, and with its calls except for Express's `next`. */
export interface Cost {
  readonly name: string;
  readonly place: string;
  readonly selfMs: number;
  readonly totalMs: number;
}

/** The kinds of work. The first pattern that matches a place decides. */
const KINDS: readonly [kind: string, places: RegExp][] = [
  ['SQLite, with the wait for the disk', /^(dist\/sqlite\/|better-sqlite3$)/],
  ['the rules and their cryptography', /^(dist\/(?!http\/|main)|node:internal\/crypto\/|libphonenumber-js$)/],
  ['forms', /^(dist\/http\/forms\.js|zod)$/],
  ['the rest of its HTTP, and the log', /^(dist\/|pino$|sonic-boom$|cookie$|ipaddr\.js$)/],
  ["Node's HTTP, sockets, streams and timers", /^(node:|\(native\)$)/],
  ['garbage collection', /^\(garbage collector\)$/],
  ['Express and other packages', /./],
];

const ROUTER = 'router';
const NOT_WORK = new Set(['(idle)', '(root)', '(program)']);

/** Returns the time of each function, and of each file or package, longest first. Idle time does not count. */
export function costsOf(profile: CpuProfile): { functions: Cost[]; places: Cost[]; busyMs: number } {
  const own = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0) / 1000);
  }
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const functions = new Map<string, Cost>();
  const places = new Map<string, Cost>();
  let busyMs = 0;

  const visit = (id: number, above: ReadonlySet<string>): number => {
    const node = byId.get(id);
    if (node === undefined) return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const place = placeOf(url, functionName);
    const isWork = !NOT_WORK.has(functionName);
    const name = functionName || `(anonymous, line ${lineNumber + 1})`;
    const keys = isWork ? [`f ${name} ${place} ${lineNumber}`, `p ${place}`] : [];
    const selfMs = own.get(id) ?? 0;
    if (isWork) busyMs += selfMs;

    const inside = new Set([...above, ...keys]);
    const totalMs = (node.children ?? []).reduce((sum, child) => sum + visit(child, inside), selfMs);
    // The time of a recursive function counts once.
    const add = (costs: Map<string, Cost>, key: string, label: string) => {
      const before = costs.get(key) ?? { selfMs: 0, totalMs: 0 };
      costs.set(key, {
        name: label,
        place,
        selfMs: before.selfMs + selfMs,
        totalMs: before.totalMs + (above.has(key) ? 0 : totalMs),
      });
    };
    const [functionKey, placeKey] = keys;
    if (functionKey !== undefined) add(functions, functionKey, name);
    if (placeKey !== undefined) add(places, placeKey, place);
    // Work after `next()` does not belong to the middleware.
    return place === ROUTER ? 0 : totalMs;
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root.id, new Set());
  const longestFirst = (costs: Map<string, Cost>) =>
    [...costs.values()].sort((left, right) => right.selfMs - left.selfMs);
  return { functions: longestFirst(functions), places: longestFirst(places), busyMs };
}

/** Returns the time of each kind of work, in the order of KINDS. */
export function kindsOf(places: readonly Cost[]): { kind: string; selfMs: number }[] {
  const kindOf = ({ place }: Cost) => KINDS.findIndex(([, pattern]) => pattern.test(place));
  return KINDS.map(([kind], index) => {
    const own = places.filter((cost) => kindOf(cost) === index);
    return { kind, selfMs: own.reduce((sum, { selfMs }) => sum + selfMs, 0) };
  });
}

function byTotal(costs: readonly Cost[]): Cost[] {
  return [...costs].sort((left, right) => right.totalMs - left.totalMs);
}

/** Returns a package's name, a file below `dist`, a module of Node, or `(native)`. */
function placeOf(url: string, functionName: string): string {
  const [, inPackages] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (inPackages !== undefined) return inPackages;
  if (url.startsWith('node:')) return url;
  const [, own] = /\/(dist\/.*)$/.exec(url) ?? [];
  return own ?? (functionName.startsWith('(') ? functionName : '(native)');
}

/** Formats the kinds of work, and the 25 functions and places with the longest times, for a terminal. */
export function profileReport(profile: CpuProfile, signIns: number): string {
  const { functions, places, busyMs } = costsOf(profile);
  const line = (self: string, share: string, each: string, total: string, name: string) =>
    `${self.padStart(8)} ${share.padStart(6)} ${each.padStart(8)} ${total.padStart(8)}  ${name}`;
  const own = (selfMs: number, total: string, name: string) =>
    line(
      selfMs.toFixed(0),
      `${((selfMs / busyMs) * 100).toFixed(1)}%`,
      ((selfMs / signIns) * 1000).toFixed(1),
      total,
      name,
    );
  const table = (costs: readonly Cost[], label: (cost: Cost) => string) => [
    line('self ms', 'share', 'µs each', 'total ms', ''),
    ...costs.slice(0, 25).map((cost) => own(cost.selfMs, cost.totalMs.toFixed(0), label(cost))),
  ];
  return [
    `${signIns} sign-ins, ${busyMs.toFixed(0)} ms of work (the profiler slows it), ${((busyMs / signIns) * 1000).toFixed(0)} µs each.`,
    '',
    'Kinds of work:',
    line('self ms', 'share', 'µs each', '', ''),
    ...kindsOf(places).map(({ kind, selfMs }) => own(selfMs, '', kind)),
    '',
    'Functions, by their own time:',
    ...table(functions, ({ name, place }) => `${name}  ${place}`),
    '',
    'Files and packages, by their own time:',
    ...table(places, ({ place }) => place),
    '',
    'Functions, with their calls:',
    ...table(byTotal(functions), ({ name, place }) => `${name}  ${place}`),
  ].join('\n');
}
