import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import supertest from 'supertest';
import { expect, test } from 'vitest';
import { createMetrics, serveMetrics } from '../../src/runtime/metrics.ts';
import { freePort } from '../../tools/free-port.ts';
import { ROOT, site } from '../support/site.ts';
import { PASSWORD } from '../support/world.ts';

const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const newMetrics = () => createMetrics({ smsCountries: ['US', 'CA'] });

/** A site whose requests, outcomes, locks and messages are counted. */
function counted() {
  const metrics = newMetrics();
  const here = site({ onOutcome: metrics.onOutcome, onRequest: metrics.onRequest });
  const { deps, lines } = here.world;
  Object.assign(deps, { onLock: metrics.onLock });
  metrics.watchStore(deps.store);
  return {
    ...here,
    metrics,
    linesOf: async (name: string) => {
      for (const line of lines.splice(0)) metrics.onMessage(line);
      const text = await metrics.text();
      return text.split('\n').filter((line) => line.startsWith(name) && !line.endsWith(' 0'));
    },
  };
}

test('a lock and its code are counted', async () => {
  const here = counted();
  const ann = here.visitor();
  await ann.signUp();
  await ann.lockOut();
  await here.world.settled();
  expect(await here.linesOf('sign_ins_total')).toEqual([
    'sign_ins_total{outcome="wrong"} 2',
    'sign_ins_total{outcome="locked"} 1',
  ]);
  expect(await here.linesOf('locks_total')).toEqual(['locks_total 1']);
  expect(await here.linesOf('codes_total')).toEqual(['codes_total{purpose="unlock",outcome="asked"} 1']);
  expect(await here.linesOf('messages_total')).toEqual([
    'messages_total{outcome="sent",reason="",country="US"} 1',
    'messages_total{outcome="delivered",reason="",country="US"} 1',
  ]);
  expect(await here.linesOf('store_work_seconds_count')).toHaveLength(1);
});

test('a login to a locked account is no new lock', async () => {
  const here = counted();
  const ann = here.visitor();
  await ann.signUp();
  await ann.lockOut();
  await ann.signIn(PASSWORD);
  expect(await here.linesOf('locks_total')).toEqual(['locks_total 1']);
});

test('no path and no method of a client becomes a label', async () => {
  const here = counted();
  for (let path = 0; path < 20; path += 1) await supertest(here.app).get(`/nope-${path}?a=${path}`);
  await supertest(here.app).propfind('/nope');
  expect(await here.linesOf('http_requests_total')).toEqual([
    'http_requests_total{method="GET",route="unknown",status="404"} 20',
    'http_requests_total{method="other",route="unknown",status="404"} 1',
  ]);
});

test('the listener has /metrics and nothing else', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const server = await serveMetrics(newMetrics(), address);
  const origin = `http://127.0.0.1:${address.port}`;
  const { status, headers, text } = await supertest(origin).get('/metrics');
  expect([status, headers['content-type']?.startsWith('text/plain')]).toEqual([200, true]);
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
  expect((await supertest(origin).get('/')).status).toBe(404);
  await expect(serveMetrics(newMetrics(), address)).rejects.toThrow(/METRICS_PORT\): EADDRINUSE/);
  server.close();
});

test('the dashboard, the alert rules and the document name metrics that exist', async () => {
  const types = (await newMetrics().text()).matchAll(/^# TYPE (\w+) (\w+)$/gm);
  const names = new Set(
    [...types].flatMap(([, name = '', type]) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])),
  );
  const dashboard = JSON.parse(read('docs/grafana.json'));
  const exprs = [
    ...dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
      targets.map(({ expr }) => expr),
    ),
    ...[...read('docs/alerts.yml').matchAll(/expr: (.+)/g)].map(([, expr]) => expr as string),
  ];
  const used = exprs.flatMap(
    (expr: string) => expr.match(/\b(?:\w+_)(?:total|seconds|bucket|bytes|waiting|failing)\b/g) ?? [],
  );
  expect(used.length).toBeGreaterThanOrEqual(exprs.length);
  const section = read('docs/operations.md').split('\n## Metrics\n')[1]?.split('\n## ')[0] ?? '';
  const told = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string),
  );
  expect(told.length).toBeGreaterThan(8);
  expect([...used, ...told].filter((name) => !names.has(name))).toEqual([]);
  const own = [...names].filter((name) => !/^(process|nodejs)_|_bucket$/.test(name));
  expect(told.sort()).toEqual(own.sort());
});
