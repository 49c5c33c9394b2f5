import { expect, test } from 'vitest';
import { type CpuProfile, costsOf, kindsOf } from '../../tools/bench/profile.ts';

/** Creates a profile with a sample of one millisecond for each function. */
function profileOf(functions: readonly [functionName: string, url: string][]): CpuProfile {
  const node = (id: number, functionName: string, url: string) => ({
    id,
    callFrame: { functionName, url, lineNumber: 0 },
  });
  const leaves = functions.map(([functionName, url], index) => node(index + 2, functionName, url));
  return {
    nodes: [{ ...node(1, '(root)', ''), children: leaves.map(({ id }) => id) }, ...leaves],
    samples: leaves.map(({ id }) => id),
    timeDeltas: leaves.map(() => 1000),
  };
}

test('each function is work of one kind, and idle time is no work', () => {
  const { places, busyMs } = costsOf(
    profileOf([
      ['run', 'file:///app/dist/sqlite/store.js'],
      ['get', '/app/node_modules/better-sqlite3/lib/methods.js'],
      ['login', 'file:///app/dist/engine.js'],
      ['Hmac', 'node:internal/crypto/hash'],
      ['safeParse', '/app/node_modules/zod/v4/core/parse.js'],
      ['readBody', 'file:///app/dist/http/forms.js'],
      ['reply', 'file:///app/dist/http/replies.js'],
      ['end', 'node:_http_outgoing'],
      ['writev', ''],
      ['(garbage collector)', ''],
      ['handle', '/app/node_modules/router/index.js'],
      ['(idle)', ''],
    ]),
  );
  const kinds = kindsOf(places);
  expect(kinds.map(({ selfMs }) => selfMs)).toEqual([2, 2, 2, 1, 2, 1, 1]);
  expect(kinds.reduce((sum, { selfMs }) => sum + selfMs, 0)).toBe(busyMs);
});
