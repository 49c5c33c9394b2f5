import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadEnvironment } from '../../src/runtime/environment.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

/** Loads a `.env` with this content from a working folder of its own. */
function load(content: string | Buffer, env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const file = join(folder, '.env');
  writeFileSync(file, content);
  const { faults, notes } = loadEnvironment(env, folder, temporaryFolder());
  const shown = (texts: readonly string[]) => texts.map((text) => text.replace(file, '.env'));
  return { env, faults: shown(faults), notes: shown(notes) };
}

test('the variables of the environment override .env, but an empty one does not', () => {
  const { env, faults } = load('PORT=1\nHOST=from-file\nNODE_ENV=test\n', {
    PORT: '2',
    HOST: '',
    NODE_ENV: ' ',
  });
  expect(env).toEqual({ PORT: '2', HOST: 'from-file', NODE_ENV: 'test' });
  expect(faults).toEqual([]);
});

test('.env comes from the working folder, otherwise from the folder of the program', () => {
  const [here, program] = [temporaryFolder(), temporaryFolder()];
  const used = () => {
    const env: Record<string, string> = {};
    return { ...loadEnvironment(env, here, program), name: env.SERVICE_NAME };
  };
  expect(used()).toMatchObject({ file: undefined, databaseFolder: here, name: undefined });
  writeFileSync(join(program, '.env'), 'SERVICE_NAME=program');
  expect(used()).toMatchObject({ file: join(program, '.env'), databaseFolder: program, name: 'program' });
  writeFileSync(join(here, '.env'), 'SERVICE_NAME=here');
  expect(used()).toMatchObject({ file: join(here, '.env'), databaseFolder: here, name: 'here' });
});

test('a relative DATABASE_URL of the environment starts at the working folder, whichever .env is read', () => {
  const [here, program] = [temporaryFolder(), temporaryFolder()];
  writeFileSync(join(program, '.env'), 'DATABASE_URL=file:b.db');
  expect(loadEnvironment({ DATABASE_URL: 'file:a.db' }, here, program).databaseFolder).toBe(here);
  expect(loadEnvironment({ DATABASE_URL: '' }, here, program).databaseFolder).toBe(program);
});

test.each<[string, (file: string) => void, RegExp]>([
  ['a folder', (file) => mkdirSync(file), /is a folder/],
  ['a link to a missing file', (file) => symlinkSync('missing', file), /link to a missing file/],
  ['a link to itself', (file) => symlinkSync('.env', file), /can't be read: ELOOP/],
  ['UTF-16', (file) => writeFileSync(file, '\uFEFFPORT=1', 'utf16le'), /is not UTF-8 text/],
  ['UTF-16 without a BOM', (file) => writeFileSync(file, 'PORT=1', 'utf16le'), /is not UTF-8 text/],
  ['Latin-1', (file) => writeFileSync(file, 'SERVICE_NAME=Café', 'latin1'), /is not UTF-8 text/],
  ['a named pipe', (file) => execFileSync('mkfifo', [file]), /is not a regular file/],
  ['a device', (file) => symlinkSync('/dev/zero', file), /is not a regular file/],
])('a .env that is %s is a fault, and is not replaced by the one of the program', (_kind, make, reason) => {
  const [here, program] = [temporaryFolder(), temporaryFolder()];
  const file = join(here, '.env');
  make(file);
  writeFileSync(join(program, '.env'), 'PORT=9');
  const env: Record<string, string> = {};
  const { faults } = loadEnvironment(env, here, program);
  expect(faults).toEqual([expect.stringMatching(reason)]);
  expect(faults[0]).toContain(file);
  expect(env).toEqual({});
});

test.skipIf(process.getuid?.() === 0)('a .env that this user may not read is a fault', () => {
  const here = temporaryFolder();
  writeFileSync(join(here, '.env'), 'PORT=1', { mode: 0 });
  expect(loadEnvironment({}, here).faults).toEqual([expect.stringContaining('this user may not read')]);
});

test('a .env may have a UTF-8 BOM, and lines that end in any way', () => {
  expect(load('\uFEFFPORT=1\r\nHOST=a\rPOLICY=strict\n').env).toEqual({
    PORT: '1',
    HOST: 'a',
    POLICY: 'strict',
  });
});

test('.env.example has no fault', () => {
  const folder = temporaryFolder();
  copyFileSync(join(ROOT, '.env.example'), join(folder, '.env'));
  expect(loadEnvironment({}, folder)).toMatchObject({ faults: [], notes: [] });
});

test.each([
  ['APP_SECRET hunter2', ['.env, line 1 (APP_SECRET), must be NAME=value.']],
  ['PORT=1\n\n  hunter2', ['.env, line 3, must be NAME=value.']],
  ['APP_SECRET:hunter2', ['.env, line 1 (APP_SECRET), must be NAME=value.']],
  ['# a comment\nPORT=1', []],
  ['export PORT = 1 # a comment', []],
  ['SERVICE_NAME= # a comment', []],
  ["SERVICE_NAME='Shop #1' # a comment", []],
  ['SERVICE_NAME="it\'s"#a comment', []],
  ["SERVICE_NAME=Ann's shop", []],
  ['OTHER=a#b\ntoString=1', []],
])('%j has the faults %j', (content, faults) => {
  expect(load(content).faults).toEqual(faults);
});

test.each(['hunter#2', '#hunter2', '"hunter2', "'hunter2' hunter3", '"hunter\n2"'])(
  'RC_APP_CLIENT_SECRET=%s is a fault, because a part of the value would be lost',
  (value) => {
    const { faults } = load(`RC_APP_CLIENT_SECRET=${value}`);
    expect(faults[0]).toMatch(/^\.env, line 1: .* RC_APP_CLIENT_SECRET\. .* quotes\.$/);
    expect(faults.join()).not.toContain('hunter');
  },
);

test.each([
  ['APP_SECERT', 'APP_SECRET'],
  ['RC_USER_JTW', 'RC_USER_JWT'],
  ['APPSECRET', 'APP_SECRET'],
  ['TRUST_PROXYS', 'TRUST_PROXY'],
  ['SMS_SEMDER', 'SMS_SENDER'],
  ['database_url', 'DATABASE_URL'],
])('%s is noted as a possible typing error of %s, without its value', (name, meant) => {
  const note = [`${name} is not read. Did you mean ${meant}?`];
  expect(load(`${name}=hunter2`).notes).toEqual(note);
  expect(load('', { [name]: 'hunter2' }).notes).toEqual(note);
});

test.each([
  ['PROT', 'PORT'],
  ['HSOT', 'HOST'],
  ['SMS_COUNTRY', 'SMS_COUNTRIES'],
  ['CODE_LIFETIME', 'CODE_LIFETIME_SECONDS'],
  ['DATABASE', 'DATABASE_URL'],
])('%s in .env is noted as a possible typing error of %s', (name, meant) => {
  expect(load(`${name}=1`).notes).toEqual([`${name} is not read. Did you mean ${meant}?`]);
  expect(load('', { [name]: '1' }).notes).toEqual([]);
});

test.each(['DB_PORT', 'SMS', 'TZ', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'HTTP_PROXY', 'RC_FILE'])(
  '%s in .env is no typing error',
  (name) => {
    expect(load(`${name}=1`).notes).toEqual([]);
  },
);

test('a variable that .env has twice is noted, without its values', () => {
  const { env, notes, faults } = load('PORT=1\n# PORT=2\nexport PORT=3\nOTHER=1\nOTHER=2\nHOST=a\n');
  expect(env.PORT).toBe('3');
  expect(faults).toEqual([]);
  expect(notes).toEqual(['.env has PORT in lines 1 and 3. Only the last one counts.']);
});

test.each(['PATH', 'HOSTS', 'SPORT', 'HTTP_PROXY', 'RC_FILE', 'APP_SECRET', 'toString'])(
  '%s is no typing error',
  (name) => {
    expect(load('', { [name]: 'x' }).notes).toEqual([]);
  },
);
