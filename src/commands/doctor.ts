import dotenv from 'dotenv';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { toE164 } from '../phone.ts';
import { checkRingCentral, type Finding } from '../sms/ringcentral.ts';

const USAGE = 'npm run doctor, or with one real message: npm run doctor -- --send +12025550123';
const MARKS = { right: 'ok   ', wrong: 'WRONG', unsaid: '?    ' };

/** Checks the way to RingCentral step by step and prints what to do. The process ends with 0 where nothing is wrong, else with 1. */
async function main(args: readonly string[]): Promise<void> {
  dotenv.config({ quiet: true });
  // While a message is followed, nothing else holds the process.
  const hold = setInterval(() => undefined, 60_000);
  for await (const finding of examine(args)) print(finding);
  clearInterval(hold);
}

async function* examine([flag, typed, ...rest]: readonly string[]): AsyncGenerator<Finding, void> {
  if (flag !== undefined && (flag !== '--send' || typed === undefined || rest.length > 0)) {
    yield wrong('Arguments', 'They are not understood.', USAGE);
    return;
  }
  const config = readVariables();
  if (typeof config === 'string') {
    yield wrong(
      'Variables',
      config,
      'Set them in .env: README.md, "Connect RingCentral", tells where they come from.',
    );
    return;
  }
  const to = typed === undefined ? undefined : toE164(typed, config);
  if (typed !== undefined && to === undefined) {
    yield wrong('Arguments', 'That is no mobile number of a country in SMS_COUNTRIES.', USAGE);
    return;
  }
  yield* checksOf(config, to);
}

/** The configuration, or what is wrong with it. RingCentral's part is read even while messages go to the console. */
function readVariables(): Config | string {
  try {
    return readConfig({ ...process.env, SMS_SENDER: 'ringcentral' });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

async function* checksOf(
  { sms, smsCountries, serviceName }: Config,
  to?: string,
): AsyncGenerator<Finding, void> {
  if (sms.sender !== 'ringcentral') return;
  const from = `the number ending in ${sms.fromNumber.slice(-4)}, by the ${sms.api} API`;
  yield { step: 'Variables', is: 'right', says: `They are all set. Messages go from ${from}.` };
  if (process.env.SMS_SENDER === 'console') {
    yield {
      step: 'Sender',
      is: 'unsaid',
      says: 'SMS_SENDER=console: the app prints its messages in place of sending them.',
    };
  }
  const message = to && { to, text: `${serviceName}: this is a test message from its operator.` };
  yield* checkRingCentral({ ...sms, smsCountries }, message || undefined);
}

function wrong(step: string, says: string, todo: string): Finding {
  return { step, is: 'wrong', says, todo };
}

function print({ step, is, says, todo }: Finding): void {
  console.log(`${MARKS[is]} ${step.padEnd(10)} ${says}`);
  if (todo !== undefined) console.log(`${' '.repeat(17)}-> ${todo}`);
  if (is === 'wrong') process.exitCode = 1;
}

await main(process.argv.slice(2));
