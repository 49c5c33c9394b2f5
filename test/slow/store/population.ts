import type { LoginOutcome } from '../../../src/engine/outcomes.ts';
import * as engine from '../../../src/engine.ts';
import type { Random } from '../../../tools/random.ts';
import { newKeys, proofFor } from '../../support/page.ts';
import { passcodeIn } from '../../support/sms.ts';
import type { World } from '../../support/world.ts';

/** Users over years. The test keeps of them what they and their browsers would keep. */
export interface Population {
  /** Signs all users up. */
  settle(): Promise<void>;
  /** Lets `actors` of them act once, all at the same time. Strangers guess at some accounts. */
  act(actors: number): Promise<void>;
  /** The number of outcomes by action and kind. */
  readonly outcomes: Map<string, number>;
}

interface Person {
  readonly email: string;
  readonly phone: string;
  readonly network: string;
  password: string;
  device?: string;
  session?: string;
}

/** Creates `people` users. `messageTo` returns the newest message to a number. */
export function population(
  { deps, settled }: World,
  people: number,
  random: Random,
  messageTo: (phone: string) => string | undefined,
): Population {
  const everyone = Array.from({ length: people }, (_, index) => newPerson(index));
  const outcomes = new Map<string, number>();
  let strangers = 0;
  const note = <Outcome extends { kind: string }>(what: string, outcome: Outcome): Outcome => {
    const name = `${what}: ${outcome.kind}`;
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    return outcome;
  };

  async function signUp(person: Person): Promise<void> {
    const { email, phone, network, password } = person;
    const { salt, kdf } = await engine.getSeed(deps, { email, network });
    const form = { email, fname: 'Ann', lname: 'Lee', phoneno: phone, salt, kdf, ...newKeys(password, salt) };
    note('sign-up', await engine.signup(deps, form));
  }

  async function signIn(who: Person, password = who.password): Promise<LoginOutcome> {
    const { email, network, device, session } = who;
    const seed = await engine.getSeed(deps, { email, network });
    const proof = proofFor(password, email, seed);
    const browser = { ...(device && { device }), ...(session && { session }) };
    return note(
      'sign-in',
      await engine.login(deps, { username: email, email, network, ...proof, ...browser }),
    );
  }

  async function signInAsAlways(person: Person): Promise<void> {
    const outcome = await signIn(person);
    if (outcome.kind === 'ok') Object.assign(person, outcome.issued);
    const { session } = person;
    const seen = await engine.whoIsSignedIn(deps, { ...(session && { session }) });
    note('visit', { kind: seen === undefined ? 'signed out' : 'signed in' });
  }

  /** Signs in from a browser without cookies, which becomes one more known device. */
  async function signInElsewhere({ email, phone, network, password }: Person): Promise<void> {
    await signIn({ email, phone, network, password });
  }

  async function forgetAndUnlock(person: Person): Promise<void> {
    for (let failure = 0; failure < 3; failure += 1) {
      const outcome = await signIn(person, 'forgotten');
      if (outcome.kind !== 'locked' || outcome.flow === undefined) continue;
      await settled();
      const { email, network, device } = person;
      const passcode = passcodeIn(messageTo(person.phone));
      const form = { email, network, flow: outcome.flow, passcode, ...(device && { device }) };
      const unlocked = note('unlock', await engine.verifyPasscode(deps, form));
      if (unlocked.kind === 'ok') Object.assign(person, unlocked.issued);
    }
  }

  async function reset(person: Person): Promise<void> {
    const { email, network, device } = person;
    const browser = { email, network, ...(device && { device }) };
    const asked = note('reset', await engine.resetPwd(deps, browser));
    if (asked.kind !== 'code_sent' || asked.flow === undefined) return;
    await settled();
    const passcode = passcodeIn(messageTo(person.phone));
    const { salt, kdf } = await engine.getSeed(deps, { email, network });
    const password = `password ${random.below(1e9)}`;
    const keys = { salt, kdf, ...newKeys(password, salt) };
    const done = note(
      'new password',
      await engine.resetPwd(deps, { ...browser, flow: asked.flow, passcode, ...keys }),
    );
    if (done.kind === 'ok') Object.assign(person, { password, session: undefined }, done.issued);
  }

  async function signOut(person: Person): Promise<void> {
    const { session } = person;
    note('sign-out', await engine.logout(deps, { ...(session && { session }) }));
    delete person.session;
  }

  /** A stranger guesses until the account is locked. */
  async function guess({ email }: Pick<Person, 'email'>): Promise<void> {
    strangers += 1;
    const stranger = { ...newPerson(strangers % 10_000), email };
    for (let failure = 0; failure < 3; failure += 1) await signIn(stranger, 'a guess');
  }

  /** The actions by their percentage. The rest asks for a seed and stops there. */
  const actions: ((person: Person) => Promise<void>)[] = [
    ...Array(40).fill(signInAsAlways),
    ...Array(15).fill(signInElsewhere),
    ...Array(10).fill(forgetAndUnlock),
    ...Array(5).fill(reset),
    ...Array(5).fill(signOut),
    ...Array(5).fill(signUp),
    ...Array(8).fill(guess),
    ...Array(7).fill(() => guess({ email: `unknown-${strangers}@example.com` })),
  ];

  async function actOne(person: Person): Promise<void> {
    const action = actions[random.below(100)];
    if (action === undefined) note('seed', await engine.getSeed(deps, person));
    else await action(person);
  }

  return {
    outcomes,
    async settle() {
      for (let start = 0; start < people; start += 100) {
        await Promise.all(everyone.slice(start, start + 100).map(signUp));
      }
    },
    async act(actors) {
      const first = random.below(people);
      const acting = Array.from(
        { length: actors },
        (_, index) => everyone[(first + index) % people] as Person,
      );
      await Promise.all(acting.map(actOne));
      await settled();
    },
  };
}

function newPerson(index: number): Person {
  return {
    email: `person-${index}@example.com`,
    // Many prefixes, because the SMS limits count each prefix.
    phone: `+1202${200 + (index % 500)}${1000 + index}`,
    network: `10.${(index >> 8) & 255}.${index & 255}.1`,
    password: `password of ${index}`,
  };
}
