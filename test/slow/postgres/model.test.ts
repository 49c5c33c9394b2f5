import { expect, test } from 'vitest';
import { runStories } from '../../model/stories.ts';
import { compareTwins } from '../../model/twins.ts';
import { postgresStore } from '../../support/postgres.ts';

test('the rules hold for random sequences of actions on PostgreSQL', async () => {
  const seen = await runStories(postgresStore, 5);
  expect(seen.has('login: locked')).toBe(true);
});

test("a stranger can't tell an address with an account from one without on PostgreSQL", async () => {
  const { sent } = await compareTwins(6, postgresStore);
  expect(sent).toBeGreaterThan(3);
});
