import { domainToUnicode } from 'node:url';
import { z } from 'zod';
import { canonicalEmail, emailFault, formerEmail, MAX_EMAIL_UNITS } from '../email.ts';
import { nameFault, nameIn, sixDigits } from '../typed.ts';

/**
 * The fields of a form, or the field that is wrong: `body` if no single field is. `sentence` says what is wrong, if the field's
 * usual sentence does not.
 */
export type Parsed<Form> = { form: Form } | { field: string; sentence?: string };

/** More pairs than any form has. It bounds the cost of a request that is not a form. */
const MOST_PAIRS = 100;

const FORM_TYPE = /^application\/x-www-form-urlencoded *(; *charset="?utf-8"? *)?$/i;

/** True if a body of that Content-Type is read: a form in UTF-8, or a body without a type. */
export function isFormType(contentType: string | undefined): boolean {
  return contentType === undefined || FORM_TYPE.test(contentType);
}

/**
 * Reads a body as a form (WHATWG URL, 5.1). Refuses what a lenient parser would guess at: broken percent-encoding, broken
 * UTF-8, a name twice, a name with brackets. A body without the form's content type is refused too.
 */
export function readBody(contentType: string | undefined, body: Uint8Array): Parsed<Map<string, string>> {
  if (contentType === undefined ? body.length > 0 : !isFormType(contentType)) return { field: 'body' };
  const form = new Map<string, string>();
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const pairs = text.split('&', MOST_PAIRS + 1);
    if (pairs.length > MOST_PAIRS) return { field: 'body' };
    for (const pair of pairs.filter((part) => part !== '')) {
      const [name = '', ...value] = pair
        .split('=')
        .map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
      if (/[[\]]/.test(name)) return { field: 'body' };
      if (form.has(name)) return { field: FIELD_NAMES.has(name) ? name : 'body' };
      form.set(name, value.join('='));
    }
  } catch {
    return { field: 'body' };
  }
  return { form };
}

/** Returns the typed form, or the first of its fields that is missing or invalid, in the form's order. */
export function readForm<Form>(schema: z.ZodType<Form>, fields: Map<string, string>): Parsed<Form> {
  const result = schema.safeParse(Object.fromEntries(fields));
  if (result.success) return { form: result.data };
  const [issue] = result.error.issues;
  const field = String(issue?.path[0] ?? 'body');
  const sentence = issue?.code === 'custom' ? issue.params?.sentence : undefined;
  return { field, ...(sentence && { sentence }) };
}

/** The most UTF-16 units of a field, checked first: normalizing a long text of combining marks takes milliseconds. */
const MAX_TYPED_UNITS = 512;
const MAX_NAME_UNITS = 100;
const MAX_PHONE_UNITS = 64;
const MAX_KDF_UNITS = 64;

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** A text of at most `units` UTF-16 units, without control characters. Longer ones are not looked at. */
const text = (units: number) =>
  z
    .string()
    .max(units, { abort: true })
    .refine((characters) => !CONTROL.test(characters), { abort: true });

/** Refuses what `faultOf` has a sentence about. */
const refuse =
  (faultOf: (typed: string) => string | undefined): z.core.CheckFn<string> =>
  ({ value, issues }) => {
    const sentence = faultOf(value);
    if (sentence !== undefined) issues.push({ code: 'custom', input: value, params: { sentence } });
  };

const canonical = (typed: string) => canonicalEmail(typed, domainToUnicode);

/** An address as it was typed. It may be one of before `emailFault`, or one without an account. */
const username = text(MAX_TYPED_UNITS).refine((typed) => {
  const { length } = canonical(typed);
  return length > 0 && length <= MAX_EMAIL_UNITS;
});
/** An address for a new account. */
const email = text(MAX_TYPED_UNITS).check(refuse(emailFault));
export const name = text(MAX_TYPED_UNITS)
  .transform(nameIn)
  .pipe(z.string().min(1).max(MAX_NAME_UNITS).check(refuse(nameFault)));
export const phoneno = z
  .string()
  .min(1)
  .max(MAX_PHONE_UNITS)
  .refine((typed) => !CONTROL.test(typed.replaceAll('\t', ' ')));

/** `size` bytes as base64url without padding, in the one canonical spelling (RFC 4648, 3.5). */
export const bytes = (size: number) =>
  z.string().refine((letters) => {
    const decoded = letters.length > 2 * size ? undefined : Buffer.from(letters, 'base64url');
    return decoded?.length === size && decoded.toString('base64url') === letters;
  });
export const nonce = z.string().regex(/^[\w-]{22,64}$/);
const kdf = text(MAX_KDF_UNITS).min(1);
/** Six digits of any script; what separates them is dropped. */
export const passcode = text(MAX_TYPED_UNITS).transform(sixDigits).pipe(z.string());

export const newKeys = { salt: bytes(16), kdf, storedKey: bytes(32), serverKey: bytes(32) };
const withEmail = <Form extends { username: string }>(form: Form) => ({
  ...form,
  ...addressesOf(form.username),
});
/** The address that an account has today, and the one that it may have been stored under before. */
const addressesOf = (typed: string) => ({ email: canonical(typed), formerEmail: formerEmail(typed) });

export const getSeedForm = z.object({ username }).transform(withEmail);
export const signupForm = z
  .object({ email, fname: name, lname: name, phoneno, ...newKeys })
  .transform((form) => ({ ...form, ...addressesOf(form.email) }));
export const loginForm = z.object({ username, id: bytes(16), nonce, proof: bytes(32) }).transform(withEmail);
export const verifyPasscodeForm = z.object({ username, flow: bytes(16), passcode }).transform(withEmail);
export const askResetForm = z.object({ username }).transform(withEmail);
export const setPwdForm = z.object({ username, flow: bytes(16), passcode, ...newKeys }).transform(withEmail);
export const resendCodeForm = z.object({ flow: bytes(16) });
export const codeStatusForm = resendCodeForm;
/** `shown`: the address of the user whom the page shows as signed in, unchanged. */
export const logoutForm = z.object({ shown: z.string().optional() });

const FIELD_NAMES = new Set(
  [signupForm.in, loginForm.in, setPwdForm.in]
    .flatMap(({ shape }) => Object.keys(shape))
    .concat('session', 'device', 'others'),
);

/** Returns the form of a reset's second step if any field of it is present, else the first step's. */
export function resetPwdForm(fields: Map<string, string>) {
  const isSecondStep = Object.keys(setPwdForm.in.shape).some(
    (field) => field !== 'username' && fields.has(field),
  );
  return isSecondStep ? setPwdForm : askResetForm;
}
