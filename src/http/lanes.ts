import type { Origin } from '../form.ts';

/** Who goes first where the server is busy. It is this process's own: a restart forgets it. */
export interface Lanes {
  /**
   * Does the work of a request, and answers its result. Where a network has guessed wrong of late, it first waits until
   * few others of such networks are at work; it answers undefined where too many wait for that already.
   */
  run<Result>(origin: Origin, work: () => Promise<Result>): Promise<Result | undefined>;
  /** Notes that somebody there guessed wrong: a password or a code. */
  noteGuess(origin: Origin): void;
}

/** So many wrong guesses from one network within a minute are more than the typing errors of one person. */
const GUESSES = 5;
const PERIOD_MS = 30_000;
/** Networks that are remembered in a period; past them it ends early. */
const MOST_NETWORKS = 10_000;

/** So many requests of networks that guess are let in within a round: while others are at work, and while there are none. */
const BESIDE_OTHERS = 1;
const ALONE = 4;
/** Long enough that the server rests between rounds, and that a round's requests share one commit. */
const ROUND_MS = 10;
/** None waits longer: the store has four of the five seconds in which every request is answered. */
const LONGEST_WAIT_MS = 900;

/**
 * Two lanes: requests of networks that have guessed wrong of late stand back behind all others, so that people meet a
 * quiet server beside a flood of guesses. Of the slow lane at most `mostWaiting` requests wait.
 */
export function createLanes(nowMs: () => number, mostWaiting: number): Lanes {
  const guesses = recentCounts(nowMs);
  const waiting: { letIn: () => void; lateAtMs: number }[] = [];
  const atWork = { others: 0, guessing: 0 };
  const round = { endsAtMs: 0, letIn: 0 };
  let timer: NodeJS.Timeout | undefined;

  const letIn = () => {
    if (nowMs() >= round.endsAtMs) Object.assign(round, { endsAtMs: nowMs() + ROUND_MS, letIn: 0 });
    const most = atWork.others > 0 ? BESIDE_OTHERS : ALONE;
    const hasRoom = () => round.letIn < most && atWork.guessing < most;
    const isLate = () => (waiting[0]?.lateAtMs ?? Number.POSITIVE_INFINITY) <= nowMs();
    while (waiting.length > 0 && (hasRoom() || isLate())) {
      atWork.guessing += 1;
      round.letIn += 1;
      waiting.shift()?.letIn();
    }
    clearTimeout(timer);
    timer = waiting.length > 0 ? setTimeout(letIn, round.endsAtMs - nowMs()) : undefined;
  };

  const turn = () =>
    new Promise<void>((resolve) => {
      waiting.push({ letIn: resolve, lateAtMs: nowMs() + LONGEST_WAIT_MS });
      letIn();
    });

  async function work<Result>(lane: keyof typeof atWork, answer: () => Promise<Result>): Promise<Result> {
    try {
      return await answer();
    } finally {
      atWork[lane] -= 1;
    }
  }

  return {
    noteGuess: (origin) => guesses.add(placeOf(origin)),
    async run(origin, answer) {
      if (guesses.of(placeOf(origin)) < GUESSES) {
        atWork.others += 1;
        return work('others', answer);
      }
      if (waiting.length >= mostWaiting) return undefined;
      const isAlone = waiting.length + atWork.guessing + atWork.others === 0;
      if (isAlone) atWork.guessing += 1;
      else await turn();
      return work('guessing', answer);
    },
  };
}

/** One customer may have all of an IPv6 /48. */
const placeOf = ({ network, block }: Origin) => block ?? network;

/** Counts of the last period and of the one before it. */
function recentCounts(nowMs: () => number) {
  let current = new Map<string, number>();
  let before = new Map<string, number>();
  let endsAtMs = 0;
  const turn = () => {
    const late = nowMs() - endsAtMs;
    if (late < 0 && current.size < MOST_NETWORKS) return;
    before = late < PERIOD_MS ? current : new Map();
    current = new Map();
    endsAtMs = nowMs() + PERIOD_MS;
  };
  return {
    add(key: string) {
      turn();
      current.set(key, (current.get(key) ?? 0) + 1);
    },
    of(key: string) {
      turn();
      return (current.get(key) ?? 0) + (before.get(key) ?? 0);
    },
  };
}
