import { RingCentralStandIn } from '../../support/ringcentral-standin.ts';

/** Runs a stand-in for RingCentral in its own process, so that its work does not slow the app. */
const ringCentral = await RingCentralStandIn.start();
ringCentral.progress = ['Delivered'];
process.stdout.write(`${ringCentral.url}\n`);
