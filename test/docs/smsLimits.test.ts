import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SMS_LIMITS } from '../../src/engine/sms-limits.ts';
import { TUTORIAL } from '../../src/policy.ts';
import { ROOT } from '../support/site.ts';

const PRICE = 0.0119;
const DOCUMENT = readFileSync(join(ROOT, 'docs', 'sms-limits.md'), 'utf8');

/** The cells of each row of the table under a heading. */
function rowsOf(heading: string): string[][] {
  const section = DOCUMENT.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => /^\| /.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('the document has the numbers of every limit', () => {
  const { account, network, prefix48, phone } = SMS_LIMITS;
  const limits = [
    account.stranger,
    account.device,
    account.signin,
    account.notice,
    account.phoneNotice,
    account.deletionNotice,
    network,
    prefix48,
    phone,
  ];
  const counted = rowsOf('The limits').filter((cells) => /^\d+$/.test(cells[2] ?? ''));
  expect(counted.map((cells) => cells.slice(2, 4).map(Number))).toEqual(
    limits.map(({ perHour, perDay }) => [perHour, perDay]),
  );
});

test('the document has the parts of prefix, country, pools and trust levels', () => {
  const { shared, pool, share } = SMS_LIMITS;
  const percent = (part: number) => `${Math.round(part * 100)} %`;
  const rows = rowsOf('The limits');
  const dayOf = (name: string) => rows.find(([limit]) => limit === name)?.[3];
  expect(dayOf('prefix')).toBe(`${percent(shared.prefix)} of the total`);
  expect(dayOf('country')).toBe(`${percent(shared.country)} of the total`);
  const shares = rows
    .filter((cells) => cells.length === 3)
    .slice(1)
    .map((cells) => cells.slice(1));
  expect(shares).toEqual([
    [percent(pool.strangers), percent(share.stranger)],
    [percent(pool.devices), percent(share.known)],
    [percent(pool.devices), percent(share.trusted)],
    [percent(pool.devices), percent(share.notice)],
  ]);
});

test('the price of each flood is that of its SMS', () => {
  const floods = rowsOf('What a worst day costs').slice(1);
  expect(floods.length).toBeGreaterThan(5);
  for (const [flood, count, price] of floods) {
    expect([flood, price]).toEqual([flood, `$${(Number(count) * PRICE).toFixed(2)}`]);
  }
});

test('the floods get what the limits allow', () => {
  const { account, network, phone, shared, share } = SMS_LIMITS;
  const { messagesPerDay } = TUTORIAL;
  const inAll = (part: number) =>
    [0, share.known, share.trusted].map((devices) =>
      Math.round(messagesPerDay * part * (share.stranger + devices)),
    );
  const expected = [
    account.stranger.perDay,
    account.stranger.perDay + account.device.perDay + account.notice.perDay,
    account.stranger.perDay + account.device.perDay + account.signin.perDay + account.notice.perDay,
    2 * phone.perDay + account.device.perDay,
    3 * phone.perDay + account.device.perDay,
    3 * network.perDay,
    ...inAll(shared.prefix),
    ...inAll(shared.country),
    ...inAll(shared.total),
  ];
  expect(
    rowsOf('What a worst day costs')
      .slice(1)
      .map(([, count]) => Number(count)),
  ).toEqual(expected);
});
