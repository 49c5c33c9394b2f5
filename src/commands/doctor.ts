import { parseArgs } from 'node:util';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { readPhone } from '../phone.ts';
import { loadEnvironment } from '../runtime/environment.ts';
import { type CheckResult, ok, unknown, wrong } from '../sms/ringcentral/check-result.ts';
import { checkRingCentral } from '../sms/ringcentral/checks.ts';

const USAGE = 'npm run doctor, or to send one real message: npm run doctor -- --send +12025550123';
const MARKS = { ok: 'ok   ', wrong: 'WRONG', unknown: '?    ' };

/** Checks the connection to RingCentral and prints how to fix each fault. Exits with 1 after a fault, otherwise with 0. */
async function main(): Promise<void> {
  // Keeps the process alive while it waits for a message to be delivered.
  const keepAlive = setInterval(() => undefined, 60_000);
  for await (const finding of examine()) print(finding);
  clearInterval(keepAlive);
}

async function* examine(): AsyncGenerator<CheckResult, void> {
  const args = readArguments();
  if (args === undefined) {
    yield wrong('Arguments', 'They are not valid.', USAGE);
    return;
  }
  const config = readVariables();
  if (typeof config === 'string') {
    yield wrong('Variables', config, 'Set them in .env, as docs/ringcentral.md explains.');
    return;
  }
  const to = args.send === undefined ? undefined : readPhone(args.send, config);
  if (to !== undefined && 'fault' in to) {
    yield wrong('Arguments', 'The number is not a mobile number of a country in SMS_COUNTRIES.', USAGE);
    return;
  }
  yield* findings(config, to?.e164);
}

function readArguments(): { send?: string | undefined } | undefined {
  try {
    return parseArgs({ options: { send: { type: 'string' } } }).values;
  } catch {
    return undefined;
  }
}

/** Returns the configuration, or a text that names its faults. Reads RingCentral's part even if the sender is the console. */
function readVariables(): Config | string {
  try {
    const source = loadEnvironment(process.env, process.cwd());
    return readConfig({ ...process.env, SMS_SENDER: 'ringcentral' }, source);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

async function* findings(
  { sms, smsCountries, serviceName }: Config,
  to?: string,
): AsyncGenerator<CheckResult> {
  if (sms.sender !== 'ringcentral') return;
  const from = `the number ending in ${sms.fromNumber.slice(-4)}, by the ${sms.api} API`;
  yield ok('Variables', `They are all set. Messages are sent from ${from}.`);
  if (process.env.SMS_SENDER === 'console') {
    yield unknown('Sender', 'SMS_SENDER=console: the app prints its messages and sends none.');
  }
  const message = to && { to, text: `${serviceName}: this is a test message from its operator.` };
  yield* checkRingCentral({ ...sms, smsCountries }, message || undefined);
}

function print({ step, status, message, fix }: CheckResult): void {
  console.log(`${MARKS[status]} ${step.padEnd(10)} ${message}`);
  if (fix !== undefined) console.log(`${' '.repeat(17)}-> ${fix}`);
  if (status === 'wrong') process.exitCode = 1;
}

await main();
