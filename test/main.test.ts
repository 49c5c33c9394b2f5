import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/folder.ts';
import { installation } from './support/installation.ts';
import { runCommand, runProgram, startProgram } from './support/program.ts';

// A stop waits for a connection that the client keeps.
const statusOf = async (url: string) => (await fetch(url, { headers: { Connection: 'close' } })).status;

test('starts without settings, and prints the places of the page, the data and the messages', async () => {
  const program = await startProgram();
  expect(program.output()).toContain(`Two-Factor Demo is at ${program.origin}\n`);
  expect(program.output()).toContain(`${program.origin}/dev/messages`);
  expect(program.output()).toContain('docs/ringcentral.md');
  expect(program.output()).toContain('APP_SECRET is not set');
  expect(await statusOf(program.origin)).toBe(200);
});

test('listens on both loopback addresses of this machine', async () => {
  const { port } = await startProgram();
  expect(await statusOf(`http://127.0.0.1:${port}`)).toBe(200);
  expect(await statusOf(`http://[::1]:${port}`)).toBe(200);
});

test('stores data that only its own user can read', async () => {
  const folder = temporaryFolder();
  await startProgram({}, folder);
  expect(statSync(join(folder, 'data')).mode & 0o077).toBe(0);
  expect(statSync(join(folder, 'data', 'users.db')).mode & 0o077).toBe(0);
});

test('reads .env, and environment variables override it', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), 'SERVICE_NAME=From the file\nDATABASE_URL=file:other.db\n');
  const program = await startProgram({ SERVICE_NAME: 'From outside' }, folder);
  expect(program.output()).toContain('From outside is at');
  expect(existsSync(join(folder, 'other.db'))).toBe(true);
});

test('prints the absolute paths of .env and the database, and whether the database is new', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), '');
  const first = await startProgram({}, folder);
  const path = join(folder, 'data', 'users.db');
  expect(first.output()).toContain(`Settings    ${join(folder, '.env')}\n`);
  expect(first.output()).toContain(`Data        ${path} (a new database)\n`);
  first.process.kill('SIGTERM');
  await first.ended();
  expect((await startProgram({}, folder)).output()).toContain(`Data        ${path}\n`);
});

test('from another folder the program reads the .env beside itself, and finds the same database', async () => {
  const root = installation();
  writeFileSync(join(root, '.env'), 'SERVICE_NAME=From the file\nDATABASE_URL=file:kept/users.db\n');
  const database = join(root, 'kept', 'users.db');
  const program = await startProgram({}, root, [], root);
  program.process.kill('SIGTERM');
  await program.ended();

  const elsewhere = await startProgram({}, temporaryFolder(), [], root);
  expect(elsewhere.output()).toContain('From the file is at');
  expect(elsewhere.output()).toContain(`Data        ${database}\n`);
  const copy = await runCommand('commands/backup', ['copy.db'], {}, temporaryFolder(), root);
  expect(copy).toMatchObject({ code: 0, output: expect.stringContaining(database) });
});

test('without any .env, the database is in the working folder, and the start says so', async () => {
  const folder = temporaryFolder();
  const program = await startProgram({}, folder, [], installation());
  expect(program.output()).toContain('Settings    the environment, without a .env');
  expect(program.output()).toContain(join(folder, 'data', 'users.db'));
});

test.each(['main', 'commands/backup', 'commands/doctor'])(
  'dist/%s.js refuses a .env that it cannot use, and touches no database',
  async (script) => {
    const folder = temporaryFolder();
    const program = await startProgram({}, folder);
    program.process.kill('SIGTERM');
    await program.ended();
    rmSync(join(folder, '.env'));
    mkdirSync(join(folder, '.env'));
    const args = script.endsWith('backup') ? ['copy.db'] : [];
    const { code, output } = await runCommand(script, args, {}, folder);
    expect(output).toContain(`${join(folder, '.env')} is a folder, not a file.`);
    expect(output).not.toContain('    at ');
    expect(code).toBe(1);
    expect(existsSync(join(folder, 'copy.db'))).toBe(false);
  },
);

test('the error names bad lines of .env, bad variables and typing errors together, without their values', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), 'APP_SECRET hunter2\nNODE_ENV=Production\nRC_USER_JTW=hunter3\n');
  const program = await runProgram({ PORT: 'x' }, folder);
  expect(await program.ended()).toBe(1);
  for (const text of ['line 1 (APP_SECRET)', 'NODE_ENV must', 'PORT must', 'RC_USER_JTW is not read']) {
    expect(program.output()).toContain(text);
  }
  expect(program.output()).not.toMatch(/hunter| {4}at /);
});

test('a variable that is empty in the environment comes from .env', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), 'SERVICE_NAME=From the file\n');
  expect((await startProgram({ SERVICE_NAME: '' }, folder)).output()).toContain('From the file is at');
});

test('says that all users are one network if https needs a proxy and TRUST_PROXY names none', async () => {
  const env = { PUBLIC_ORIGIN: 'https://example.com', SMS_SENDER: 'console' };
  expect((await startProgram(env)).output()).toContain('TRUST_PROXY names no proxy');
  expect((await startProgram({ ...env, TRUST_PROXY: '1' })).output()).not.toContain('TRUST_PROXY');
});

test.each([
  ['localhost', 'localhost'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '[::1]'],
])('with HOST=%s the inbox that the start names is there', async (HOST, host) => {
  const env = { HOST, PUBLIC_ORIGIN: 'https://example.com', SMS_SENDER: 'console' };
  const program = await startProgram(env);
  const [url = ''] = /http:\S+\/dev\/messages/.exec(program.output()) ?? [];
  expect(url).toBe(`http://${host}:${program.port}/dev/messages`);
  expect(await statusOf(url)).toBe(200);
});

test.each(['views', join('public', 'assets')])('does not start without its folder %s', async (missing) => {
  const root = installation();
  rmSync(join(root, missing), { recursive: true });
  const folder = temporaryFolder();
  const program = await runProgram({}, folder, [], root);
  expect(await program.ended()).toBe(1);
  expect(program.output().trim().split('\n')).toEqual([
    expect.stringContaining(`${join(root, missing)} is missing`),
  ]);
  expect(existsSync(join(folder, 'data'))).toBe(false);
});

test('names every bad variable at once, and does not start', async () => {
  const program = await runProgram({ POLICY: 'lax', RATE_LIMITS: 'no', APP_SECRET: 'hunter2' });
  expect(await program.ended()).toBe(1);
  for (const name of ['POLICY', 'RATE_LIMITS', 'APP_SECRET']) expect(program.output()).toContain(name);
  expect(program.output()).not.toContain('hunter2');
  expect(program.output()).not.toContain('    at ');
});

test('says that the port is in use and how to choose another, without a stack trace', async () => {
  const { port } = await startProgram();
  const second = await runProgram({ PORT: String(port) });
  expect(await second.ended()).toBe(1);
  expect(second.output()).toContain(`Port ${port} is in use. Choose another one: PORT=${port + 1} npm start`);
  expect(second.output()).not.toContain('    at ');
});

test("refuses a database that isn't its own, without a stack trace", async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'notes.txt'),
    'not a database at all, and long enough to be read as one'.repeat(30),
  );
  const program = await runProgram({ DATABASE_URL: 'file:notes.txt' }, folder);
  expect(await program.ended()).toBe(1);
  expect(program.output()).toMatch(/notes\.txt \(DATABASE_URL\) can't be used/);
  expect(program.output()).not.toContain('    at ');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s waits for an open request, closes the database and exits',
  async (signal) => {
    const folder = temporaryFolder();
    const program = await startProgram({}, folder);
    const body = 'username=ann';
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length };
    const slow = request(`${program.origin}/getseed`, { method: 'POST', headers });
    slow.write(body.slice(0, 4));
    const answered = once(slow, 'response');
    await statusOf(program.origin);

    program.process.kill(signal);
    await expect.poll(() => statusOf(program.origin).catch(() => 'refused')).toBe('refused');
    slow.end(body.slice(4));
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(await program.ended()).toBe(0);
    expect(program.output()).toContain('Stopped.');
    expect(existsSync(join(folder, 'data', 'users.db-wal'))).toBe(false);
  },
);

test('SIGTERM does not wait for a form that is never finished (attack S3)', async () => {
  const folder = temporaryFolder();
  const program = await startProgram({}, folder);
  const socket = connect(program.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\nuser';
  socket.write(`POST /getseed HTTP/1.1\r\nHost: localhost\r\n${form}`);
  await statusOf(program.origin);

  program.process.kill('SIGTERM');
  expect(await program.ended()).toBe(0);
  expect(program.output()).toContain('Stopped.');
  expect(existsSync(join(folder, 'data', 'users.db-wal'))).toBe(false);
});

test('SIGTERM ends an open stream of the inbox, and does not cut it', async () => {
  const program = await startProgram();
  const [stream] = await once(request(`${program.origin}/dev/messages/events`).end(), 'response');
  const text = stream.setEncoding('utf8').toArray();
  await statusOf(program.origin);
  program.process.kill('SIGTERM');
  expect((await text).join('')).toBe('retry: 1000\n\n');
  expect(await program.ended()).toBe(0);
});

test('a restart loses no request of a busy proxy', async () => {
  const program = await startProgram();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const options = { port: program.port, host: '127.0.0.1', path: '/getseed', method: 'POST', agent };
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const ask = async () => {
    const asked = request({ ...options, headers }).end('username=ann');
    const [response] = await once(asked, 'response');
    await response.toArray();
    return response.statusCode as number;
  };
  const statuses: number[] = [];
  const faults: unknown[] = [];
  const lanes = Array.from({ length: 8 }, async () => {
    for (;;) {
      const status = await ask().catch((error: NodeJS.ErrnoException) => error.code);
      if (status === 'ECONNREFUSED') return;
      if (status === 200 || status === 429) statuses.push(status);
      else faults.push(status);
    }
  });
  await expect.poll(() => statuses.length).toBeGreaterThan(200);
  program.process.kill('SIGTERM');
  await Promise.all(lanes);
  agent.destroy();
  expect(await program.ended()).toBe(0);
  expect(faults).toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'answers, and stops with 0, if the disk of its log is full',
  async () => {
    const program = await runProgram({}, undefined, ['sh', '-c', 'exec "$@" > /dev/full', 'sh']);
    await expect.poll(() => statusOf(program.origin).catch(() => 'refused')).toBe(200);
    program.process.kill('SIGTERM');
    expect(await program.ended()).toBe(0);
  },
);

test('keeps running after any invalid request', async () => {
  const program = await startProgram();
  const send = (path: string, body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(`${program.origin}${path}`, { method: 'POST', body, headers: { 'Content-Type': type } });
  for (const path of [
    'getseed',
    'signup',
    'login',
    'verifypasscode',
    'resetpwd',
    'resendcode',
    'logout',
    'nope',
  ]) {
    for (const body of [
      '',
      '%',
      'username[]=1',
      'username=a&username=b',
      '{}',
      '\0',
      'x='.repeat(5000),
      `username=${'%00'.repeat(9)}`,
    ]) {
      expect((await send(`/${path}`, body)).status).toBeLessThan(500);
      expect((await send(`/${path}`, body, 'application/json')).status).toBeLessThan(500);
    }
  }
  expect(await statusOf(program.origin)).toBe(200);
});

test('two hundred simultaneous sign-ins need little memory and do not block other requests (attack 30)', async () => {
  const program = await startProgram();
  const post = async (path: string, fields: Record<string, string>) => {
    const response = await fetch(`${program.origin}${path}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
    });
    return (await response.json()) as Record<string, string>;
  };
  const residentMiB = () => {
    const status = readFileSync(`/proc/${program.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };
  const signIn = async (index: number) => {
    const username = `user${index}@example.com`;
    const { id = '' } = await post('/getseed', { username });
    return (await post('/login', { username, id, nonce: 'A'.repeat(22), proof: 'A'.repeat(43) })).status;
  };
  await signIn(0);
  const hasProc = existsSync('/proc/self/status');
  const beforeMiB = hasProc ? residentMiB() : 0;
  const all = Promise.all(Array.from({ length: 200 }, (_, index) => signIn(index + 1)));
  expect(await statusOf(program.origin)).toBe(200);
  expect(new Set(await all)).toEqual(new Set(['wrong']));
  // On the server, one Argon2id hash would use 19 MiB, and two hundred together 3.7 GiB.
  expect((hasProc ? residentMiB() : 0) - beforeMiB).toBeLessThan(120);
});

test('an account survives a restart, and with APP_SECRET a sent code does too', async () => {
  const { newKeys, proofFor } = await import('./support/page.ts');
  const { passcodeIn } = await import('./support/sms.ts');
  const folder = temporaryFolder();
  const env = { APP_SECRET: randomBytes(32).toString('base64url') };
  const first = await startProgram(env, folder);
  const post = async (origin: string, path: string, fields: Record<string, string>) =>
    (await fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields) })).json();

  const username = 'ann@example.com';
  const seed = await post(first.origin, '/getseed', { username });
  const person = { email: username, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123' };
  await post(first.origin, '/signup', {
    ...person,
    salt: seed.salt,
    kdf: seed.kdf,
    ...newKeys('a password', seed.salt),
  });
  const { flow } = await post(first.origin, '/resetpwd', { username });
  const inbox = async () => (await fetch(`${first.origin}/dev/messages.json`)).json();
  await expect.poll(inbox).toHaveLength(1);
  const passcode = passcodeIn((await inbox())[0].text);
  first.process.kill('SIGTERM');
  await first.ended();

  const second = await startProgram(env, folder);
  const keys = { salt: seed.salt, kdf: seed.kdf, ...newKeys('another password', seed.salt) };
  expect(await post(second.origin, '/resetpwd', { username, flow, passcode, ...keys })).toMatchObject({
    status: 'ok',
  });
  const again = await post(second.origin, '/getseed', { username });
  const { signature, ...proof } = proofFor('another password', username, again);
  expect(await post(second.origin, '/login', { username, ...proof })).toMatchObject({
    status: 'ok',
    signature,
  });
});
