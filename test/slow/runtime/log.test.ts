import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { type Program, runProgram, startProgram } from '../../support/program.ts';

/** Their lines, of 100 bytes or more, are too many for the pipe and the 1 MiB in memory. */
const ENOUGH_REQUESTS = 14_000;
const UNLIMITED = { RATE_LIMITS: 'off' };

const statusOf = async (url: string) => (await fetch(url)).status;
const linesIn = (text: string, part: string) => text.split('\n').filter((line) => line.includes(part));

/** Visits an address that has no page. */
async function visit({ origin }: Program, times: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  onTestFinished(() => agent.destroy());
  const one = async () => {
    const [response] = await once(get(`${origin}/no-page`, { agent }), 'response');
    response.resume();
    await once(response, 'end');
  };
  let left = times;
  const visitor = async () => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: 32 }, visitor));
}

/** Asks for a code. The console sender prints a line for it. */
async function askForCode({ origin }: Program): Promise<void> {
  const body = new URLSearchParams({ username: 'ann@example.com' });
  expect((await fetch(`${origin}/resetpwd`, { method: 'POST', body })).status).toBe(200);
}

async function expectStop(program: Program): Promise<void> {
  program.process.kill('SIGTERM');
  expect(await program.ended()).toBe(0);
}

test('lines that a stalled reader makes the log drop are counted, and told once it reads again', async () => {
  const program = await startProgram(UNLIMITED);
  program.process.stdout?.pause();
  await visit(program, ENOUGH_REQUESTS);
  program.process.stdout?.resume();

  const dropped = () => linesIn(program.output(), '"event":"log_lines_dropped"');
  await expect.poll(() => dropped().length).toBeGreaterThan(0);
  await expectStop(program);
  const count = dropped().reduce((sum, line) => sum + JSON.parse(line).lines, 0);
  expect(count).toBeGreaterThan(0);
  expect(linesIn(program.output(), '"msg":"request"').length + count).toBe(ENOUGH_REQUESTS);
});

test('a stalled reader holds back no answer and no stop', async () => {
  const program = await startProgram(UNLIMITED);
  program.process.stdout?.pause();
  await visit(program, ENOUGH_REQUESTS);
  await askForCode(program);
  expect(await statusOf(program.origin)).toBe(200);

  const exited = once(program.process, 'exit');
  program.process.kill('SIGTERM');
  await exited;
  program.process.stdout?.resume();
});

test('if the reader of the log closes the pipe, the program answers, and says so once on the standard error', async () => {
  const program = await startProgram();
  program.process.stdout?.destroy();
  for (let round = 0; round < 5; round += 1) {
    await askForCode(program);
    expect(await statusOf(program.origin)).toBe(200);
  }
  await expect.poll(program.output).toContain("The log can't be written (EPIPE)");
  await expectStop(program);
  expect(linesIn(program.output(), "can't be written")).toHaveLength(1);
});

test.skipIf(process.platform !== 'linux')(
  'if the disk of the log is full at the start, the program answers, and says so once',
  async () => {
    const program = await runProgram({}, undefined, ['sh', '-c', 'exec "$@" > /dev/full', 'sh']);
    await expect.poll(() => statusOf(program.origin).catch(() => 'refused')).toBe(200);
    await askForCode(program);
    await expect.poll(program.output).toContain("The log can't be written (ENOSPC)");
    await expectStop(program);
    expect(linesIn(program.output(), "can't be written")).toHaveLength(1);
  },
);

/** Runs the command behind it with its log on a disk of 4 MiB that has only 96 KiB left. */
const LOG_ON_SMALL_DISK = [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mkdir log && mount -t tmpfs -o size=4m none log && head -c 4000k /dev/zero > log/other && exec "$@" > log/out',
  'sh',
];
const canMount = () => {
  try {
    const [command = '', ...args] = [...LOG_ON_SMALL_DISK, 'true'];
    execFileSync(command, args, { stdio: 'ignore', cwd: temporaryFolder() });
    return true;
  } catch {
    return false;
  }
};

test('a disk that fills up later loses only lines, and they are counted once it has room', async ({
  skip,
}) => {
  skip(!canMount(), 'This system does not allow users to mount disks (unshare).');
  const program = await runProgram(UNLIMITED, undefined, LOG_ON_SMALL_DISK);
  await expect.poll(() => statusOf(program.origin).catch(() => 'refused')).toBe(200);
  await visit(program, ENOUGH_REQUESTS);
  await askForCode(program);
  await expect.poll(program.output).toContain("The log can't be written (ENOSPC)");

  const disk = `/proc/${program.process.pid}/cwd/log`;
  rmSync(`${disk}/other`);
  await expect.poll(() => readFileSync(`${disk}/out`, 'utf8')).toContain('"event":"log_lines_dropped"');
  await expectStop(program);
});
