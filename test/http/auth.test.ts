import supertest from 'supertest';
import { expect, test } from 'vitest';
import { CONSTANTS } from '../../src/policy.ts';
import { StoreUnavailable } from '../../src/store.ts';
import { cookiesOf, type Site, site } from '../support/site.ts';
import { ANN, PASSWORD } from '../support/world.ts';

const HTML = 'text/html,*/*;q=0.8';
const FORGED = { 'Remote-User': 'root@example.com', 'Remote-Name': 'Root' };

async function signedIn({ visitor }: Site, email = ANN) {
  const ann = visitor();
  await ann.signUp(email);
  const [sid = ''] = cookiesOf(await ann.signIn(PASSWORD, email)).filter((line) => line.startsWith('sid='));
  return { ann, sid: sid.split(';')[0] ?? '' };
}

test('/auth names the user of a good session, on HEAD too', async () => {
  const { ann } = await signedIn(site());
  const { status, headers, body } = await ann.agent.get('/auth').set(FORGED);
  expect([status, body.status]).toEqual([200, 'ok']);
  expect([headers['remote-user'], headers['remote-name']]).toEqual([ANN, 'Ann%20Lee']);
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['set-cookie']).toBeUndefined();
  expect((await ann.agent.head('/auth')).headers['remote-user']).toBe(ANN);
});

test.each([
  ['zoë@example.com', 'zo%C3%AB@example.com'],
  ['zo%c3%ab@example.com', 'zo%25c3%25ab@example.com'],
])('/auth percent-encodes the address %s, so that no other address has its form', async (email, encoded) => {
  const { ann } = await signedIn(site(), email);
  const user = (await ann.agent.get('/auth')).headers['remote-user'] as string;
  expect(user).toBe(encoded);
  expect(decodeURIComponent(user)).toBe(email);
});

test('/auth is signed_out without a good session, whatever Remote-User came', async () => {
  const here = site();
  const { ann, sid } = await signedIn(here);
  await ann.post('/logout');
  for (const Cookie of ['', 'sid=', `sid=${'x'.repeat(43)}`, sid]) {
    const { status, headers, body } = await supertest(here.app)
      .get('/auth')
      .set({ ...FORGED, Cookie });
    expect([status, body.status, headers['remote-user']]).toEqual([401, 'signed_out', undefined]);
  }
});

test('/auth judges a session cookie that came twice as the pages do', async () => {
  const here = site();
  const { sid } = await signedIn(here);
  for (const [Cookie, status, isShown] of [
    [`${sid}; sid=other`, 200, true],
    [`sid=other; ${sid}`, 401, false],
  ] as const) {
    expect((await supertest(here.app).get('/auth').set({ Cookie })).status).toBe(status);
    const about = await supertest(here.app).get('/about').set({ Cookie });
    expect(about.text.includes('signed in as')).toBe(isShown);
  }
});

test.each([
  ['/wiki/a?b=c&d', '/?next=%2Fwiki%2Fa%3Fb%3Dc%26d'],
  ['//evil.example', '/'],
  ['https://evil.example', '/'],
  [`/${'a'.repeat(3000)}`, '/'],
])('/auth sends a visitor who asks for %s to the sign-in page', async (uri, path) => {
  const { app } = site();
  const visit = supertest(app)
    .get('/auth')
    .set({ 'X-Forwarded-Uri': uri, 'X-Forwarded-Host': 'evil.example' });
  const { status, headers } = await visit.set('Accept', HTML);
  expect([status, headers.location]).toEqual([303, `http://localhost:5000${path}`]);
});

test('/auth sends no visitor on who asks for JSON, or if the proxy cleared X-Forwarded-Uri', async () => {
  const { app } = site();
  const get = () => supertest(app).get('/auth');
  expect((await get().set({ 'X-Forwarded-Uri': '/x', Accept: 'application/json' })).status).toBe(401);
  expect((await get().set({ Accept: HTML })).status).toBe(401);
});

test('/auth is unavailable if the session cannot be read', async () => {
  const here = site({ hasFaults: true });
  const { ann } = await signedIn(here);
  here.world.deps.store.read = () => Promise.reject(new StoreUnavailable('away'));
  const { status, headers } = await ann.agent.get('/auth').set({ Accept: HTML, 'X-Forwarded-Uri': '/x' });
  expect([status, headers['remote-user']]).toEqual([503, undefined]);
});

test('/auth has no limit, and a visit by it keeps the session from idling', async () => {
  const here = site({ policy: { requestsPerMinute: 20 } });
  const { ann } = await signedIn(here);
  for (let visit = 0; visit < 30; visit += 1) expect((await ann.agent.get('/auth')).status).toBe(200);
  const almostIdleMinutes = CONSTANTS.sessionIdleSeconds / 60 - 1;
  for (let visit = 0; visit < 3; visit += 1) {
    here.world.clock.advanceMinutes(almostIdleMinutes);
    expect((await ann.agent.get('/auth')).status).toBe(200);
    await here.world.settled();
  }
  here.world.clock.advanceMinutes(almostIdleMinutes + 1);
  expect((await ann.agent.get('/auth')).status).toBe(401);
});
