import fc from 'fast-check';
import type { Store } from '../../src/store.ts';
import { SEED } from '../support/seed.ts';
import { commandArbs, lookAround, newWorld } from './commands.ts';

const MAX_COMMANDS = 60;

/** Runs the engine and the model side by side on random sequences of actions. Returns how often each event happened. */
export async function runStories(open: () => Store, numRuns: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const story = fc.asyncProperty(
    fc.constantFrom('never', 'unknown_device', 'always'),
    fc.commands(commandArbs, { maxCommands: MAX_COMMANDS, size: 'max' }),
    async (secondFactor, commands) => {
      const store = open();
      try {
        const { model, real } = await newWorld(store, seen, secondFactor);
        await fc.asyncModelRun(() => ({ model, real }), commands);
        await lookAround(model, real);
      } finally {
        await store.close();
      }
    },
  );
  await fc.assert(story, { numRuns, seed: SEED });
  return seen;
}
