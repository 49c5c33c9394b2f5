import { type CountryCode, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { type ApiName, type SmsApi, smsApi } from './api.ts';
import { attempt, type CheckResult, last4, ok, shown, unknown, unreadable, wrong } from './check-result.ts';
import type { RingCentralClient } from './client.ts';
import { fieldsOf, plainWord } from './failure.ts';

/** The number that sends, its API, and the countries (ISO 3166-1 alpha-2) that it must reach. */
export interface NumberOptions {
  fromNumber: string;
  api?: ApiName;
  smsCountries: readonly string[];
}

interface OwnNumber {
  id: string;
  number: string;
  features: unknown[];
  isTollFree: boolean;
}

const NUMBERS = '/restapi/v1.0/account/~/extension/~/phone-number';

// The Campaign Registry's names for a campaign that may send codes.
const CODE_USE_CASES = [
  'MachineToMachine',
  'TwoFactorAuthentication',
  'SecurityAlert',
  'AccountNotification',
];

const SEE_PORTAL = 'See the Admin Portal.';

/** Checks whether the number belongs to the user, has the feature, reaches the countries, and has a campaign. */
export async function* checkNumber(
  client: RingCentralClient,
  api: SmsApi,
  options: NumberOptions,
): AsyncGenerator<CheckResult, void> {
  const step = 'Number';
  const listed = await attempt(() => get(client, `${NUMBERS}?perPage=1000`));
  if (listed.failure) {
    yield unreadable(step, "The user's numbers", listed.failure.facts, 'ReadAccounts');
    return;
  }
  const numbers = ownNumbers(listed.value?.records);
  const number = numbers.find((own) => own.number === options.fromNumber);
  if (!number) {
    yield missingResult(options.fromNumber, api, numbers);
    return;
  }
  yield ok(step, `The number ending in ${last4(number.number)} belongs to the user.`);
  yield featureResult(number, api);
  yield countriesResult(number, options);
  yield await checkCampaign(client, number);
}

function missingResult(fromNumber: string, { feature }: SmsApi, numbers: OwnNumber[]): CheckResult {
  const able = numbers
    .filter(({ features }) => features.includes(feature))
    .map(({ number }) => last4(number));
  return wrong(
    'Number',
    `RC_FROM_NUMBER, ending in ${last4(fromNumber)}, doesn't belong to the user of the JWT.`,
    able.length > 0
      ? `A user sends only from an own number. This user can send from the number ending in ${able.join(', ')}.`
      : `A user sends only from an own number, and this user has no number with the feature ${feature}. Assign one to the user, or make the JWT as a user who has one.`,
  );
}

function featureResult({ number, features }: OwnNumber, { feature }: SmsApi): CheckResult {
  const step = 'Feature';
  if (features.includes(feature)) return ok(step, `The number has the feature ${feature}.`);
  const other = (['standard', 'a2p'] as const).find((name) => features.includes(smsApi(name).feature));
  return wrong(
    step,
    `The number ending in ${last4(number)} lacks the feature ${feature}.`,
    other
      ? `It has ${smsApi(other).feature}. Set RC_SMS_API=${other}.`
      : 'Switch on text messages for it in the Admin Portal, or choose another number of the user.',
  );
}

function countriesResult({ number, features, isTollFree }: OwnNumber, options: NumberOptions): CheckResult {
  const step = 'Countries';
  const isA2p = options.api === 'a2p';
  const isDomesticOnly = isA2p && !isTollFree;
  const abroad = options.smsCountries.filter((country) => !isHome(country, number, isDomesticOnly));
  if (abroad.length === 0 || (!isA2p && features.includes('InternationalSmsSender'))) {
    return ok(step, `The number reaches ${options.smsCountries.join(', ')}.`);
  }
  const list = abroad.join(', ');
  return wrong(
    step,
    `The number doesn't reach ${list}.`,
    isA2p
      ? `High volume reaches only its own country. Remove ${list} from SMS_COUNTRIES.`
      : `It lacks the feature InternationalSmsSender. Have the feature added, or remove ${list} from SMS_COUNTRIES.`,
  );
}

/** Returns whether the number reaches a country without a further feature. Without `isDomesticOnly`, US and CA are one. */
function isHome(country: string, number: string, isDomesticOnly: boolean): boolean {
  const own = parsePhoneNumberFromString(number);
  if (isDomesticOnly) return country === own?.country;
  if (own?.countryCallingCode === '1') return ['US', 'CA'].includes(country);
  return getCountryCallingCode(country as CountryCode) === own?.countryCallingCode;
}

async function checkCampaign(client: RingCentralClient, own: OwnNumber): Promise<CheckResult> {
  const step = 'Campaign';
  if (own.isTollFree) {
    return unknown(
      step,
      "A toll-free number needs a verification. Its state can't be read here.",
      SEE_PORTAL,
    );
  }
  if (!own.number.startsWith('+1')) {
    return unknown(step, 'The number is outside The Campaign Registry, which is for +1 numbers.', SEE_PORTAL);
  }
  const path = `${NUMBERS}/${encodeURIComponent(own.id)}/sms-configuration`;
  const { value, failure } = await attempt(() => get(client, path));
  if (failure) return unknown(step, `The campaign can't be read${shown(failure.facts)}.`, SEE_PORTAL);
  return campaignResult(Object(value?.smsCampaignInfo));
}

function campaignResult(campaign: Record<string, unknown>): CheckResult {
  const step = 'Campaign';
  const status = plainWord(campaign.status);
  if (status === undefined) {
    return wrong(
      step,
      'The number is linked to no campaign of The Campaign Registry.',
      'Register a brand and a campaign (MachineToMachine) in the Admin Portal, and link the number to it.',
    );
  }
  if (status !== 'Confirmed') {
    const fix = `Messages to other people don't arrive before it is Confirmed. ${SEE_PORTAL}`;
    return wrong(step, `The campaign is ${status}.`, fix);
  }
  const useCases = [campaign.useCases, campaign.registrationTier].flat().map(plainWord).filter(Boolean);
  if (useCases.some((useCase) => CODE_USE_CASES.includes(useCase as string))) {
    return ok(step, 'The campaign is confirmed, and its use cases cover codes.');
  }
  return unknown(
    step,
    `The campaign is confirmed for ${useCases.join(', ') || 'unnamed use cases'}.`,
    'Codes need the use case MachineToMachine.',
  );
}

async function get(client: RingCentralClient, path: string): Promise<Record<string, unknown>> {
  return fieldsOf(await client.call({ method: 'GET', path }));
}

function ownNumbers(records: unknown): OwnNumber[] {
  return (Array.isArray(records) ? records : []).map(Object).map((record) => ({
    id: String(record.id),
    number: String(record.phoneNumber),
    features: [record.features].flat(),
    isTollFree: record.paymentType === 'TollFree',
  }));
}
