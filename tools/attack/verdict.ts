import { NotTried } from './not-tried.ts';
import type { Scene } from './scene.ts';

/** The outcome of an attack. `broken` means that the attack succeeded. */
export type Outcome = 'held' | 'broken' | 'not tried';

/** An outcome with its evidence, or with the reason why the attack was not tried. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly evidence: string;
}

/** The number of a known attack, or `S1` and so on for an attack on what the server holds. */
export type AttackNumber = number | `S${number}`;

/** One of the attacks. `attempt` carries it out. */
export interface Attack {
  readonly number: AttackNumber;
  readonly name: string;
  /** True if the attack itself meets limits, so `slow_down` does not mean that earlier attacks used them up. */
  readonly meetsLimits?: true;
  readonly attempt: (scene: Scene) => Promise<Verdict>;
}

/** Returns the verdict `held` or `broken`. */
export function judge(isHeld: boolean, evidence: string): Verdict {
  return { outcome: isHeld ? 'held' : 'broken', evidence };
}

/** Returns an attack that can't be tried over the network, with the reason. */
export function needsTheInside(reason: string): Attack['attempt'] {
  return async () => {
    throw new NotTried(reason);
  };
}
