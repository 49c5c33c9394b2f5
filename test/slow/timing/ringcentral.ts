import { RingCentralStandIn } from '../../support/ringcentral-standin.ts';

/** A stand-in for RingCentral in a process of its own, so that its work is not taken for the app's. */
const ringCentral = await RingCentralStandIn.start();
ringCentral.progress = ['Delivered'];
process.stdout.write(`${ringCentral.url}\n`);
