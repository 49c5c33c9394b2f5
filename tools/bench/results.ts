import { type Spread, spreadOf } from '../statistics.ts';
import type { AttackSlice } from './attacks.ts';
import { CONTENDERS, type Contender, KNOWN_DEVICE, KNOWN_OF_TWO, PRODUCT } from './contenders.ts';
import type { FloodSlice } from './flood.ts';
import type { Slice } from './load.ts';

/** The figures of a run. */
export interface Results {
  /** The slices of all rounds by the server's name. */
  readonly slices: ReadonlyMap<string, readonly Slice[]>;
  readonly floods: readonly FloodSlice[];
  /** The slices of all rounds by the attack's name. */
  readonly attacks: ReadonlyMap<string, readonly AttackSlice[]>;
}

/** A figure with its target. The median of all rounds decides. */
export interface Target {
  readonly ratio: string;
  readonly target: string;
  readonly measured: Spread;
  readonly isMet: boolean;
}

/** Returns the spread of one figure over all rounds. */
export function over<Round>(rounds: readonly Round[] | undefined, figure: (round: Round) => number): Spread {
  return spreadOf((rounds ?? []).map(figure));
}

/** An honest user notices a longer wait (docs/decisions/0026-targets-that-a-user-would-notice.md). */
const MAX_P99_MS = 200;

/** Returns the figures of a run that have a target. A ratio is taken in each round. */
export function targetsOf({ slices, floods, attacks }: Results): Target[] {
  const perSecond = (round: number, isOne: (contender: Contender) => boolean) => {
    const figures = CONTENDERS.filter(isOne).map(({ name }) => slices.get(name)?.[round]?.perSecond);
    return Math.max(...figures.map((figure) => figure ?? Number.NaN));
  };
  const speedRatio = (isOne: (contender: Contender) => boolean, own = PRODUCT) =>
    spreadOf((slices.get(own.name) ?? []).map((slice, round) => slice.perSecond / perSecond(round, isOne)));
  return [
    atLeast(
      0.2,
      'sign-ins of the product / requests of naked Express',
      speedRatio(({ name }) => name === 'naked'),
    ),
    atLeast(
      0.3,
      'sign-ins of the product / requests of Express with the same middleware',
      speedRatio(({ name }) => name === 'middleware'),
    ),
    atLeast(
      100,
      'sign-ins of the product / of the fastest peer with a memory-hard hash',
      speedRatio(({ isMemoryHard }) => isMemoryHard),
    ),
    atLeast(
      0.95,
      'sign-ins on a known device: SECOND_FACTOR=unknown_device / never',
      speedRatio(({ name }) => name === KNOWN_DEVICE.name, KNOWN_OF_TWO),
    ),
    atMost(
      MAX_P99_MS,
      "an honest user's p99 beside the flood of guesses, ms",
      over(floods, ({ floodP99Ms }) => floodP99Ms),
    ),
    ...[...attacks].map(([name, rounds]) =>
      atMost(
        MAX_P99_MS,
        `the same beside ${name}, ms`,
        over(rounds, ({ besideP99Ms }) => besideP99Ms),
      ),
    ),
  ];
}

/** Returns a target that the median must reach. */
export function atLeast(bound: number, ratio: string, measured: Spread): Target {
  return { ratio, target: `at least ${bound}`, measured, isMet: measured.median >= bound };
}

/** Returns a target that the median must not exceed. */
export function atMost(bound: number, ratio: string, measured: Spread): Target {
  return { ratio, target: `at most ${bound}`, measured, isMet: measured.median <= bound };
}
