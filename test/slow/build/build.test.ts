import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { installation } from '../../support/installation.ts';
import { startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';

const SOURCES = ['src', 'build', 'tsconfig.json'];

/** Runs an npm script in a folder until it ends. */
async function npm(cwd: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: 'none' };
  const child = spawn('npm', args, { cwd, env });
  onTestFinished(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

const assetsOf = (root: string) => join(root, 'public', 'assets');
const manifestOf = (root: string): Record<string, string> =>
  JSON.parse(readFileSync(join(assetsOf(root), 'manifest.json'), 'utf8'));
const changePage = (root: string) => {
  appendFileSync(join(root, 'src', 'client', 'main.ts'), `\nconsole.log('changed');\n`);
  appendFileSync(join(root, 'public', 'css', 'main.css'), '\n.changed { color: red }\n');
};

test('three builds at once succeed, and the program starts with all files of its pages', async () => {
  const root = installation(SOURCES);
  rmSync(assetsOf(root), { recursive: true });
  rmSync(join(root, 'dist'), { recursive: true });
  const builds = await Promise.all([1, 2, 3].map(() => npm(root, 'run', 'build')));
  for (const { code, output } of builds) expect(code, output).toBe(0);

  const { origin } = await startProgram({}, undefined, [], root);
  for (const name of Object.values(manifestOf(root))) {
    expect((await fetch(`${origin}/assets/${name}`)).status, name).toBe(200);
  }
  expect(readdirSync(root).filter((name) => name.startsWith('.build'))).toEqual([]);
  expect(readdirSync(assetsOf(root)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('at each moment of a build, the manifest names files that exist, and dist has whole modules', async () => {
  const root = installation(SOURCES);
  changePage(root);
  const before = manifestOf(root);
  const modules = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js.map'))
    .map((name) => name.slice(0, -'.map'.length));
  const build = npm(root, 'run', 'build');
  let isOver = false;
  void build.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const name of Object.values(manifestOf(root))) {
      for (const end of ['', '.br', '.gz']) {
        expect(existsSync(join(assetsOf(root), name + end)), name + end).toBe(true);
      }
    }
    for (const name of modules) {
      expect(readFileSync(join(root, 'dist', name), 'utf8'), name).toMatch(/sourceMappingURL=.*\n?$/);
    }
    await setImmediate();
  }
  expect((await build).code).toBe(0);
  expect(manifestOf(root)['main.js']).not.toBe(before['main.js']);
});

test('a running server and its open pages get their files during a build and after it', async () => {
  const root = installation(SOURCES);
  const { origin } = await startProgram({}, undefined, [], root);
  const names = readdirSync(assetsOf(root)).filter((name) => /-[A-Z0-9]{8}\.(js|css|svg)$/.test(name));
  const statuses = () =>
    Promise.all(names.map(async (name) => (await fetch(`${origin}/assets/${name}`)).status));
  changePage(root);
  const build = npm(root, 'run', 'build');
  let isOver = false;
  void build.finally(() => {
    isOver = true;
  });
  const found = new Set(await statuses());
  while (!isOver) for (const status of await statuses()) found.add(status);
  for (const status of await statuses()) found.add(status);
  expect([...found]).toEqual([200]);
  expect((await build).code).toBe(0);

  const restarted = await startProgram({}, undefined, [], root);
  for (const name of names) {
    expect((await fetch(`${restarted.origin}/assets/${name}`)).status, name).toBe(200);
  }
});

test('a build deletes the files of old builds, the oldest first', async () => {
  const root = installation(SOURCES);
  const old = Array.from({ length: 500 }, (_, index) => `main-${String(index).padStart(8, '0')}.js`);
  old.forEach((name, index) => {
    writeFileSync(join(assetsOf(root), name), '');
    utimesSync(join(assetsOf(root), name), index, index);
  });
  expect((await npm(root, 'run', 'build')).code).toBe(0);
  const files = readdirSync(assetsOf(root));
  const kept = old.filter((name) => files.includes(name));
  expect(kept).toEqual(old.slice(-kept.length));
  expect(kept.length).toBeLessThan(200);
  for (const name of Object.values(manifestOf(root))) expect(files).toContain(name);
});

test('without the development packages, start, doctor and backup run the build that is there', async () => {
  const root = installation(SOURCES);
  rmSync(join(root, 'node_modules'));
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  for (const [path, { dev, devOptional }] of Object.entries<{ dev?: true; devOptional?: true }>(packages)) {
    if (path === '' || dev || devOptional || !existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (!existsSync(join(root, path))) symlinkSync(join(ROOT, path), join(root, path));
  }
  expect(existsSync(join(root, 'node_modules', 'typescript'))).toBe(false);
  writeFileSync(join(root, '.env'), '');
  for (const args of [['start'], ['run', 'doctor'], ['run', 'backup', '--', 'copy.db']]) {
    const { code, output } = await npm(root, ...args);
    expect(output).toMatch(/PORT must be|Variables|can't be backed up/);
    expect(output).not.toMatch(/not found|ENOENT/);
    expect(code).toBe(1);
  }
  rmSync(join(root, 'dist'), { recursive: true });
  const { code, output } = await npm(root, 'start');
  expect(output).toContain('npm ci && npm run build');
  expect(code).not.toBe(0);
});

test('a build with a type error fails and does not change the built program', async () => {
  const root = installation(SOURCES);
  const before = readFileSync(join(root, 'dist', 'main.js'), 'utf8');
  appendFileSync(join(root, 'src', 'main.ts'), '\nconst wrong: number = "text";\nconsole.log(wrong);\n');
  const { code, output } = await npm(root, 'run', 'build');
  expect(code).not.toBe(0);
  expect(output).toContain('TS2322');
  expect(readFileSync(join(root, 'dist', 'main.js'), 'utf8')).toBe(before);
});
