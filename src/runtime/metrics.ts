import { createServer, type Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Deps } from '../engine/deps.ts';
import type { SmsAvailability, SmsPort } from '../sms.ts';
import type { Store } from '../store.ts';

/** Seconds, from a commit on a fast disk to the patience of the store. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Connections to the listener. One Prometheus needs one. */
const MAX_CONNECTIONS = 20;
const METHODS = ['GET', 'HEAD', 'POST'];

/** A request that has ended. There is no `status` if no answer was begun. */
export interface EndedRequest {
  readonly method: string;
  /** A route's own path, or `unknown`. */
  readonly path: string;
  readonly status?: number;
  readonly ms: number;
}

/** The fields of an outcome that metrics read. */
type CountedOutcome = {
  readonly kind: string;
  readonly flow?: string;
  readonly issued?: { session?: string };
};

export type Metrics = ReturnType<typeof createMetrics>;

/** Creates the metrics. No label has a value that a client can choose, so their number is bounded. */
export function createMetrics({ smsCountries }: { readonly smsCountries: readonly string[] }) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    ...requestMetrics(registry),
    ...engineMetrics(registry, smsCountries),
    ...storeMetrics(registry),
    ...smsMetrics(registry),
  };
}

function requestMetrics(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests by method, route and status. Without an answer, the status is the word none.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'http_request_seconds',
    help: 'Time until the end of the answer, by route.',
    labelNames: ['route'],
    buckets: SECONDS,
    registers,
  });
  return {
    onRequest({ method, path: route, status = 0, ms }: EndedRequest): void {
      requests.inc({ method: METHODS.includes(method) ? method : 'other', route, status: status || 'none' });
      seconds.observe({ route }, ms / 1000);
    },
  };
}

function engineMetrics(registry: Registry, smsCountries: readonly string[]) {
  const registers = [registry];
  const signIns = new Counter({
    name: 'sign_ins_total',
    help: 'Sign-ins by outcome. One that needs a code counts as code_required, and as ok after the code.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['ok', 'wrong', 'locked', 'code_required', 'bad_seed']) signIns.inc({ outcome }, 0);
  const locks = new Counter({
    name: 'locks_total',
    help: 'Locks, also of addresses without an account.',
    registers,
  });
  const codes = new Counter({
    name: 'codes_total',
    help: 'Codes that were asked for or tried, by purpose and outcome.',
    labelNames: ['purpose', 'outcome'],
    registers,
  });
  const messages = new Counter({
    name: 'messages_total',
    help: 'SMS by outcome, reason and country.',
    labelNames: ['outcome', 'reason', 'country'],
    registers,
  });
  return {
    onOutcome(path: string, outcome: CountedOutcome): void {
      if (path === 'login' || isSignInByCode(path, outcome)) signIns.inc({ outcome: outcome.kind });
      const code = codeOf(path, outcome);
      if (code !== undefined) codes.inc(code);
    },
    onLock: () => locks.inc(),
    onMessage({ event, reason, country }: Parameters<Deps['log']>[0]): void {
      messages.inc({
        outcome: event === 'delivery_unknown' ? event : event.replace(/^(sms|delivery)_/, ''),
        reason: reason ?? '',
        country: country !== undefined && smsCountries.includes(country) ? country : 'other',
      });
    },
  };
}

function isSignInByCode(path: string, { issued }: CountedOutcome): boolean {
  return path === 'verifypasscode' && issued?.session !== undefined;
}

const CODE_OUTCOMES: Record<string, string> = {
  ok: 'right',
  code_sent: 'asked',
  wrong_code: 'wrong',
  expired_code: 'expired',
  slow_down: 'slow_down',
};
/** A wrong code does not tell its purpose, so unlocking and signing in share one. */
const CODE_PURPOSES: Record<string, string> = {
  verifypasscode: 'unlock_or_signin',
  resetpwd: 'reset',
  resendcode: 'resend',
  changephone: 'phone',
};

/** Returns the labels of a code that an outcome is about. */
function codeOf(
  path: string,
  { kind, flow }: CountedOutcome,
): { purpose: string; outcome: string } | undefined {
  if (kind === 'locked' && flow !== undefined) return { purpose: 'unlock', outcome: 'asked' };
  if (kind === 'code_required' && flow !== undefined) return { purpose: 'signin', outcome: 'asked' };
  const [purpose, outcome] = [CODE_PURPOSES[path], CODE_OUTCOMES[kind]];
  return purpose === undefined || outcome === undefined ? undefined : { purpose, outcome };
}

function storeMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'store_work_seconds',
    help: 'Time from the request of a transaction until it is on disk or refused.',
    buckets: SECONDS,
    registers: [registry],
  });
  const failures = new Counter({
    name: 'store_failures_total',
    help: 'Transactions that were refused or failed.',
    registers: [registry],
  });
  const waiting = new Gauge({
    name: 'store_works_waiting',
    help: 'Transactions that wait or run.',
    registers: [registry],
  });
  return {
    /** Measures the transactions of a store from now on. */
    watchStore(store: Store): void {
      const transact = store.transact.bind(store);
      store.transact = async (work, options) => {
        const startMs = performance.now();
        waiting.inc();
        try {
          return await transact(work, options);
        } catch (error) {
          failures.inc();
          throw error;
        } finally {
          waiting.dec();
          seconds.observe((performance.now() - startMs) / 1000);
        }
      };
    },
  };
}

function smsMetrics(registry: Registry) {
  const startsMs = new Set<{ readonly ms: number }>();
  let isFailing = () => false;
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(
    'messages_waiting',
    'SMS that wait for their turn or for an answer, with decoys.',
    () => startsMs.size,
  );
  gauge('messages_waiting_oldest_seconds', 'The age of the oldest of them.', () => {
    const [oldest] = startsMs;
    return oldest === undefined ? 0 : (performance.now() - oldest.ms) / 1000;
  });
  gauge('messages_failing', '1 while the circuit breaker is open, else 0.', () => Number(isFailing()));

  async function timed<Result>(send: Promise<Result>): Promise<Result> {
    const start = { ms: performance.now() };
    startsMs.add(start);
    return send.finally(() => startsMs.delete(start));
  }
  return {
    /** Returns the port with its waiting messages counted. */
    watchSms(sms: SmsPort, availability: (trust: 'stranger') => SmsAvailability): SmsPort {
      isFailing = () => availability('stranger').kind === 'failing';
      const { sendDecoy } = sms;
      return {
        ...sms,
        send: (...message) => timed(sms.send(...message)),
        ...(sendDecoy && { sendDecoy: (...message) => timed(sendDecoy(...message)) }),
      };
    },
  };
}

/** Serves the metrics at `/metrics`. Throws an Error with a sentence for the operator if it can't listen. */
export async function serveMetrics(
  metrics: Pick<Metrics, 'text' | 'contentType'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createServer(async ({ method, url }, response) => {
    const isKnown = (method === 'GET' || method === 'HEAD') && url?.split('?')[0] === '/metrics';
    const text = isKnown ? await metrics.text() : 'The metrics are at /metrics.\n';
    response.writeHead(isKnown ? 200 : 404, {
      'Content-Type': isKnown ? metrics.contentType : 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
    });
    response.end(text);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new Error(`The metrics can't listen on ${host}, port ${port} (METRICS_HOST, METRICS_PORT): ${code}.`),
      ),
    );
    server.listen(port, host, () => resolve(server));
  });
}
