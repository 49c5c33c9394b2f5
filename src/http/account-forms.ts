import { z } from 'zod';
import { bytes, name, newKeys, nonce, passcode, phoneno } from './forms.ts';

/** The id of one session or device, or all but the present one. */
type OneOrOthers = { id: string } | { others: true };

const id = z.string().regex(/^[\w-]{1,64}$/);
const others = z.literal('1');

export const noForm = z.object({});
export const proveForm = z.object({ id: bytes(16), nonce, proof: bytes(32) });
export const changeNameForm = z.object({ fname: name, lname: name });
export const changePwdForm = z.object(newKeys);
const askPhoneForm = z.object({ phoneno });
const confirmPhoneForm = z.object({ flow: bytes(16), passcode });

/** Returns the form of a step after a code if any field of it is present, else the first step's. */
export function changePhoneForm(
  fields: Map<string, string>,
): z.ZodType<{ phoneno: string } | { flow: string; passcode: string }> {
  return fields.has('flow') || fields.has('passcode') ? confirmPhoneForm : askPhoneForm;
}

/** Returns the form that ends all other sessions if it says so, else the form that ends one. */
export function endSessionForm(fields: Map<string, string>): z.ZodType<OneOrOthers> {
  return oneOrOthers(
    fields,
    'session',
    z.object({ session: id, others: others.optional() }).transform(({ session }) => ({ id: session })),
  );
}

/** Returns the form that forgets all other devices if it says so, else the form that forgets one. */
export function forgetDeviceForm(fields: Map<string, string>): z.ZodType<OneOrOthers> {
  return oneOrOthers(
    fields,
    'device',
    z.object({ device: id, others: others.optional() }).transform(({ device }) => ({ id: device })),
  );
}

function oneOrOthers(
  fields: Map<string, string>,
  field: string,
  one: z.ZodType<OneOrOthers>,
): z.ZodType<OneOrOthers> {
  if (fields.has(field) || !fields.has('others')) return one;
  return z.object({ others }).transform(() => ({ others: true }) as const);
}
