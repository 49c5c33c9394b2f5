/** Finds the faults of a form before anything is sent, so that the user sees all of them at once. */
import $ from 'jquery';
import { emailFault, emailIn } from '../email.ts';
import type { PhoneFault } from '../phone.ts';
import { nameFault, nameIn, wellFormed } from '../typed.ts';
import { type Faults, type Form, typed } from './forms.ts';
import { loadOnce, retriedImport } from './load-once.ts';
import { passcodeIn } from './passcode.ts';
import { passwordFault } from './passwords.ts';
import { setting } from './settings.ts';

const NO_CODE = 'Enter the six digits from the text message.';

const PHONE_FAULTS: Record<PhoneFault, (countries: string) => string> = {
  no_number: () => 'Enter a full mobile number, such as +1 650 555 0100.',
  other_country: (countries) => `We can only text numbers in ${countries}.`,
  not_mobile: () => 'This is not a mobile number. Enter a number that can get texts.',
};

/** Loads the server's own rules for phone numbers. Large, so the page loads them when the user comes to the field. */
const loadPhones = loadOnce(retriedImport('phone', () => import('../phone.ts')));

/** Finds a sign-up's faults: the address, the password, the names and the phone number. */
export async function signupFaults(form: Form): Promise<Faults> {
  const email = emailIn(wellFormed(typed(form, 'email')));
  const [password, phoneno] = await Promise.all([passwordFaultIn(form, email), phoneFaultIn(form)]);
  return { ...(await nameFaults(form)), ...present({ email: emailFault(email), password, phoneno }) };
}

/** Finds the faults of the first and the last name. */
export async function nameFaults(form: Form): Promise<Faults> {
  return present({
    fname: nameFault(nameIn(typed(form, 'fname'))),
    lname: nameFault(nameIn(typed(form, 'lname'))),
  });
}

/** Finds the fault of a form with only a phone number to check. */
export async function phoneFaults(form: Form): Promise<Faults> {
  return present({ phoneno: await phoneFaultIn(form) });
}

/** Finds the fault of a signed-in user's new password. */
export async function accountPasswordFaults(form: Form): Promise<Faults> {
  return present({ password: await passwordFaultIn(form, typed(form, 'username')) });
}

/** Finds the fault of a form with only an address to check. Accepts every address that an account can have. */
export async function usernameFaults(form: Form): Promise<Faults> {
  const username = wellFormed(typed(form, 'username'));
  // An account from before `emailFault` can have any of these.
  const isFormer = /^[^\s@]+@[^\s@]+$/.test(username.trim());
  return present({ username: isFormer ? undefined : emailFault(username) });
}

/** Finds the fault of a code. */
export async function passcodeFaults(form: Form): Promise<Faults> {
  return passcodeIn(typed(form, 'passcode')) === undefined ? { passcode: NO_CODE } : {};
}

/** Finds a new password's faults: the code and the password. */
export async function newPasswordFaults(form: Form): Promise<Faults> {
  const password = await passwordFaultIn(form, emailIn(typed(form, 'username')));
  return { ...(await passcodeFaults(form)), ...present({ password }) };
}

/** Returns the E.164 form of the form's phone number. Undefined if it can't get texts, or the rules can't be loaded. */
export async function phoneOf(form: Form): Promise<string | undefined> {
  const phones = await loadPhones().catch(() => undefined);
  const phone = phones?.readPhone(typed(form, 'phoneno'), phoneRules(form));
  return phone && 'e164' in phone ? phone.e164 : undefined;
}

/**
 * Returns the number to send. The server does not know the country that the user chose, so then it has its country code. Throws
 * if the rules can't be loaded.
 */
export async function phoneToSend(form: Form): Promise<string> {
  const text = wellFormed(typed(form, 'phoneno'));
  if (chosenCountry(form) === undefined) return text;
  await loadPhones();
  return (await phoneOf(form)) ?? text;
}

/** Loads the rules for phone numbers when the user comes to a field for one. Groups its digits. */
export function preparePhones(): void {
  const field = $<HTMLInputElement>('input[type=tel]');
  field.one('focus', () => void loadPhones().catch(() => {}));
  field.on(
    'input',
    ({ originalEvent }) => void groupTyped(field, originalEvent as InputEvent).catch(() => {}),
  );
  field.on('blur', () => void groupDigits(field).catch(() => {}));
}

/** Groups the digits while the user types at the end. An edit in the middle and a deletion stay as they are. */
async function groupTyped(field: JQuery<HTMLInputElement>, { inputType }: InputEvent): Promise<void> {
  const { groupedWhileTyped } = await loadPhones();
  const [input] = field;
  if (input === undefined || inputType !== 'insertText' || input.selectionEnd !== input.value.length) return;
  const grouped = groupedWhileTyped(input.value, phoneRules(field.closest('form') as Form).defaultCountry);
  // An equal value would still clear what the browser can undo.
  if (grouped !== input.value) input.value = grouped;
}

/** Shows the number as the rules read it, with its country code. Does nothing if it can't get texts, or while the user types. */
async function groupDigits(field: JQuery<HTMLInputElement>): Promise<void> {
  const e164 = await phoneOf(field.closest('form') as Form);
  const { groupedNumber } = await loadPhones();
  if (e164 !== undefined && !field.is(':focus, [readonly]')) field.val(groupedNumber(e164));
}

function present(faults: Faults): Faults {
  return Object.fromEntries(Object.entries(faults).filter(([, sentence]) => sentence !== undefined));
}

async function passwordFaultIn(form: Form, email: string): Promise<string | undefined> {
  const minLength = Number(setting('passwordMinLength'));
  const serviceName = setting('serviceName');
  return passwordFault(typed(form, 'password'), { email, minLength, serviceName });
}

async function phoneFaultIn(form: Form): Promise<string | undefined> {
  // Without the rules, the server decides alone.
  const phones = await loadPhones().catch(() => undefined);
  const phone = phones?.readPhone(wellFormed(typed(form, 'phoneno')), phoneRules(form));
  if (!phone || 'e164' in phone) return undefined;
  return PHONE_FAULTS[phone.fault](form.find('[data-sms-countries]').attr('data-country-names') ?? '');
}

function phoneRules(form: Form) {
  const rules = form.find('[data-sms-countries]');
  const smsCountries = rules.attr('data-sms-countries')?.split(' ') ?? [];
  return { smsCountries, defaultCountry: chosenCountry(form) ?? rules.attr('data-default-country') ?? '' };
}

/** Returns the country that the user chose. Undefined if the form offers no choice, because all countries share a code. */
function chosenCountry(form: Form): string | undefined {
  return form.find<HTMLSelectElement>('select[name=country]').val()?.toString();
}
