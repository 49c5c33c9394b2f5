import { type Spread, spreadOf } from '../statistics.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import type { FloodSlice } from './flood.ts';
import type { Slice } from './load.ts';

/** All rounds of a run: for each server's name what it did in each round. */
export interface Results {
  readonly slices: ReadonlyMap<string, readonly Slice[]>;
  readonly floods: ReadonlyMap<string, readonly FloodSlice[]>;
}

/** A ratio that the product is held to, round by round. */
export interface Target {
  readonly ratio: string;
  readonly bound: string;
  readonly measured: Spread;
  readonly isHeld: boolean;
}

/** One measure of a server over all rounds. */
export function over<Round>(rounds: readonly Round[] | undefined, measure: (round: Round) => number): Spread {
  return spreadOf((rounds ?? []).map(measure));
}

/** The ratios that matter, each from the servers' slices of one round, and whether its median holds. */
export function targetsOf({ slices, floods }: Results): Target[] {
  const names = (isOne: (contender: Contender) => boolean) =>
    CONTENDERS.filter(isOne).map(({ name }) => name);
  const perSecond = (round: number, of: readonly string[]) =>
    Math.max(...of.map((name) => slices.get(name)?.[round]?.perSecond ?? Number.NaN));
  const floodP99Ms = (round: number, of: readonly string[]) =>
    Math.min(...of.map((name) => floods.get(name)?.[round]?.floodP99Ms ?? Number.NaN));
  const memoryHard = names(({ isMemoryHard }) => isMemoryHard);
  const peers = names(({ kind }) => kind === 'peer');

  const ratios = <Round>(
    rounds: readonly Round[] | undefined,
    ratio: (own: Round, round: number) => number,
  ) => spreadOf((rounds ?? []).map(ratio));
  const own = slices.get('product');
  const ownFloods = floods.get('product');
  return [
    atLeast(
      0.32,
      'sign-ins of the product / requests of naked Express',
      ratios(own, (slice, round) => slice.perSecond / perSecond(round, ['naked'])),
    ),
    atLeast(
      0.45,
      'sign-ins of the product / requests of Express with its middleware',
      ratios(own, (slice, round) => slice.perSecond / perSecond(round, ['middleware'])),
    ),
    atLeast(
      25,
      'sign-ins of the product / of the fastest peer with a memory-hard hash',
      ratios(own, (slice, round) => slice.perSecond / perSecond(round, memoryHard)),
    ),
    atMost(
      3,
      "honest user's p99 with the product: under the flood / on the quiet server",
      ratios(ownFloods, (flood) => flood.floodP99Ms / flood.quietP99Ms),
    ),
    atLeast(
      20,
      "honest user's p99 under the flood: with the best peer / with the product",
      ratios(ownFloods, (flood, round) => floodP99Ms(round, peers) / flood.floodP99Ms),
    ),
  ];
}

function atLeast(bound: number, ratio: string, measured: Spread): Target {
  return { ratio, bound: `at least ${bound}`, measured, isHeld: measured.median >= bound };
}

function atMost(bound: number, ratio: string, measured: Spread): Target {
  return { ratio, bound: `at most ${bound}`, measured, isHeld: measured.median <= bound };
}
