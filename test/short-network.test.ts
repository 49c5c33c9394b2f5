import { expect, test } from 'vitest';
import { clientNetworkOf } from '../src/http/client-network.ts';
import { shortNetwork } from '../src/short-network.ts';

test.each([
  ['::1', '::1'],
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['2001:db8::1', '2001:db8::/64'],
  ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['', ''],
])('the network of %j is shown as %j', (ip, shown) => {
  expect(shortNetwork(clientNetworkOf(ip).network)).toBe(shown);
});
