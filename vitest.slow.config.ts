import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const { SEED = '1' } = process.env;
const seed = SEED === 'random' ? String(randomInt(2 ** 31)) : SEED;
if (!/^\d{1,10}$/.test(seed)) throw new Error('SEED must be a whole number or "random".');
if (seed !== '1') console.log(`Seed ${seed}. To repeat this run: SEED=${seed} npm run test:slow`);

const shared = {
  globalSetup: ['test/support/postgres-setup.ts'],
  env: { SEED: seed },
  setupFiles: ['test/support/setup.ts'],
  testTimeout: 300_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
};

/** One more than the processors, because many tests wait. */
const WORKERS = availableParallelism() + 1;

/** These measure time, or load all processors by themselves. */
const ALONE = [
  'test/slow/{fuzz,timing}/**/*.test.ts',
  'test/slow/attack/attack.test.ts',
  'test/slow/crash/crash.test.ts',
  'test/slow/browser/worker.test.ts',
];

/** Its stores are on PostgreSQL. */
const ON_POSTGRES = 'test/slow/postgres/model.test.ts';

/** The longest files. Run last, one of them would leave a processor idle. */
const LONGEST = [
  'model/stories',
  'slow/typed',
  'browser/account',
  'store/years',
  'browser/axe',
  'build/build',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`${name}.test.ts`));
      return 100 * project.config.sequence.groupOrder + (at < 0 ? LONGEST.length : at);
    };
    return (await super.sort(files)).sort((left, right) => place(left) - place(right));
  }
}

/** `npm run test:slow`: the laboratories. Those that measure or load the machine run one after the other. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'together',
          include: ['test/slow/**/*.test.ts'],
          exclude: [...ALONE, ON_POSTGRES],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'postgres',
          env: { SEED: seed, TEST_STORE: 'postgres' },
          include: [ON_POSTGRES, 'test/engine/smsLimits.test.ts', 'test/http/**/*.test.ts'],
          maxWorkers: WORKERS,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
