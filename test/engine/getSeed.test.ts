import { expect, test } from 'vitest';
import { getSeed, login } from '../../src/engine.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { ANN, NETWORK, PASSWORD, world } from '../support/world.ts';

test('returns an id of 16 bytes, a seed of 32, and the salt and kdf of the address', async () => {
  const { deps } = world();
  expect(await getSeed(deps, { email: ANN, network: NETWORK })).toEqual({
    kind: 'ok',
    id: expect.stringMatching(/^[\w-]{22}$/),
    seed: expect.stringMatching(/^[\w-]{43}$/),
    salt: expect.stringMatching(/^[\w-]{22}$/),
    kdf: 'argon2id$m=19456,t=2,p=1',
  });
});

test('never returns the same id or seed twice', async () => {
  const { deps } = world();
  const first = await getSeed(deps, { email: ANN, network: NETWORK });
  const second = await getSeed(deps, { email: ANN, network: NETWORK });
  expect(second.id).not.toBe(first.id);
  expect(second.seed).not.toBe(first.seed);
});

test('an address has the same salt before and after its sign-up, and another address has another', async () => {
  const here = world();
  const before = await getSeed(here.deps, { email: ANN, network: NETWORK });
  await here.signUp();
  const after = await getSeed(here.deps, { email: ANN, network: NETWORK });
  expect(after.salt).toBe(before.salt);
  expect((await getSeed(here.deps, { email: 'bob@example.com', network: NETWORK })).salt).not.toBe(
    before.salt,
  );
});

test('asks for the same work with or without an account (attack 17)', async () => {
  const { deps, signUp } = world();
  await signUp();
  const kdfs = await Promise.all(
    [ANN, 'nobody@example.com'].map(async (email) => (await getSeed(deps, { email, network: NETWORK })).kdf),
  );
  expect(kdfs[0]).toBe(kdfs[1]);
});

test('a seed works for one login, even with a wrong password', async () => {
  const { deps, signUp } = world();
  await signUp();
  const seed = await getSeed(deps, { email: ANN, network: NETWORK });
  const wrong = { network: NETWORK, username: ANN, email: ANN, ...proofFor('wrong', ANN, seed) };
  const right = { network: NETWORK, username: ANN, email: ANN, ...proofFor(PASSWORD, ANN, seed) };
  expect(await login(deps, wrong)).toMatchObject({ kind: 'wrong' });
  expect(await login(deps, right)).toEqual({ kind: 'bad_seed' });
});

test('a captured login is refused the second time (attack 33)', async () => {
  const { deps, signUp } = world();
  await signUp();
  const seed = await getSeed(deps, { email: ANN, network: NETWORK });
  const captured = { network: NETWORK, username: ANN, email: ANN, ...proofFor(PASSWORD, ANN, seed) };
  expect(await login(deps, captured)).toMatchObject({ kind: 'ok' });
  expect(await login(deps, captured)).toEqual({ kind: 'bad_seed' });
});

test('a seed expires after five minutes', async () => {
  const { deps, clock, signUp } = world();
  await signUp();
  const login_ = async (seconds: number) => {
    const seed = await getSeed(deps, { email: ANN, network: NETWORK });
    clock.advanceSeconds(seconds);
    return (
      await login(deps, { network: NETWORK, username: ANN, email: ANN, ...proofFor(PASSWORD, ANN, seed) })
    ).kind;
  };
  expect(await login_(299)).toBe('ok');
  expect(await login_(300)).toBe('bad_seed');
});

test('a seed of one address is refused for another address, and stays valid', async () => {
  const { deps, signUp } = world();
  await signUp();
  const seed = await getSeed(deps, { email: ANN, network: NETWORK });
  const proof = proofFor(PASSWORD, ANN, seed);
  const bob = 'bob@example.com';
  expect(await login(deps, { network: NETWORK, ...proof, username: bob, email: bob })).toEqual({
    kind: 'bad_seed',
  });
  expect(await login(deps, { network: NETWORK, ...proof, username: ANN, email: ANN })).toMatchObject({
    kind: 'ok',
  });
});

test('a bad seed does not count as a failure', async () => {
  const here = world();
  await here.signUp();
  const nowhere = { id: 'x'.repeat(22), nonce: 'n'.repeat(22), proof: newKeys('p', 's').storedKey };
  for (let time = 0; time < 5; time += 1) {
    expect(await login(here.deps, { network: NETWORK, username: ANN, email: ANN, ...nowhere })).toEqual({
      kind: 'bad_seed',
    });
  }
  expect(await here.signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
});

test('a network with too many seeds loses only its own oldest one (attack 33)', async () => {
  const here = world({ maxSeedsPerNetwork: 3 });
  await here.signUp('bob@example.com');
  const neighbours = await getSeed(here.deps, { email: ANN, network: '198.51.100.1' });
  const oldest = await getSeed(here.deps, { email: ANN, network: NETWORK });
  const second = await getSeed(here.deps, { email: ANN, network: NETWORK });
  for (let more = 0; more < 2; more += 1) await getSeed(here.deps, { email: ANN, network: NETWORK });

  const kindOf = async (seed: typeof oldest) =>
    (
      await login(here.deps, {
        network: NETWORK,
        username: ANN,
        email: ANN,
        ...proofFor('wrong', ANN, seed),
      })
    ).kind;
  expect(await kindOf(oldest)).toBe('bad_seed');
  expect(await kindOf(second)).toBe('wrong');
  expect(await kindOf(neighbours)).toBe('wrong');
});
