import { spawn } from 'node:child_process';
import { consoleSms } from '../src/sms/console.ts';
import { account, RingCentralStandIn } from '../test/support/ringcentral-standin.ts';

/** Runs the built app against a stand-in for RingCentral. Prints each message, and exits when the app exits. */
const ringCentral = await RingCentralStandIn.start();
const phone = consoleSms(console.log, Date.now);
ringCentral.onMessage = ({ to, text }) => void phone.send(to, text);

const app = spawn(process.execPath, ['--enable-source-maps', 'dist/main.js'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    SMS_SENDER: 'ringcentral',
    RC_SERVER_URL: ringCentral.url,
    RC_APP_CLIENT_ID: account.clientId,
    RC_APP_CLIENT_SECRET: account.clientSecret,
    RC_USER_JWT: account.jwt,
    RC_FROM_NUMBER: account.fromNumber,
  },
});

// Ctrl-C reaches both processes, and a second signal would end the app before it has stopped.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => app.kill('SIGTERM'));

app.on('exit', async (code) => {
  process.exitCode = code ?? 1;
  await ringCentral.close();
});
