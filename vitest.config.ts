import { defineConfig } from 'vitest/config';

const setupFiles = ['test/support/setup.ts'];
// Programs are started and stopped, on whatever machine this is and whatever else it does.
const PATIENCE_MS = 60_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/*.test.ts', 'test/{docs,engine,store,sms,client,model,bench,tools}/**/*.test.ts'],
          testTimeout: PATIENCE_MS,
        },
      },
      { test: { name: 'http', setupFiles, include: ['test/http/**/*.test.ts'], testTimeout: PATIENCE_MS } },
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
          name: 'fuzz',
          setupFiles,
          include: ['test/fuzz/**/*.test.ts'],
          testTimeout: 240_000,
          // After all others, whose processes would slow this one's.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'crash',
          setupFiles,
          include: ['test/crash/**/*.test.ts'],
          testTimeout: 240_000,
          // Its programs share the disk and the processors: one after the other.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'timing',
          setupFiles,
          include: ['test/timing/**/*.test.ts'],
          testTimeout: 240_000,
          // Alone: what is measured is small.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
