import type { Origin } from '../form.ts';

/** Who goes first where the server is busy. It is this process's own: a restart forgets it. */
export interface Lanes {
  /**
   * Does the work of a request, about an account where it names one, and answers its result. Where the network has guessed
   * wrong of late, it first waits until few others of such networks are at work; it answers undefined where too many wait
   * for that already.
   */
  run<Result>(
    origin: Origin,
    email: string | undefined,
    work: () => Promise<Result>,
  ): Promise<Result | undefined>;
  /** Notes that somebody there guessed wrong at the account: a password or a code. */
  noteGuess(origin: Origin, email: string | undefined): void;
}

/** So many wrong guesses from one network within a minute are more than the typing errors of one person. */
const GUESSES = 5;
const PERIOD_MS = 30_000;
/** Networks, and accounts, that are remembered in a period; past them it ends early. */
const MOST_REMEMBERED = 10_000;

/** So many requests of networks that guess are at work at once: while others are too, and while none is. */
const BESIDE_OTHERS = 1;
const ALONE = 2;
/** None waits longer: the store has four of the five seconds in which every request is answered. */
const LONGEST_WAIT_MS = 900;

interface Waiting {
  readonly letIn: () => void;
  readonly lateAtMs: number;
}

/**
 * Two lanes: requests of networks that have guessed wrong of late stand back behind all others, so that people meet a
 * quiet server beside a flood of guesses. Among them, those about accounts that nobody has guessed at of late go first: who
 * shares a network with a guesser is not one. At most `mostWaiting` requests wait.
 */
export function createLanes(nowMs: () => number, mostWaiting: number): Lanes {
  const ofNetworks = recentCounts(nowMs);
  const ofAccounts = recentCounts(nowMs);
  const untried: Waiting[] = [];
  const guessedAt: Waiting[] = [];
  const atWork = { others: 0, guessing: 0 };
  let timer: NodeJS.Timeout | undefined;

  const lateAtMs = (line: Waiting[]) => line[0]?.lateAtMs ?? Number.POSITIVE_INFINITY;
  const isLate = (line: Waiting[]) => lateAtMs(line) <= nowMs();
  const waitingCount = () => untried.length + guessedAt.length;

  const letIn = () => {
    const most = atWork.others > 0 ? BESIDE_OTHERS : ALONE;
    while (waitingCount() > 0) {
      const late = [guessedAt, untried].find(isLate);
      if (late === undefined && atWork.guessing >= most) break;
      const line = late ?? (untried.length > 0 ? untried : guessedAt);
      atWork.guessing += 1;
      line.shift()?.letIn();
    }
    clearTimeout(timer);
    const nextMs = Math.min(lateAtMs(untried), lateAtMs(guessedAt));
    timer = waitingCount() > 0 ? setTimeout(letIn, nextMs - nowMs()) : undefined;
  };

  const turn = (line: Waiting[]) =>
    new Promise<void>((resolve) => {
      line.push({ letIn: resolve, lateAtMs: nowMs() + LONGEST_WAIT_MS });
      letIn();
    });

  async function work<Result>(lane: keyof typeof atWork, answer: () => Promise<Result>): Promise<Result> {
    try {
      return await answer();
    } finally {
      atWork[lane] -= 1;
      letIn();
    }
  }

  return {
    noteGuess(origin, email) {
      ofNetworks.add(placeOf(origin));
      if (email !== undefined) ofAccounts.add(email);
    },
    async run(origin, email, answer) {
      if (ofNetworks.of(placeOf(origin)) < GUESSES) {
        atWork.others += 1;
        return work('others', answer);
      }
      if (waitingCount() >= mostWaiting) return undefined;
      await turn(email !== undefined && ofAccounts.of(email) > 0 ? guessedAt : untried);
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
    if (late < 0 && current.size < MOST_REMEMBERED) return;
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
