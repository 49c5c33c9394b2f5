import type { Scene } from './scene.ts';

/** What came of an attack: the installation held, it broke, or the attack could not be tried from outside. */
export type Outcome = 'held' | 'broken' | 'not tried';

/** An outcome with the figures that show it, or the reason why there are none. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly evidence: string;
}

/** One of the forty attacks; `attempt` carries it out against the target of the scene. */
export interface Attack {
  readonly number: number;
  readonly name: string;
  /** Whether the attack itself runs into limits, so that `slow_down` is no sign of limits used up before. */
  readonly meetsLimits?: true;
  readonly attempt: (scene: Scene) => Promise<Verdict>;
}

/** Thrown where an attack can't go on, so that it says nothing about the installation. */
export class NotTried extends Error {
  override readonly name = 'NotTried';
}

/** `held` or `broken`, by whether the installation did as it must. */
export function judge(isHeld: boolean, evidence: string): Verdict {
  return { outcome: isHeld ? 'held' : 'broken', evidence };
}

/** An attack that nobody can try from outside, and why. */
export function fromInsideAlone(reason: string): Attack['attempt'] {
  return async () => {
    throw new NotTried(reason);
  };
}
