import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import type { Answer, Call } from '../thread.ts';
import { type CheckOptions, warnAboutRingCentral } from './checks.ts';
import { ringCentralClient } from './client.ts';
import { ringCentralSms } from './sender.ts';

/** How many of the last messages tell how long the next one that must not leave takes. */
const KEPT_TIMES = 20;
/** A message waits for a time between these before it leaves, so that whoever asked next has had the answer by then. */
const HEAD_START_MS = [50, 400] as const;

/** The thread that sends: it answers every call, and logs what became of each message by itself. */
const options = workerData as CheckOptions;
const log = pino({ base: null });
const client = ringCentralClient(options);
const sender = ringCentralSms({ ...options, log: (line) => log.info(line) }, client);
const timesMs: number[] = [];

function headStart(): Promise<void> {
  const [least, most] = HEAD_START_MS;
  return sleep(least + Math.random() * (most - least));
}

async function send(to: string, text: string) {
  await headStart();
  const startMs = performance.now();
  const outcome = await sender.send(to, text);
  timesMs.push(performance.now() - startMs);
  if (timesMs.length > KEPT_TIMES) timesMs.shift();
  return outcome;
}

/** Takes as long as one of the last messages that left, so that the end of the waiting tells nothing. */
async function sendDecoy() {
  await headStart();
  await sleep(timesMs[Math.floor(Math.random() * timesMs.length)] ?? 300);
  return { kind: 'sent' as const, messageId: '' };
}

async function check(): Promise<string | undefined> {
  let found: string | undefined;
  await warnAboutRingCentral(client, options, (line) => {
    found = line;
  });
  return found;
}

function answerTo(call: Call): Promise<Answer['answer']> {
  switch (call.ask) {
    case 'send':
      return send(call.to, call.text);
    case 'sendDecoy':
      return sendDecoy();
    case 'trackDelivery':
      return sender.trackDelivery(call.messageId);
    case 'check':
      return check();
    case 'isReady':
      return sender.isReady();
  }
}

parentPort?.on('message', async (call: Call) => {
  const answer: Answer = { id: call.id, answer: await answerTo(call) };
  parentPort?.postMessage(answer);
});
