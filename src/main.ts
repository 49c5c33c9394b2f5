import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Config, type DatabaseConfig, readConfig } from './config.ts';
import { createApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import { throttledAlerts } from './runtime/alerts.ts';
import { createBackground } from './runtime/background-tasks.ts';
import { cleanUp } from './runtime/cleanup.ts';
import { assertComplete, loadEnvironment, ROOT } from './runtime/environment.ts';
import { createLog, type Tell } from './runtime/log.ts';
import { listenFault, startupMessages } from './runtime/startup-messages.ts';
import { watchDeliveries } from './runtime/watch-deliveries.ts';
import { assertSecret, notesOnSecret } from './shared/app-secret.ts';
import { sharedPace } from './shared/pace.ts';
import { sharedAccess } from './shared/ringcentral-access.ts';
import { consoleSms } from './sms/console.ts';
import { randomDelaySms } from './sms/random-delay.ts';
import { outageFix, warnAboutRingCentral } from './sms/ringcentral/checks.ts';
import { ringCentralClient } from './sms/ringcentral/client.ts';
import { ringCentralSms } from './sms/ringcentral/sender.ts';
import { createSmsPort, type PacedSms } from './sms/sms-port.ts';
import type { Inbox } from './sms.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

const CLEAN_UP_EVERY_MS = 60_000;
/** Rows of each table that one transaction deletes. With SQLite it holds the event loop for a few milliseconds. */
const ROWS_A_TURN = { sqlite: 10, postgres: 200 };
/** A stop waits this long for requests and messages under way. A message gives up sooner by itself. */
const STOP_WITHIN_MS = 15_000;

async function main(): Promise<void> {
  const source = loadEnvironment(process.env, process.cwd());
  const config = readConfig(process.env, source);
  assertComplete();
  // Only the program's own user may read its files.
  process.umask(0o077);

  const { log, tell, print, end: endLog } = createLog();
  const background = createBackground((error) => tell({ event: 'background_fault', reason: String(error) }));
  const { database } = config;
  const isNewDatabase = database.kind === 'sqlite' && !existsSync(database.path);
  const store = await openStore(database);
  if (database.kind === 'postgres' && config.appSecrets) await assertSecret(store, config.appSecrets);
  const secretNotes = database.kind === 'sqlite' ? await notesOnSecret(store, config.appSecrets) : [];
  const { sms, availability, close, inbox, check } = senderFor(config, store, tell, print);
  const alert = throttledAlerts(tell, () => performance.now());
  const metrics = config.metrics && (await startMetrics(config, config.metrics));
  metrics?.watchStore(store);
  const watch = watchDeliveries(alert);
  const stopping = new AbortController();
  const app = createApp(
    {
      store,
      sms: metrics?.watchSms(sms, availability) ?? sms,
      availability,
      policy: config.policy,
      phones: config,
      site: { serviceName: config.serviceName, host: new URL(config.publicOrigin).hostname },
      appSecrets: config.appSecrets ?? [randomBytes(32)],
      nowMs: Date.now,
      randomBytes,
      afterResponse: background.afterResponse,
      detached: background.detached,
      log: (line) => {
        tell(line);
        watch(line);
        metrics?.onMessage(line);
      },
      alert,
      ...(metrics && { onLock: metrics.onLock }),
    },
    {
      ...config,
      root: ROOT,
      log,
      stopping: stopping.signal,
      ...(inbox && { inbox }),
      ...(metrics && { onOutcome: metrics.onOutcome, onRequest: metrics.onRequest }),
    },
  );

  const listener = await listen(app, config).catch((error) => {
    throw new Error(listenFault(error, config));
  });
  background.afterResponse(() => cleanUpRegularly(store, ROWS_A_TURN[database.kind], tell, stopping.signal));
  const notes = [...source.notes, ...secretNotes];
  print(startupMessages(config, { ...source, notes, isNewDatabase }).join('\n'));
  void check?.();

  const stop = async () => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    void setTimeout(STOP_WITHIN_MS, undefined, { ref: false }).then(() => {
      print('Shutdown timed out. Some requests were not answered.');
      return exit(1);
    });
    await listener.close();
    close();
    await background.idle();
    await store.close();
    print('Stopped.');
    await exit(0);
  };
  const exit = async (code: number) => {
    // A reader that has stalled blocks a thread of Node's, and every orderly exit with it.
    if (!(await endLog())) process.kill(process.pid, 'SIGKILL');
    process.exit(code);
  };
  const giveUpStop = (error: Error) => {
    print(error.message);
    return exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => void stop().catch(giveUpStop));
}

/** PostgreSQL's driver is loaded only if it is used. */
async function openStore(database: DatabaseConfig): Promise<Store> {
  if (database.kind === 'sqlite') return openSqliteStore(database.path, { tell: console.warn });
  const { openPostgresStore } = await import('./postgres/store.ts').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('PostgreSQL (DATABASE_URL) needs a package that is not installed: npm install pg');
  });
  return openPostgresStore(database.url);
}

/** The metrics' library is loaded only if it is used. Their listener ends with the process. */
async function startMetrics(config: Config, address: { host: string; port: number }) {
  const { createMetrics, serveMetrics } = await import('./runtime/metrics.ts');
  const metrics = createMetrics(config);
  await serveMetrics(metrics, address);
  return metrics;
}

/** The port to the sender, the inbox of the console sender, and the check at the start. */
type Sender = PacedSms & {
  inbox?: Inbox;
  check?: () => Promise<void>;
};

function senderFor(
  { sms: config, smsCountries, appSecrets }: Config,
  store: Store,
  tell: Tell,
  print: (text: string) => void,
): Sender {
  if (config.sender === 'console') {
    const printer = consoleSms(print, Date.now);
    return {
      sms: printer,
      availability: () => ({ kind: 'clear' }),
      close: () => undefined,
      inbox: printer,
    };
  }
  const access = sharedAccess(store, config, appSecrets);
  const options = { ...config, smsCountries, log: tell, sharedAccess: access };
  const client = ringCentralClient(options);
  const sender = randomDelaySms(ringCentralSms(options, client));
  return {
    ...createSmsPort(sender, {
      perMinute: config.messagesPerMinute,
      sharedPace: sharedPace(store, config.messagesPerMinute),
      log: (line) =>
        tell(
          line.event === 'sms_outage_ended' ? line : { ...line, fix: outageFix(line.reason, line.provider) },
        ),
    }),
    check: () =>
      warnAboutRingCentral(client, options, (fault) => tell({ event: 'ringcentral_check_failed', ...fault })),
  };
}

/** Deletes expired rows once a minute until the signal aborts. */
async function cleanUpRegularly(
  store: Store,
  rowsATurn: number,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await cleanUp(store, Date.now(), signal, rowsATurn).catch((error) =>
      tell({ event: 'cleanup_failed', reason: String(error) }),
    );
    await setTimeout(CLEAN_UP_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function giveUp(error: Error): void {
  console.error(error.message);
  process.exit(1);
}

await main().catch(giveUp);
