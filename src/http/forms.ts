import { z } from 'zod';
import { canonicalEmail } from '../email.ts';

/** The fields of a form, or the field that is wrong: `body` if no single field is. */
export type Parsed<Form> = { form: Form } | { field: string };

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
  return { field: String(result.error.issues[0]?.path[0] ?? 'body') };
}

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const plain = z.string().refine((text) => !CONTROL.test(text));

/** An address as it was typed. Its canonical form has 1 to 254 UTF-16 units (RFC 5321, 4.5.3.1.3). */
const username = plain.refine((text) => {
  const { length } = canonicalEmail(text);
  return length > 0 && length <= 254;
});
const email = username.transform(canonicalEmail).pipe(z.email({ pattern: z.regexes.unicodeEmail }));
const name = plain.transform((text) => text.trim().normalize('NFC')).pipe(z.string().min(1).max(100));
const phoneno = plain.pipe(z.string().min(1).max(64));

/** `size` bytes as base64url without padding, in the one canonical spelling (RFC 4648, 3.5). */
const bytes = (size: number) =>
  z.string().refine((text) => {
    const decoded = Buffer.from(text, 'base64url');
    return decoded.length === size && decoded.toString('base64url') === text;
  });
const nonce = z.string().regex(/^[\w-]{22,64}$/);
const kdf = plain.pipe(z.string().min(1).max(64));
/** Six digits; blanks and dashes between them are dropped. */
const passcode = plain
  .transform((text) => text.replace(/[\p{Zs}\p{Pd}]/gu, ''))
  .pipe(z.string().regex(/^[0-9]{6}$/));

const newKeys = { salt: bytes(16), kdf, storedKey: bytes(32), serverKey: bytes(32) };
const withEmail = <Form extends { username: string }>(form: Form) => ({
  ...form,
  email: canonicalEmail(form.username),
});

export const getSeedForm = z.object({ username }).transform(withEmail);
export const signupForm = z.object({ email, fname: name, lname: name, phoneno, ...newKeys });
export const loginForm = z.object({ username, id: bytes(16), nonce, proof: bytes(32) }).transform(withEmail);
export const verifyPasscodeForm = z.object({ username, flow: bytes(16), passcode }).transform(withEmail);
export const askResetForm = z.object({ username }).transform(withEmail);
export const setPwdForm = z.object({ username, flow: bytes(16), passcode, ...newKeys }).transform(withEmail);
export const resendCodeForm = z.object({ flow: bytes(16) });
export const codeStatusForm = resendCodeForm;
export const logoutForm = z.object({});

const FIELD_NAMES = new Set(
  [signupForm, loginForm.in, setPwdForm.in].flatMap(({ shape }) => Object.keys(shape)),
);

/** Returns the form of a reset's second step if any field of it is present, else the first step's. */
export function resetPwdForm(fields: Map<string, string>) {
  const isSecondStep = Object.keys(setPwdForm.in.shape).some(
    (field) => field !== 'username' && fields.has(field),
  );
  return isSecondStep ? setPwdForm : askResetForm;
}
