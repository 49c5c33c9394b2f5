import { defineConfig } from 'vitest/config';

// A test that starts programs waits for them, however slow the machine is.
const PATIENCE_MS = 60_000;

const shared = {
  setupFiles: ['test/support/setup.ts'],
  globalSetup: ['test/support/postgres-setup.ts'],
  env: { SEED: '1' },
  testTimeout: PATIENCE_MS,
  hookTimeout: PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS / 2 } },
  // Each worker imports the modules once for all of its files.
  isolate: false,
};

/** `npm test`: every rule, with the same seed in each run. */
export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{http,browser,slow,postgres}/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'postgres',
          env: { SEED: '1', TEST_STORE: 'postgres' },
          include: [
            'test/postgres/**/*.test.ts',
            'test/engine/**/*.test.ts',
            'test/http/{account,story}.test.ts',
          ],
          // This one is in `npm run test:slow`: it asks for hundreds of messages.
          exclude: ['test/engine/smsLimits.test.ts'],
        },
      },
      { test: { ...shared, name: 'http', include: ['test/http/**/*.test.ts'] } },
      { test: { ...shared, name: 'browser', include: ['test/browser/**/*.test.ts'] } },
    ],
  },
});
