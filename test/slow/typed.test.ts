import { test } from 'vitest';
import { checkTypedAddresses, checkTypedCodes, checkTypedPhones } from '../http/typed.ts';

test('whatever surrounds an address, the plain one signs in, or the sign-up is refused, in fifteen hundred tries', async () => {
  await checkTypedAddresses(1500);
});

test('whatever surrounds a phone number, it is that number, or it is refused, in many tries', () => {
  checkTypedPhones(50_000);
});

test('whatever separates the digits of a code, it is that code, or it is refused, in many tries', () => {
  checkTypedCodes(50_000);
});
