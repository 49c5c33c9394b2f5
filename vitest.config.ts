import { defineConfig } from 'vitest/config';

const setupFiles = ['test/support/setup.ts'];
// A test that starts programs waits for them, however slow the machine is.
const PATIENCE_MS = 60_000;

/** `npm test`: every rule, with the same seed in each run. */
export default defineConfig({
  test: {
    env: { SEED: '1' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/**/*.test.ts'],
          exclude: ['test/{http,browser,slow}/**'],
          testTimeout: PATIENCE_MS,
        },
      },
      {
        extends: true,
        test: { name: 'http', setupFiles, include: ['test/http/**/*.test.ts'], testTimeout: PATIENCE_MS },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          setupFiles,
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 2 * PATIENCE_MS,
          hookTimeout: 2 * PATIENCE_MS,
          fileParallelism: false,
        },
      },
    ],
  },
});
