import type { Page } from 'playwright-core';

/** The page's records while it loads, in milliseconds since the navigation began. */
export interface Loading {
  domContentLoaded: number;
  firstContentfulPaint: number;
  largestContentfulPaint: number;
  interactive: number;
  blocking: number;
}

/** The page's records from the submit of a form to the next page. */
export interface Submission {
  duration: number;
  /** The longest time between two frames. */
  longestFrame: number;
  /** The same before the submit, while the form is filled in. */
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

/** Makes each document of `page` record its own times. */
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

    // The script enables the buttons when it has bound the forms.
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
        // Chromium's long tasks do not include the work right after it compiles WebAssembly. Frames do.
        longestFrame: longestFrame(submitted, left),
        longestFrameBefore: longestFrame(interactive, submitted),
      };
      sessionStorage.setItem(key, JSON.stringify(submission));
    });
  }, KEY);
}

/** Returns the page's records of its loading, after it is interactive and has painted. */
export async function loadingOf(page: Page): Promise<Loading> {
  await page.waitForFunction(() => window.notes.interactive > 0 && window.notes.painted > 0);
  await page.waitForTimeout(500);
  return page.evaluate(() => {
    const { tasks, painted, interactive } = window.notes;
    const [visit] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
    // The definition of total blocking time: the part over 50 ms of each task that ends after the first paint.
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

/** Returns the records of the previous page about its form. */
export async function submissionOf(page: Page): Promise<Submission> {
  const noted = await page.evaluate((key) => sessionStorage.getItem(key), KEY);
  return JSON.parse(noted ?? 'null');
}
