import type { Page } from 'playwright-core';

/** What a page notes of itself while it loads; times in milliseconds since the navigation began. */
export interface Loading {
  domContentLoaded: number;
  firstContentfulPaint: number;
  largestContentfulPaint: number;
  interactive: number;
  blocking: number;
}

/** What a page notes of itself from the moment that a form is sent to the moment that it is left. */
export interface Submission {
  duration: number;
  /** The longest time between two frames: how long the page stood still. */
  longestFrame: number;
  /** The same for the time before, in which the form was filled in. */
  longestFrameBefore: number;
}

interface Notes {
  tasks: { at: number; ms: number }[];
  frames: number[];
  painted: number;
  interactive: number;
  submitted: number;
  left: number;
}

declare global {
  interface Window {
    notes: Notes;
  }
}

const KEY = 'measured';

/** Lets every page of `page` take notes of itself. */
export async function watchPage(page: Page): Promise<void> {
  await page.addInitScript((key) => {
    const notes: Notes = { tasks: [], frames: [], painted: 0, interactive: 0, submitted: 0, left: 0 };
    window.notes = notes;
    new PerformanceObserver((list) => {
      const entries = list.getEntries();
      notes.tasks.push(...entries.map(({ startTime, duration }) => ({ at: startTime, ms: duration })));
    }).observe({ type: 'longtask', buffered: true });
    new PerformanceObserver((list) => {
      notes.painted = list.getEntries().at(-1)?.startTime ?? 0;
    }).observe({ type: 'largest-contentful-paint', buffered: true });

    // The script enables the buttons once the forms are bound; a form sent before would be sent without it.
    new MutationObserver((_, observer) => {
      const button = document.querySelector<HTMLButtonElement>('form button[type=submit]');
      if (!button || button.disabled) return;
      notes.interactive = performance.now();
      observer.disconnect();
    }).observe(document, { subtree: true, childList: true, attributes: true });

    const frame = (at: number) => {
      notes.frames.push(at);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    addEventListener('submit', () => {
      if (notes.submitted === 0) notes.submitted = performance.now();
    });
    navigation.addEventListener('navigate', () => {
      notes.left = performance.now();
    });
    addEventListener('pagehide', () => {
      const { interactive, submitted, left } = notes;
      if (submitted === 0) return;
      const longestFrame = (from: number, to: number) => {
        const frames = [...notes.frames.filter((at) => at > from && at < to), to];
        return Math.max(...frames.map((at, i) => at - (frames[i - 1] ?? from)));
      };
      const submission: Submission = {
        duration: left - submitted,
        // Long tasks would leave out what follows on the compiling of WebAssembly, which Chromium does not count as one.
        longestFrame: longestFrame(submitted, left),
        longestFrameBefore: longestFrame(interactive, submitted),
      };
      sessionStorage.setItem(key, JSON.stringify(submission));
    });
  }, KEY);
}

/** What the page noted of its loading, once it is interactive and has painted all that it paints. */
export async function loadingOf(page: Page): Promise<Loading> {
  await page.waitForFunction(() => window.notes.interactive > 0 && window.notes.painted > 0);
  await page.waitForTimeout(500);
  return page.evaluate(() => {
    const { tasks, painted, interactive } = window.notes;
    const [visit] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
    // As total blocking time is defined: of each task that ends after the first paint, what is over 50 ms.
    const blocking = tasks
      .filter(({ at, ms }) => at + ms > paint && at < interactive)
      .reduce((sum, { ms }) => sum + ms - 50, 0);
    return {
      domContentLoaded: visit?.domContentLoadedEventEnd ?? 0,
      firstContentfulPaint: paint,
      largestContentfulPaint: painted,
      interactive,
      blocking,
    };
  });
}

/** What the page before this one noted of the form that was sent. */
export async function submissionOf(page: Page): Promise<Submission> {
  const noted = await page.evaluate((key) => sessionStorage.getItem(key), KEY);
  return JSON.parse(noted ?? 'null');
}
