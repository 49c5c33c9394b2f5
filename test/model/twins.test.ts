import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as engine from '../../src/engine.ts';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import type { SmsOutcome } from '../../src/sms.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { ANN, NETWORK, type World, world } from '../support/world.ts';

const RUNS = 200;
const MOST_STEPS = 40;

/** What a stranger can do without the password and without the phone; flows are counted back from the newest. */
type Deed =
  | { do: 'seed' }
  | { do: 'login'; hasDevice: boolean; isSeedOld: boolean }
  | { do: 'askReset'; hasDevice: boolean }
  | { do: 'resend'; flow: number; hasDevice: boolean }
  | { do: 'verify'; flow: number }
  | { do: 'setPassword'; flow: number; hasOwnSalt: boolean }
  | { do: 'codeStatus'; flow: number; hasDevice: boolean };

type Happening =
  | { deeds: Deed[] }
  | { seconds: number }
  | { fate: SmsOutcome['kind'] | 'failed' }
  | { availability: 'clear' | 'full' | 'failing' }
  | { sweeps: true };

/** One of the two worlds, and what the stranger was given there. */
type Twin = { world: World; flows: string[]; seed: Seed | undefined };
type Seed = Awaited<ReturnType<typeof engine.getSeed>>;

const DEVICE = 'D'.repeat(43);

/** Takes the stranger's deed; the answer comes with what must differ from address to address made alike. */
async function takeDeed(twin: Twin, deed: Deed): Promise<unknown> {
  const { deps } = twin.world;
  const device = 'hasDevice' in deed && deed.hasDevice ? DEVICE : undefined;
  const origin = { network: NETWORK, ...(device !== undefined && { device }) };
  const flow = ('flow' in deed ? twin.flows.at(-1 - deed.flow) : undefined) ?? 'A'.repeat(22);
  switch (deed.do) {
    case 'seed':
      return engine.getSeed(deps, { email: ANN, network: NETWORK });
    case 'login': {
      const seed = (deed.isSeedOld ? twin.seed : undefined) ?? (await freshSeed(twin));
      const { id, nonce, proof } = proofFor('a guess', ANN, seed);
      return engine.login(deps, { username: ANN, email: ANN, id, nonce, proof, ...origin });
    }
    case 'askReset':
      return engine.resetPwd(deps, { email: ANN, ...origin });
    case 'resend':
      return engine.resendCode(deps, { flow, deviceOf: () => device, ...origin });
    case 'verify':
      return engine.verifyPasscode(deps, {
        email: ANN,
        flow,
        passcode: wrongIn(twin),
        ...origin,
      });
    case 'setPassword': {
      const { salt, kdf } = await freshSeed(twin);
      const given = deed.hasOwnSalt ? salt : 'A'.repeat(22);
      const keys = newKeys('mine', given);
      return engine.resetPwd(deps, {
        email: ANN,
        flow,
        passcode: wrongIn(twin),
        salt: given,
        kdf,
        ...keys,
        ...origin,
      });
    }
    case 'codeStatus':
      return engine.codeStatus(deps, { network: NETWORK, flow, deviceOf: () => device });
  }
}

async function freshSeed(twin: Twin): Promise<Seed> {
  twin.seed = await engine.getSeed(twin.world.deps, { email: ANN, network: NETWORK });
  return twin.seed;
}

/** Six digits that no message had. */
function wrongIn({ world: { sms } }: Twin): string {
  const guesses = ['000000', '111111', '222222'];
  return guesses.find((guess) => !sms.sent.some(({ text }) => text.includes(guess))) ?? '333333';
}

/** The answer with its secrets left out: who compares two of them sees all else that tells the addresses apart. */
function seenBy(twin: Twin, answer: unknown): string {
  const { flow } = answer as { flow?: string };
  if (flow !== undefined && !twin.flows.includes(flow)) twin.flows.push(flow);
  return JSON.stringify(answer, (name, value) => {
    if (name === 'flow') return `flow ${twin.flows.indexOf(value)}`;
    if (name === 'phone') return String(value).replace(/\d{4}$/, '0000');
    return ['id', 'seed', 'salt'].includes(name) ? String(value).length : value;
  });
}

async function letHappen(twin: Twin, happening: Happening): Promise<string[]> {
  const { clock, sms, deps, settled } = twin.world;
  if ('deeds' in happening) {
    const answers = await Promise.all(happening.deeds.map((deed) => takeDeed(twin, deed)));
    await settled();
    return answers.map((answer) => seenBy(twin, answer));
  }
  if ('seconds' in happening) clock.advanceSeconds(happening.seconds);
  else if ('sweeps' in happening) await cleanUp(deps.store, deps.nowMs());
  else if ('availability' in happening) {
    sms.availability =
      happening.availability === 'clear'
        ? { kind: 'clear' }
        : { kind: happening.availability, retryAfterSeconds: 30 };
  } else if (happening.fate === 'failed') sms.endNext({ kind: 'failed', reason: 'opted_out' });
  else if (happening.fate === 'refused') sms.answerNext({ kind: 'refused', reason: 'bad_recipient' });
  else if (happening.fate === 'unknown') sms.answerNext({ kind: 'unknown' });
  return [];
}

const flow = fc.nat({ max: 4 });
const hasDevice = fc.boolean();
const deedArb: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('seed' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('login' as const),
      hasDevice,
      isSeedOld: fc.nat({ max: 9 }).map((chance) => chance === 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('askReset' as const), hasDevice }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('resend' as const), flow, hasDevice }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('verify' as const), flow }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('setPassword' as const),
      flow,
      hasOwnSalt: fc.nat({ max: 9 }).map((chance) => chance > 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('codeStatus' as const), flow, hasDevice }) },
);
const seconds = fc.constantFrom(1, 2, 3, 30, 59, 60, 61, 300, 1800, 3600, 31 * 86_400, -30, -7200);
const happeningArb: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: deedArb.map((deed) => ({ deeds: [deed] })) },
  { weight: 3, arbitrary: fc.array(deedArb, { minLength: 2, maxLength: 4 }).map((deeds) => ({ deeds })) },
  { weight: 4, arbitrary: seconds.map((advance) => ({ seconds: advance })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('refused' as const, 'unknown' as const, 'failed' as const)
      .map((fate) => ({ fate })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('clear' as const, 'clear' as const, 'full' as const, 'failing' as const)
      .map((availability) => ({ availability })),
  },
  { weight: 1, arbitrary: fc.constant({ sweeps: true as const }) },
);

test("a stranger can't tell an address that somebody has from one that nobody has", async () => {
  let sent = 0;
  const kinds = new Set<string>();
  const story = fc.asyncProperty(
    fc.array(happeningArb, { maxLength: MOST_STEPS, size: 'max' }),
    async (happenings) => {
      const somebodys: Twin = { world: world(), flows: [], seed: undefined };
      const nobodys: Twin = { world: world(), flows: [], seed: undefined };
      await somebodys.world.signUp();
      for (const happening of happenings) {
        const answers = await letHappen(somebodys, happening);
        expect(answers).toEqual(await letHappen(nobodys, happening));
        for (const answer of answers) kinds.add(JSON.parse(answer).kind);
      }
      expect(nobodys.world.sms.sent).toEqual([]);
      sent += somebodys.world.sms.sent.length;
    },
  );
  await fc.assert(story, { numRuns: RUNS });
  expect(sent).toBeGreaterThan(RUNS);
  const all = [
    'wrong',
    'locked',
    'bad_seed',
    'code_sent',
    'wrong_code',
    'expired_code',
    'slow_down',
    'invalid',
  ];
  expect(all.filter((kind) => !kinds.has(kind))).toEqual([]);
}, 300_000);
