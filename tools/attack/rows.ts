import { accountAttacks } from './account.ts';
import { codeAttacks } from './codes.ts';
import { connectionAttacks } from './connections.ts';
import { formAttacks } from './forms.ts';
import { openInbox } from './inbox.ts';
import { messageAttacks } from './messages.ts';
import { NotTried } from './not-tried.ts';
import { passwordAttacks } from './passwords.ts';
import { scenes } from './scene.ts';
import { silenceAttacks } from './silence.ts';
import type { Target } from './target.ts';
import type { Attack, AttackNumber, Verdict } from './verdict.ts';

/** The result of one attack, as a row of the table. */
export interface Row extends Verdict {
  readonly number: AttackNumber;
  readonly attack: string;
}

/** The known attacks by number, then the attacks on what the server holds. */
export const ATTACKS: readonly Attack[] = [
  ...messageAttacks,
  ...codeAttacks,
  ...passwordAttacks,
  ...silenceAttacks,
  ...formAttacks,
  ...accountAttacks,
  ...connectionAttacks,
].sort(byNumber);

// These come last, because they use up the limits that all other attacks need.
const LAST: readonly AttackNumber[] = ['S6', 'S5', 33, 30, 2, 16, 9, 6, 10, 3, 1];

/** Carries out the attacks with these numbers, one after the other. Returns a row for each, by number. */
export async function attack(
  target: Target,
  numbers: readonly AttackNumber[] = ATTACKS.map(({ number }) => number),
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
  return rows.sort(byNumber);
}

function byNumber(left: { number: AttackNumber }, right: { number: AttackNumber }): number {
  const place = ({ number }: { number: AttackNumber }) =>
    typeof number === 'number' ? number : 1000 + Number(number.slice(1));
  return place(left) - place(right);
}

/** Returns the final verdict. An HTTP 500 means broken. An attack that limits stopped counts as not tried. */
function inTheEnd(verdict: Verdict, faults: number, isHindered: boolean): Verdict {
  if (faults > 0) return { outcome: 'broken', evidence: `${faults} requests were answered 500` };
  if (verdict.outcome === 'broken' && isHindered)
    return { outcome: 'not tried', evidence: "requests were slowed down: this hour's limits are used up" };
  return verdict;
}

/** Returns the verdict of an attack that stopped half way. */
function whyNot(error: Error): Verdict {
  if (error instanceof NotTried) return { outcome: 'not tried', evidence: error.message };
  return { outcome: 'broken', evidence: `the target stopped answering: ${error.message}` };
}
