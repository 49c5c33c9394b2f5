import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../tools/random.ts';
import { newKeys, proofFor } from '../../support/page.ts';
import { onPrintedCode, type Program, startProgram } from '../../support/program.ts';
import { SEED } from '../../support/seed.ts';
import { type Answer, connectionTo, sendAlone } from './connection.ts';
import { getEveryAnswer } from './everyAnswer.ts';
import { ANSWERS, badLines, cookiesOf, faultOf, jsonOf, RARE_ANSWERS } from './judge.ts';
import { type Cast, type FuzzRequest, nextRequest } from './requests.ts';
import type { Phonebook } from './story.ts';

const ENV = { RATE_LIMITS: 'off', SMS_SENDER: 'console', CODE_RESEND_SECONDS: '1' };
const CONNECTIONS = 12;
/** As many as a connection may have without an answer. */
const AT_ONCE = 16;
const ROUNDS = 530;
/** The most that resident memory may grow after the first third of the run. Measured: 1.01 to 1.08. */
const MEMORY_GROWTH = 1.25;
const MAX_FAULTS = 5;

interface Tally {
  /** The requests that got an answer, or whose connection the program closed. */
  settled: number;
  readonly faults: string[];
  /** The answers that came, as `route word` and `word`. */
  readonly answers: Set<string>;
}

test('every request gets each of its answers', async () => {
  const answers = await getEveryAnswer(await startProgram(ENV));
  expect(ANSWERS.filter((answer) => !answers.has(answer))).toEqual([]);
});

test('a hundred thousand random requests get the answers of the API, and the program stays as it was', async () => {
  const program = await startProgram(ENV);
  const untouched = await signUp(program, 'untouched@example.com');
  const codes: Phonebook = new Map();
  onPrintedCode(program, ({ phone, code, purpose }) =>
    codes.set(phone, { ...codes.get(phone), [purpose]: code }),
  );
  const tally: Tally = { settled: 0, faults: [], answers: new Set() };
  let warmBytes: number | undefined;

  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, lane) => {
      let count = lane;
      const nextCount = () => {
        count += CONNECTIONS;
        return count;
      };
      const random = seededRandom(SEED + lane * 7919);
      const cast: Cast = { port: program.port, codes, nextCount, people: [] };
      const connection = connectionTo(program.port);
      for (let round = 0; round < ROUNDS && tally.faults.length < MAX_FAULTS; round += 1) {
        const requests = Array.from({ length: AT_ONCE }, () => nextRequest(random, cast));
        await sendRound(connection, program.port, requests, tally);
        if (lane === 0 && round === Math.floor(ROUNDS / 3)) warmBytes = memoryOf(program);
      }
      connection.close();
    }),
  );
  const endBytes = memoryOf(program);

  if (tally.faults.length > 0) throw new Error(`With seed ${SEED}:\n${tally.faults.join('\n')}`);
  expect(tally.settled).toBeGreaterThanOrEqual(100_000);
  // Each of these comes at least a dozen times in every run.
  const usual = ANSWERS.filter((answer) => !RARE_ANSWERS.includes(answer));
  expect(usual.filter((answer) => !tally.answers.has(answer))).toEqual([]);
  expect(badLines(program.output()).slice(0, MAX_FAULTS)).toEqual([]);
  expect((await fetch(program.origin)).status).toBe(200);
  expect(await untouched.signIn()).toBe('ok');
  if (warmBytes !== undefined && endBytes !== undefined) {
    expect(endBytes / warmBytes).toBeLessThan(MEMORY_GROWTH);
  }
});

async function sendRound(
  connection: ReturnType<typeof connectionTo>,
  port: number,
  requests: readonly FuzzRequest[],
  tally: Tally,
): Promise<void> {
  const shared = requests.filter(({ manner }) => manner === 'shared');
  const own = requests.filter(({ manner }) => manner !== 'shared');
  const [answers, ends] = await Promise.all([
    connection.exchange(shared),
    Promise.all(own.map((request) => sendAlone(port, request))),
  ]);
  shared.forEach((request, index) => {
    const answer = answers[index];
    if (answer !== undefined) judge(request, answer, tally);
    // Requests behind the first one without an answer could not get one.
    else if (index === answers.length) blame(request, 'no answer', tally);
  });
  own.forEach((request, index) => {
    const end = ends[index];
    if (end === 'closed') tally.settled += request.manner === 'cut' ? 0 : 1;
    else if (end === undefined || end === 'silent') blame(request, 'neither an answer nor an end', tally);
    else judge(request, end, tally);
  });
}

function judge(request: FuzzRequest, answer: Answer, tally: Tally): void {
  tally.settled += 1;
  const parsed = jsonOf(answer);
  const fault = faultOf(request, answer, parsed);
  if (fault !== undefined) blame(request, fault, tally, answer);
  if (parsed === undefined || request.method !== 'POST') return;
  tally.answers.add(String(parsed.status)).add(`${request.route} ${parsed.status}`);
  request.learn?.(parsed, cookiesOf(answer));
}

function blame(request: FuzzRequest, fault: string, tally: Tally, answer?: Answer): void {
  const sent = JSON.stringify(request.bytes.toString('latin1', 0, 4000));
  const got = answer && JSON.stringify(`${answer.head}\r\n\r\n${answer.body.toString('latin1', 0, 500)}`);
  tally.faults.push(`${fault}\n  sent ${sent}\n  got ${got}`);
}

/** Creates an account that the random requests leave alone. */
async function signUp({ origin }: Program, username: string): Promise<{ signIn(): Promise<string> }> {
  const password = 'a password of its own';
  const post = async (path: string, fields: Record<string, string>) =>
    (await fetch(`${origin}/${path}`, { method: 'POST', body: new URLSearchParams(fields) })).json();
  const { salt, kdf } = await post('getseed', { username });
  const person = { email: username, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123' };
  await post('signup', { ...person, salt, kdf, ...newKeys(password, salt) });
  return {
    async signIn() {
      const { signature, ...proof } = proofFor(password, username, await post('getseed', { username }));
      const answer = await post('login', { username, ...proof });
      expect(answer.signature).toBe(signature);
      return answer.status;
    },
  };
}

/** Returns the program's resident memory in bytes; undefined if the system does not report it. */
function memoryOf({ process }: Program): number | undefined {
  const path = `/proc/${process.pid}/status`;
  if (!existsSync(path)) return undefined;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1]) * 1024;
}
