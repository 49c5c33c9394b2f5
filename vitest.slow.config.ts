import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';

const { SEED = '1' } = process.env;
const seed = SEED === 'random' ? String(randomInt(2 ** 31)) : SEED;
if (!/^\d{1,10}$/.test(seed)) throw new Error('SEED must be a whole number or "random".');
if (seed !== '1') console.log(`Seed ${seed}. To repeat this run: SEED=${seed} npm run test:slow`);

/** `npm run test:slow`: the laboratories, one after the other, since they measure or load the machine. */
export default defineConfig({
  test: {
    env: { SEED: seed },
    setupFiles: ['test/support/setup.ts'],
    include: ['test/slow/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    fileParallelism: false,
  },
});
