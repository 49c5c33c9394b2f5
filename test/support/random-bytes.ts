import { createCipheriv, createHash } from 'node:crypto';
import { expect } from 'vitest';
import { SEED } from './seed.ts';

const counts = new Map<string, number>();

/** Returns a source of random bytes for a test. Its bytes depend only on the seed, the test and earlier calls in the test. */
export function seededRandomBytes(): (size: number) => Buffer {
  const { testPath = '', currentTestName = '' } = expect.getState();
  const name = `${testPath.split('test').at(-1)} ${currentTestName}`;
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  const key = createHash('sha256').update(`${SEED} ${name} ${count}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}
