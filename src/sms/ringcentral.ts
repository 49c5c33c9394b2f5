export {
  type CheckOptions,
  checkRingCentral,
  warnAboutRingCentral,
} from './ringcentral/checks.ts';
export { type RingCentralClient, ringCentralClient } from './ringcentral/client.ts';
export type { CallFacts } from './ringcentral/failure.ts';
export type { Finding } from './ringcentral/finding.ts';
export type { SmsLogLine } from './ringcentral/log.ts';
export { type RingCentralOptions, ringCentralSms } from './ringcentral/sender.ts';
