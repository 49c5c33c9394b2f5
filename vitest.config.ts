import { defineConfig } from 'vitest/config';

const setupFiles = ['test/support/setup.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/*.test.ts', 'test/{engine,store,sms,client}/**/*.test.ts'],
        },
      },
      { test: { name: 'http', setupFiles, include: ['test/http/**/*.test.ts'] } },
      {
        test: {
          name: 'browser',
          setupFiles,
          include: ['test/browser/**/*.test.ts'],
          // A story signs up and in with the real Argon2id, on whatever machine this is.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'timing',
          setupFiles,
          include: ['test/timing/**/*.test.ts'],
          testTimeout: 180_000,
          // After all others: what is measured is small.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
