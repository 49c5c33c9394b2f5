import { expect, test } from 'vitest';
import { consoleSms } from '../../src/sms/console.ts';

const NOON_MS = Date.parse('2025-06-01T12:00:00.000Z');

function inboxAt(nowMs: () => number = () => NOON_MS) {
  const printed: string[] = [];
  return { printed, sms: consoleSms((text) => printed.push(text), nowMs) };
}

test('each message counts as sent, with an id of its own', async () => {
  const { sms } = inboxAt();
  const first = await sms.send('+16505550123', 'Your code is 012345');
  const second = await sms.send('+16505550123', 'Your code is 543210');
  expect(first).toEqual({ kind: 'sent', messageId: expect.any(String) });
  expect(second).toEqual({ kind: 'sent', messageId: expect.any(String) });
  expect(second).not.toEqual(first);
});

test('a message is kept unchanged, with its number and the time', async () => {
  const { sms } = inboxAt();
  await sms.send('+16505550123', ' Your code is 012345\n\n@example.com #012345 ');
  expect(sms.messages()).toEqual([
    {
      to: '+16505550123',
      text: ' Your code is 012345\n\n@example.com #012345 ',
      at: '2025-06-01T12:00:00.000Z',
    },
  ]);
});

test('the newest message comes first', async () => {
  let nowMs = NOON_MS;
  const { sms } = inboxAt(() => nowMs);
  await sms.send('+16505550123', 'first');
  nowMs += 1000;
  await sms.send('+16505550124', 'second');
  expect(sms.messages().map(({ text }) => text)).toEqual(['second', 'first']);
});

test('only the last hundred messages are kept', async () => {
  const { sms } = inboxAt();
  for (let number = 1; number <= 101; number += 1) await sms.send('+16505550123', `message ${number}`);
  expect(sms.messages()).toHaveLength(100);
  expect(sms.messages().at(0)?.text).toBe('message 101');
  expect(sms.messages().at(-1)?.text).toBe('message 2');
});

test('a change of the returned messages does not change the kept messages', async () => {
  const { sms } = inboxAt();
  await sms.send('+16505550123', 'kept');
  const [message] = sms.messages();
  Object.assign(message ?? {}, { text: 'changed' });
  sms.messages().pop();
  expect(sms.messages().map(({ text }) => text)).toEqual(['kept']);
});

test('each message is printed once, in a frame, with the whole number and every line of the text', async () => {
  const { sms, printed } = inboxAt();
  await sms.send('+16505550123', 'Your code is 012345\n\n@example.com #012345');
  expect(printed).toHaveLength(1);
  const lines = printed[0]?.split('\n') ?? [];
  expect(lines.at(0)).toMatch(/^┌─+$/);
  expect(lines.at(-1)).toMatch(/^└─+$/);
  expect(lines.slice(1, -1)).toEqual([
    '│ Text message to +16505550123 at 2025-06-01T12:00:00.000Z',
    '│ ',
    '│ Your code is 012345',
    '│ ',
    '│ @example.com #012345',
  ]);
});

test('the printed text has no control characters but line ends', async () => {
  const { sms, printed } = inboxAt();
  await sms.send('+16505550123', 'one\r\ntwo\rthree');
  expect(printed.join('').replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

test('a terminal that fails makes no message fail', async () => {
  const sms = consoleSms(
    () => {
      throw new Error('the terminal is gone');
    },
    () => NOON_MS,
  );
  await expect(sms.send('+16505550123', 'kept')).resolves.toMatchObject({ kind: 'sent' });
  expect(sms.messages()).toHaveLength(1);
});

test('a decoy prints a line without its number and text, and is not kept', async () => {
  const { sms, printed } = inboxAt();
  expect(await sms.sendDecoy?.('+16505550123', 'Your code is 012345')).toMatchObject({ kind: 'sent' });
  expect(printed).toEqual([expect.stringMatching(/^No text message: /)]);
  expect(printed.join()).not.toMatch(/0123|012345/);
  expect(sms.messages()).toEqual([]);
});
