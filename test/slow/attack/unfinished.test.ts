import { expect, test } from 'vitest';
import { attack } from '../../../tools/attack/rows.ts';
import { openTarget } from '../../../tools/attack/target.ts';
import { startProgram } from '../../support/program.ts';
import { SEED } from '../../support/seed.ts';

test('the program with its default settings holds against forms that are never finished', async () => {
  const { origin } = await startProgram();
  const rows = await attack(await openTarget(new URL(origin), SEED), ['S3']);
  expect(rows).toMatchObject([{ outcome: 'held' }]);
});
