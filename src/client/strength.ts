/** Shows below a new password how hard it is to guess, and why. It refuses nothing: the rules are in passwords.ts. */
import $ from 'jquery';
import type { Estimate } from './estimate.ts';
import { loadOnce, retriedImport } from './load-once.ts';
import { commonPasswords } from './passwords.ts';
import { setting } from './settings.ts';

/** A verdict is shown after a pause in typing. Otherwise a screen reader would read one for each key. */
const QUIET_MS = 400;
const VERDICTS = ['Very weak', 'Weak', 'Fair', 'Good', 'Strong'] as const;
const ADVICE = 'Add another word or two.';
/** Sentences for the reasons of zxcvbn. */
const REASONS: Record<string, string> = {
  straightRow: 'A row of keys is easy to guess.',
  keyPattern: 'A pattern on the keyboard is easy to guess.',
  simpleRepeat: 'Repeated characters are easy to guess.',
  extendedRepeat: 'Repeated groups of characters are easy to guess.',
  sequences: 'A sequence such as “abc” is easy to guess.',
  recentYears: 'A recent year is easy to guess.',
  dates: 'A date is easy to guess.',
  topTen: 'This password is very common.',
  topHundred: 'This password is very common.',
  common: 'This password is common.',
  similarToCommon: 'This is close to a common password.',
  userInputs: 'Your name and your email address are easy to guess.',
};

const importEstimate = retriedImport('estimate', () => import('./estimate.ts'));
const loadEstimate = loadOnce(async () => {
  const [{ estimator }, common] = await Promise.all([importEstimate(), commonPasswords()]);
  return estimator(common);
});

/** Makes each field for a new password show how hard its password is to guess. */
export function bindStrengthMeters(): void {
  $<HTMLInputElement>('input[autocomplete=new-password]').on('input', ({ currentTarget }) => {
    const meter = $(currentTarget).closest('.field').find('.strength');
    clearTimeout(meter.data('timer'));
    meter.prop('hidden', currentTarget.value === '');
    meter.data(
      'timer',
      setTimeout(() => void judge(currentTarget, meter), QUIET_MS),
    );
  });
}

async function judge(input: HTMLInputElement, meter: JQuery): Promise<void> {
  if (input.value === '') return;
  // Without the estimate, the user can still choose a password.
  const estimate = await loadEstimate().catch(() => undefined);
  if (!estimate) return void meter.prop('hidden', true);
  const { score, warning } = estimate(input.value, ownWords(input));
  meter.attr('data-score', score).find('.verdict').text(verdictOf({ score, warning }));
}

function verdictOf({ score, warning }: Estimate): string {
  if (score > 2) return `${VERDICTS[score]}.`;
  return [`${VERDICTS[score]}.`, warning ? REASONS[warning] : undefined, ADVICE].filter(Boolean).join(' ');
}

/** Returns the words in the form and of the site that an attacker would try first. */
function ownWords(input: HTMLInputElement): string[] {
  const others = $(input)
    .closest('form')
    .find<HTMLInputElement>('input')
    .not('[name=password], [name=passcode]');
  const words = others.get().flatMap(({ value }) => [value, ...value.split(/[^\p{L}\p{N}]+/u)]);
  return [...words, setting('serviceName')].filter((word) => word.length > 2);
}
