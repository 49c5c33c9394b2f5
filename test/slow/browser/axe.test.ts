import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { ENV_OF_STATES, STATES, STATES_OF_ANN } from '../../../tools/screenshots/states.ts';
import { story } from '../../support/browser.ts';

const HALF = STATES.length / 2;
const SCHEMES = ['light', 'dark'] as const;
/** A button whose color is changing would have too little contrast for a moment. */
const STILL = { reducedMotion: 'reduce' } as const;

for (const [part, states] of Object.entries({
  'sign-in and unlock': STATES.slice(0, HALF),
  'reset and the rest': STATES.slice(HALF),
})) {
  story(`axe finds nothing in the states of ${part}`, {}, async (page, program) => {
    for (const { name, reach } of states) {
      const fresh = (await page.context().browser()?.newPage(STILL)) as Page;
      await reach(fresh, program.origin);
      expect(await violations(fresh), name).toEqual([]);
      await fresh.context().close();
    }
  });
}

story('axe finds nothing in the states of an account', ENV_OF_STATES, async (page, program) => {
  await page.emulateMedia(STILL);
  for (const { name, reach } of STATES_OF_ANN) {
    await reach(page, program.origin);
    expect(await violations(page), name).toEqual([]);
  }
});

/** Returns what axe finds in light and dark colors: the rule and the element. */
async function violations(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, ...STILL });
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
    found.push(
      ...violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${colorScheme} ${id}: ${html} ${failureSummary}`),
      ),
    );
  }
  return found;
}
