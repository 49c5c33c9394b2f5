import { codeAttacks } from './codes.ts';
import { formAttacks } from './forms.ts';
import { openInbox } from './inbox.ts';
import { messageAttacks } from './messages.ts';
import { passwordAttacks } from './passwords.ts';
import { scenes } from './scene.ts';
import { silenceAttacks } from './silence.ts';
import type { Target } from './target.ts';
import { type Attack, NotTried, type Verdict } from './verdict.ts';

/** What came of one attack, as a row of the table. */
export interface Row extends Verdict {
  readonly number: number;
  readonly attack: string;
}

/** The forty attacks, by number. */
export const ATTACKS: readonly Attack[] = [
  ...messageAttacks,
  ...codeAttacks,
  ...passwordAttacks,
  ...silenceAttacks,
  ...formAttacks,
].sort((left, right) => left.number - right.number);

// These use up what all others need: the requests of an address, then what slows down codes for everybody, then the
// messages of the hour.
const LAST = [33, 30, 2, 16, 9, 6, 10, 3, 1];

/** Carries out the attacks of those numbers against the target, one after the other; answers a row for each, by number. */
export async function attack(
  target: Target,
  numbers: readonly number[] = ATTACKS.map(({ number }) => number),
): Promise<Row[]> {
  const inbox = openInbox(target);
  if (target.hasInbox) await inbox.read();
  const newScene = scenes(target, inbox);
  const chosen = ATTACKS.filter(({ number }) => numbers.includes(number));
  const inOrder = [...chosen].sort((left, right) => LAST.indexOf(left.number) - LAST.indexOf(right.number));
  const rows: Row[] = [];
  for (const { number, name, meetsLimits, attempt } of inOrder) {
    let faults = 0;
    let isSlowedDown = false;
    const scene = newScene(({ status }) => {
      if (status === 500) faults += 1;
      if (status === 429) isSlowedDown = true;
    });
    const verdict = await attempt(scene).catch(whyNot);
    scene.close();
    rows.push({ number, attack: name, ...inTheEnd(verdict, faults, isSlowedDown && !meetsLimits) });
  }
  return rows.sort((left, right) => left.number - right.number);
}

/** The verdict, in the light of all answers: a fault breaks, and what limits kept from being tried is not broken. */
function inTheEnd(verdict: Verdict, faults: number, isHindered: boolean): Verdict {
  if (faults > 0) return { outcome: 'broken', evidence: `${faults} requests were answered 500` };
  if (verdict.outcome === 'broken' && isHindered)
    return { outcome: 'not tried', evidence: "requests were slowed down: this hour's limits are used up" };
  return verdict;
}

/** An attack that stopped half way: for a reason of its own, or since the target no longer answers. */
function whyNot(error: Error): Verdict {
  if (error instanceof NotTried) return { outcome: 'not tried', evidence: error.message };
  return { outcome: 'broken', evidence: `the target stopped answering: ${error.message}` };
}
