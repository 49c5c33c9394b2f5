/** Estimates how hard a password is to guess. A chunk of its own, because only new passwords need it. */
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import graphs from '@zxcvbn-ts/language-common/src/adjacencyGraphs.json' with { type: 'json' };
/** A score from 0 (easy to guess) to 4, and the key of a reason if there is one. */
export interface Estimate {
  score: 0 | 1 | 2 | 3 | 4;
  warning: string | null;
}

// The time of an estimate grows faster than the length.
const MAX_LENGTH = 64;

/**
 * Returns a function that estimates a password. `common`: passwords, the most common ones first. `own`: words that an attacker
 * would try first, such as the user's names.
 */
export function estimator(common: Iterable<string>): (password: string, own: string[]) => Estimate {
  const dictionary = { 'passwords-common': [...common] };
  const zxcvbn = new ZxcvbnFactory({ dictionary, graphs, maxLength: MAX_LENGTH });
  return (password, own) => {
    const { score, feedback } = zxcvbn.check(password, own);
    return { score, warning: feedback.warning };
  };
}
