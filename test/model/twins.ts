import fc from 'fast-check';
import { expect } from 'vitest';
import * as engine from '../../src/engine.ts';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import type { SmsOutcome } from '../../src/sms.ts';
import type { Store } from '../../src/store.ts';
import { memoryStore } from '../support/memory-store.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { SEED } from '../support/seed.ts';
import { ANN, must, NETWORK, PASSWORD, type World, world } from '../support/world.ts';

const MAX_STEPS = 40;

/** An action of a user without the password and the phone. Flows count back from the newest. */
type Action =
  | { do: 'seed' }
  | { do: 'login'; hasDevice: boolean; isSeedOld: boolean }
  | { do: 'askReset'; hasDevice: boolean }
  | { do: 'resend'; flow: number; hasDevice: boolean }
  | { do: 'verify'; flow: number }
  | { do: 'setPassword'; flow: number; hasOwnSalt: boolean }
  | { do: 'codeStatus'; flow: number; hasDevice: boolean };

type Happening =
  | { actions: Action[] }
  | { seconds: number }
  | { fate: SmsOutcome['kind'] | 'failed' }
  | { availability: 'clear' | 'full' | 'failing' }
  | { isCleanup: true };

/** One of the two worlds, and what the stranger got from it. */
type Twin = { world: World; flows: string[]; seed: Seed | undefined };
type Seed = Awaited<ReturnType<typeof engine.getSeed>>;

const DEVICE = 'D'.repeat(43);

/** Carries out an action of the stranger. */
async function carryOut(twin: Twin, action: Action): Promise<unknown> {
  const { deps } = twin.world;
  const device = 'hasDevice' in action && action.hasDevice ? DEVICE : undefined;
  const origin = { network: NETWORK, ...(device !== undefined && { device }) };
  const flow = ('flow' in action ? twin.flows.at(-1 - action.flow) : undefined) ?? 'A'.repeat(22);
  switch (action.do) {
    case 'seed':
      return engine.getSeed(deps, { email: ANN, network: NETWORK });
    case 'login': {
      const seed = (action.isSeedOld ? twin.seed : undefined) ?? (await freshSeed(twin));
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
      const given = action.hasOwnSalt ? salt : 'A'.repeat(22);
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

/** Returns six digits that were in no message. */
function wrongIn({ world: { sms } }: Twin): string {
  const guesses = ['000000', '111111', '222222'];
  return guesses.find((guess) => !sms.sent.some(({ text }) => text.includes(guess))) ?? '333333';
}

/** Returns the answer as JSON. Values that differ from address to address are replaced. */
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
  if ('actions' in happening) {
    const answers = await Promise.all(happening.actions.map((action) => carryOut(twin, action)));
    await settled();
    return answers.map((answer) => seenBy(twin, answer));
  }
  if ('seconds' in happening) clock.advanceSeconds(happening.seconds);
  else if ('isCleanup' in happening) await cleanUp(deps.store, deps.nowMs());
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
const actionArb: fc.Arbitrary<Action> = fc.oneof(
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
  { weight: 12, arbitrary: actionArb.map((action) => ({ actions: [action] })) },
  {
    weight: 3,
    arbitrary: fc.array(actionArb, { minLength: 2, maxLength: 4 }).map((actions) => ({ actions })),
  },
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
  { weight: 1, arbitrary: fc.constant({ isCleanup: true as const }) },
);

/** Signs the owner in, with a code if the sign-in needs one. */
async function signInOwner({ deps, sms, signIn, settled }: World): Promise<void> {
  const outcome = await signIn(PASSWORD);
  if (outcome.kind !== 'code_required') return;
  await settled();
  const given = { email: ANN, network: NETWORK, flow: must(outcome.flow), passcode: sms.lastPasscode() };
  expect(await engine.verifyPasscode(deps, given)).toMatchObject({ kind: 'ok' });
}

/**
 * Does the same random things to two addresses, one with an account and one without. Throws if an answer differs.
 * Returns how many messages were sent, and the kinds of answers that came.
 */
export async function compareTwins(
  numRuns: number,
  open: () => Store = memoryStore,
): Promise<{ sent: number; kinds: Set<string> }> {
  let sent = 0;
  const kinds = new Set<string>();
  const story = fc.asyncProperty(
    fc.constantFrom('never', 'unknown_device', 'always'),
    fc.boolean(),
    fc.array(happeningArb, { maxLength: MAX_STEPS, size: 'max' }),
    async (secondFactor, hasSignedIn, happenings) => {
      const stores = [open(), open()] as const;
      const known: Twin = { world: world({ secondFactor }, stores[0]), flows: [], seed: undefined };
      const unknown: Twin = { world: world({ secondFactor }, stores[1]), flows: [], seed: undefined };
      try {
        await known.world.signUp();
        if (hasSignedIn) await signInOwner(known.world);
        for (const happening of happenings) {
          const answers = await letHappen(known, happening);
          expect(answers).toEqual(await letHappen(unknown, happening));
          for (const answer of answers) kinds.add(JSON.parse(answer).kind);
        }
        expect(unknown.world.sms.sent).toEqual([]);
        sent += known.world.sms.sent.length;
      } finally {
        for (const { world: own } of [known, unknown]) await own.settled();
        for (const store of stores) await store.close();
      }
    },
  );
  await fc.assert(story, { numRuns, seed: SEED });
  return { sent, kinds };
}

export const TWIN_ANSWERS = [
  'wrong',
  'locked',
  'bad_seed',
  'code_sent',
  'wrong_code',
  'expired_code',
  'slow_down',
  'invalid',
];
