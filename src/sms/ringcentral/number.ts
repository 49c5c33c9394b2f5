import { type CountryCode, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { type ApiName, type SmsApi, smsApi } from './api.ts';
import type { RingCentralClient } from './client.ts';
import { fieldsOf, plainWord } from './failure.ts';
import { attempt, type Finding, last4, right, shown, unread, unsaid, wrong } from './finding.ts';

/** The number that is to send, by which API, and the countries (ISO 3166-1 alpha-2) that it is to reach. */
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

// TCR's names for a campaign that may carry codes.
const CODE_USE_CASES = [
  'MachineToMachine',
  'TwoFactorAuthentication',
  'SecurityAlert',
  'AccountNotification',
];

/** Whether the number is the user's own, has its feature, reaches the countries, and what its campaign allows. */
export async function* numberFindings(
  client: RingCentralClient,
  api: SmsApi,
  options: NumberOptions,
): AsyncGenerator<Finding, void> {
  const listed = await attempt(() => get(client, `${NUMBERS}?perPage=1000`));
  if (listed.failure) {
    yield unread('Number', "The user's numbers", listed.failure.facts, 'ReadAccounts');
    return;
  }
  const numbers = ownNumbers(listed.value?.records);
  const number = numbers.find((own) => own.number === options.fromNumber);
  yield number
    ? right('Number', `The number ending in ${last4(number.number)} is the user's own.`)
    : missingNumber(options.fromNumber, api, numbers);
  if (!number) return;
  yield featureFinding(number, api);
  yield countryFinding(number, options);
  yield await campaignFinding(client, number);
}

function missingNumber(fromNumber: string, { feature }: SmsApi, numbers: OwnNumber[]): Finding {
  const able = numbers
    .filter(({ features }) => features.includes(feature))
    .map(({ number }) => last4(number));
  return wrong(
    'Number',
    `RC_FROM_NUMBER, ending in ${last4(fromNumber)}, is no number of the user who made the JWT.`,
    able.length > 0
      ? `Nobody sends from another user's number. This user can send from the number ending in ${able.join(', ')}.`
      : `Nobody sends from another user's number, and this user has none with the feature ${feature}: assign one to the user, or make the JWT as the user who has one.`,
  );
}

function featureFinding({ number, features }: OwnNumber, { feature }: SmsApi): Finding {
  const step = 'Feature';
  if (features.includes(feature)) return right(step, `The number has the feature ${feature}.`);
  const other = (['standard', 'a2p'] as const).find((name) => features.includes(smsApi(name).feature));
  return wrong(
    step,
    `The number ending in ${last4(number)} lacks the feature ${feature}.`,
    other
      ? `It has ${smsApi(other).feature}: set RC_SMS_API=${other}.`
      : 'Switch text messages on for it in the Admin Portal, or choose another number of the user.',
  );
}

function countryFinding({ number, features, isTollFree }: OwnNumber, options: NumberOptions): Finding {
  const step = 'Countries';
  const isA2p = options.api === 'a2p';
  const abroad = options.smsCountries.filter((country) => !isHome(country, number, isA2p && !isTollFree));
  if (abroad.length === 0 || (!isA2p && features.includes('InternationalSmsSender'))) {
    return right(step, `The number reaches ${options.smsCountries.join(', ')}.`);
  }
  return wrong(
    step,
    `The number does not reach ${abroad.join(', ')}.`,
    isA2p
      ? `High volume does not leave its country: take ${abroad.join(', ')} out of SMS_COUNTRIES.`
      : `It lacks the feature InternationalSmsSender: have it added, or take ${abroad.join(', ')} out of SMS_COUNTRIES.`,
  );
}

/** Whether a country is reached from a number without a further feature: US and CA from either, unless `isConfined`. */
function isHome(country: string, number: string, isConfined: boolean): boolean {
  const own = parsePhoneNumberFromString(number);
  if (isConfined) return country === own?.country;
  if (own?.countryCallingCode === '1') return ['US', 'CA'].includes(country);
  return getCountryCallingCode(country as CountryCode) === own?.countryCallingCode;
}

async function campaignFinding(client: RingCentralClient, own: OwnNumber): Promise<Finding> {
  const step = 'Campaign';
  if (own.isTollFree || !own.number.startsWith('+1')) {
    const why = own.isTollFree
      ? 'A toll-free number needs a verification'
      : 'No campaign of TCR is asked of it';
    return unsaid(step, `${why}, whose state can't be read here.`, 'See the Admin Portal.');
  }
  const read = await attempt(() => get(client, `${NUMBERS}/${encodeURIComponent(own.id)}/sms-configuration`));
  if (read.failure)
    return unsaid(step, `Its state can't be read${shown(read.failure.facts)}.`, 'See the Admin Portal.');
  const campaign = Object(read.value?.smsCampaignInfo);
  const status = plainWord(campaign.status);
  if (status === undefined) {
    return wrong(
      step,
      'The number is linked to no campaign of The Campaign Registry.',
      'Register a brand and a campaign (MachineToMachine) in the Admin Portal, and link the number to it.',
    );
  }
  if (status !== 'Confirmed') {
    const todo = 'Messages to other people do not arrive before it is Confirmed: see the Admin Portal.';
    return wrong(step, `The campaign is ${status}.`, todo);
  }
  const useCases = [campaign.useCases, campaign.registrationTier].flat().map(plainWord).filter(Boolean);
  if (useCases.some((useCase) => CODE_USE_CASES.includes(useCase as string))) {
    return right(step, 'The campaign is confirmed, and its use cases cover codes.');
  }
  return unsaid(
    step,
    `The campaign is confirmed, for ${useCases.join(', ') || 'use cases that are not told'}.`,
    'Codes are MachineToMachine.',
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
