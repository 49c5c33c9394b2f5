import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import supertest from 'supertest';
import { expect, test } from 'vitest';
import { readAssets } from '../../src/http/assets.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT, site } from '../support/site.ts';

const { pathOf } = readAssets(join(ROOT, 'public', 'assets'));
const STYLES = pathOf('main.css');
const onDisk = (path: string) => readFileSync(join(ROOT, 'public', path));

const get = (path: string, headers: Record<string, string> = {}) =>
  supertest(site().app).get(path).set(headers);

test('a page names its files with a hash of their content', async () => {
  const { text } = await supertest(site().app).get('/');
  const named = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  expect(named).toEqual(['favicon.svg', 'main.css', 'jquery.js', 'main.js', 'noscript.css'].map(pathOf));
  expect(named.every((path) => /^\/assets\/\w+-[A-Z0-9]{8}\.\w+$/.test(path as string))).toBe(true);
});

test.each([
  ['main.js', 'text/javascript; charset=utf-8'],
  ['main.css', 'text/css; charset=utf-8'],
  ['favicon.svg', 'image/svg+xml'],
])('browsers cache %s for a year without asking again', async (name, type) => {
  const { status, headers } = await get(pathOf(name));
  expect(status).toBe(200);
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(headers['content-type']).toBe(type);
  expect(headers['set-cookie']).toBeUndefined();
});

test('a script has the CSP that a worker needs, because a worker uses the CSP of its own response', async () => {
  const { headers } = await get(pathOf('hash-worker.js'));
  expect(headers['content-security-policy']).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(headers['content-security-policy']).toContain("worker-src 'self';");
});

test.each([
  ['gzip, deflate, br, zstd', 'br', '.br'],
  ['br', 'br', '.br'],
  ['*', 'br', '.br'],
  ['gzip, deflate', 'gzip', '.gz'],
  ['gzip, br;q=0', 'gzip', '.gz'],
  ['deflate', undefined, ''],
  ['identity', undefined, ''],
  ['', undefined, ''],
])('for Accept-Encoding: %s a file has the encoding %s', async (accepted, coding, end) => {
  const { headers, text } = await get(STYLES, { 'Accept-Encoding': accepted });
  expect([headers['content-encoding'], headers.vary]).toEqual([coding, 'Accept-Encoding']);
  expect(headers['content-type']).toBe('text/css; charset=utf-8');
  expect(Number(headers['content-length'])).toBe(onDisk(STYLES + end).length);
  expect(text).toBe(onDisk(STYLES).toString());
});

test('a script with a query is the same script, so that a page can load it again', async () => {
  const script = pathOf('hash-worker.js');
  const { status, headers } = await get(`${script}?retry=1`);
  expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
});

test('HEAD sends the headers of a file and no body', async () => {
  const { status, headers, text } = await supertest(site().app).head(STYLES).set('Accept-Encoding', 'br');
  expect([status, headers['content-encoding'], text]).toEqual([200, 'br', undefined]);
});

test.each([
  '/css/main.css',
  '/assets/',
  '/assets/manifest.json',
  '/assets/main.css',
  `${STYLES}.br`,
  `${STYLES}/`,
  STYLES.replace('main', '%6dain'),
  STYLES.toUpperCase(),
  '/assets/..%2fmanifest.json',
  '/assets/main-AAAAAAAA.css',
])('%s is not a file, and its answer is not cached', async (path) => {
  const { status, headers } = await get(path);
  expect([status, headers['cache-control']]).toEqual([404, 'no-store']);
});

test('a POST to a file is not found', async () => {
  expect((await supertest(site().app).post(STYLES)).status).toBe(404);
});

test('files are answered after their folder is gone, as during a build', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'public'));
  symlinkSync(join(ROOT, 'views'), join(root, 'views'));
  cpSync(join(ROOT, 'public', 'assets'), join(root, 'public', 'assets'), { recursive: true });
  const { app } = site({ root });
  rmSync(join(root, 'public'), { recursive: true });
  const { status, text } = await supertest(app).get(STYLES);
  expect([status, text]).toEqual([200, onDisk(STYLES).toString()]);
});

test('the source map of the script contains the original code of the tutorial', () => {
  const map = JSON.parse(onDisk(`${pathOf('main.js')}.map`).toString());
  const index = map.sources.findIndex((source: string) => source.endsWith('src/client/main.ts'));
  expect(map.sourcesContent[index]).toBe(readFileSync(join(ROOT, 'src', 'client', 'main.ts'), 'utf8'));
});

test('the script of the page contains no jQuery and no hash-wasm', () => {
  const script = onDisk(pathOf('main.js')).toString();
  expect(script).not.toMatch(/OpenJS Foundation|hash-wasm|argon2id"/);
});

test('without a build, the error says what to run', () => {
  expect(() => readAssets(temporaryFolder())).toThrow('run "npm run build" first');
  expect(() => pathOf('nope.js')).toThrow('nope.js');
});
