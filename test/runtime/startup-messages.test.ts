import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { listenFault, startupMessages } from '../../src/runtime/startup-messages.ts';

const FINDINGS = { file: undefined, isNewDatabase: false, notes: [] };

test.each(['192.0.2.1', 'example.com', '2001:db8::1'])(
  'with HOST=%s no inbox is named, because no loopback address answers',
  (HOST) => {
    const lines = startupMessages(readConfig({ HOST, SMS_SENDER: 'console' }), FINDINGS);
    expect(lines.join('\n')).toContain('are printed here\n');
  },
);

test('a secret that an attacker could guess is noted', () => {
  const lines = startupMessages(readConfig({ APP_SECRET: 'x'.repeat(43) }), FINDINGS);
  expect(lines.join('\n')).toContain('APP_SECRET is not random');
});

test('a note of the start is one line of its own', () => {
  const notes = ['APP_SECERT is not read.'];
  expect(startupMessages(readConfig({}), { ...FINDINGS, notes })).toContain(
    '  Note        APP_SECERT is not read.',
  );
});

test.each([
  ['EADDRINUSE', 5001, /^Port 5001 is in use\. Choose another one: PORT=5002 npm start$/],
  ['EADDRINUSE', 5000, /AirPlay/],
  ['EADDRINUSE', 65_535, /PORT=65534 npm start$/],
  ['EACCES', 80, /^Port 80 .*PORT=5000 npm start$/],
  ['EADDRNOTAVAIL', 5000, /^HOST=::1 is not an address of this machine\.$/],
  ['EAFNOSUPPORT', 5000, /^HOST=::1 is not an address of this machine\.$/],
  ['EAI_AGAIN', 5000, /^HOST=::1 is not an address of this machine\.$/],
  ['ENOBUFS', 5000, /^Listening on ::1, port 5000, failed: ENOBUFS$/],
])('%s on port %i is one sentence that says what to do', (code, port, sentence) => {
  expect(listenFault(Object.assign(new Error('x'), { code }), { host: '::1', port })).toMatch(sentence);
});
