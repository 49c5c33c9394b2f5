import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import dotenv from 'dotenv';
import { pino } from 'pino';
import { createBackground } from './background.ts';
import { readConfig } from './config.ts';
import { createApp } from './http/app.ts';
import { closeServers, listen } from './http/listen.ts';
import { consoleSms } from './sms/console.ts';
import { ringCentralSms } from './sms/ringcentral.ts';
import { openSqliteStore } from './sqlite/store.ts';
import { sweep } from './sweep.ts';
import { listenFault, startLines } from './terminal.ts';

const SWEEP_EVERY_MS = 60_000;
/** How long a stop waits for requests and messages under way. A message gives up sooner by itself. */
const STOP_WITHIN_MS = 15_000;

async function main(): Promise<void> {
  dotenv.config({ quiet: true });
  const config = readConfig(process.env);
  // What this program writes is for its own user alone.
  process.umask(0o077);

  const log = pino({ base: null });
  const background = createBackground((error) => log.error({ reason: String(error) }, 'background fault'));
  const store = openSqliteStore(config.databasePath);
  const printer = consoleSms(console.log, Date.now);
  const isConsole = config.sms.sender === 'console';
  const app = createApp(
    {
      store,
      sms:
        config.sms.sender === 'ringcentral'
          ? ringCentralSms({ ...config.sms, log: (line) => log.info(line) })
          : printer,
      policy: config.policy,
      phones: config,
      site: { serviceName: config.serviceName, host: new URL(config.publicOrigin).hostname },
      appSecret: config.appSecret ?? randomBytes(32),
      nowMs: Date.now,
      randomBytes,
      later: background.later,
    },
    {
      ...config,
      root: fileURLToPath(new URL('..', import.meta.url)),
      log,
      ...(isConsole && { inbox: printer.messages }),
    },
  );

  const servers = await listen(app, config.host, config.port).catch((error) => {
    throw new Error(listenFault(error, config));
  });
  const sweeping = setInterval(() => background.later(() => sweep(store, Date.now())), SWEEP_EVERY_MS);
  console.log(startLines(config).join('\n'));

  const stop = async () => {
    clearInterval(sweeping);
    setTimeout(
      () => giveUp(new Error('Stopped before every request had its answer.')),
      STOP_WITHIN_MS,
    ).unref();
    await closeServers(servers);
    await background.idle();
    await store.close();
    console.log('Stopped.');
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().catch(giveUp));
}

function giveUp(error: Error): void {
  console.error(error.message);
  process.exit(1);
}

await main().catch(giveUp);
