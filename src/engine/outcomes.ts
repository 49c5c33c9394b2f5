import type { PhoneFault } from '../phone.ts';
import type { FailureReason } from '../sms.ts';

/**
 * The engine's answers. `kind` is also the `status` on the wire, and the other fields keep the wire's names. Bytes are
 * base64url without padding, `resendIn` is in whole seconds.
 */

/** A field that does not have its form, or does not fit what the server handed out. `fault` chooses the sentence. Nothing was changed. */
export type Invalid = { kind: 'invalid'; field: string; fault?: PhoneFault };

/** A code was asked for: the masked phone, the seconds until the next request, and the flow of the code. */
export type CodeAsked = { phone: string; resendIn: number; flow?: string };
export type CodeSent = { kind: 'code_sent' } & CodeAsked;

/** Tokens for the browser to keep as cookies. `email` if the form has no address. Never part of an answer's body. */
export type IssuedTokens = { device: string; session?: string; email?: string };

export type GetSeedOutcome = { kind: 'ok'; id: string; seed: string; salt: string; kdf: string };

export type SignupOutcome = { kind: 'ok' } | { kind: 'taken' } | Invalid;

/** A right password clears the failures. The third wrong one in a row is `locked`. */
export type PasswordOutcome =
  | { kind: 'ok'; signature: string }
  | { kind: 'wrong'; triesLeft: number }
  | ({ kind: 'locked' } & CodeAsked)
  | { kind: 'bad_seed' };

export type LoginOutcome =
  | { kind: 'ok'; signature: string; issued: IssuedTokens }
  | { kind: 'wrong'; triesLeft: number }
  | ({ kind: 'code_required'; signature: string } & CodeAsked)
  | ({ kind: 'locked' } & CodeAsked)
  | { kind: 'bad_seed' };

export type VerifyPasscodeOutcome =
  | { kind: 'ok'; issued: IssuedTokens }
  | { kind: 'wrong_code' }
  | { kind: 'expired_code' }
  | { kind: 'not_locked' }
  | SlowDown;

/** Too many requests. Nothing was made, counted or voided. `retryAfter` is in whole seconds. */
export type SlowDown = { kind: 'slow_down'; retryAfter: number };

/** A password was set. `isSamePassword`: it was the account's password before. Everything else happened as for another one. */
export type PasswordSet = { kind: 'ok'; issued: IssuedTokens; isSamePassword?: true };

export type ResetPwdOutcome =
  | CodeSent
  | SlowDown
  | PasswordSet
  | { kind: 'wrong_code' }
  | { kind: 'expired_code' }
  | Invalid;

export type ResendCodeOutcome = CodeSent | SlowDown | { kind: 'not_locked' } | { kind: 'expired_code' };

/** The delivery of a code's message, as far as this browser may know. `outage`: messages fail for every number. */
export type CodeStatusOutcome = {
  kind: 'ok';
  delivery: 'sending' | 'sent' | 'delivered' | 'failed';
  reason?: FailureReason | 'outage';
  /** Whole seconds until this browser may ask again. Missing if the flow is unknown. */
  resendIn?: number;
};

/** `isOtherSignedIn`: the session of this browser is not of the user whom the page showed, and did not end. */
export type LogoutOutcome = { kind: 'ok'; isOtherSignedIn?: true };

/** No session, or one that has ended. */
export type SignedOut = { kind: 'signed_out' };

/** The request needs a password that was proved within the last five minutes. */
export type ProveAgain = { kind: 'prove_again' };

/** The cookies that an answer deletes: of the session, and of the device of the address `deviceOf`. Never part of its body. */
export type Dropped = { dropped?: { session: true; deviceOf?: string } };

/** A session or a device on the account page. Times are in ISO 8601. */
export type AccountRow = {
  id: string;
  current: boolean;
  createdAt: string;
  seenAt: string;
  network: string;
  browser: string;
};

export type AccountPageOutcome =
  | SignedOut
  | {
      kind: 'ok';
      email: string;
      fname: string;
      lname: string;
      phone: string;
      phoneConfirmed: boolean;
      sessions: AccountRow[];
      devices: AccountRow[];
    };

export type AccountDataOutcome =
  | SignedOut
  | ProveAgain
  | {
      kind: 'ok';
      email: string;
      fname: string;
      lname: string;
      phoneno: string;
      createdAt: string;
      passwordChangedAt: string;
      phoneConfirmedAt: string | null;
      devicesKnownSince: string | null;
      wrongSignInCodes: number;
      sessions: AccountRow[];
      devices: AccountRow[];
      lockouts: { device: string; failures: number; locked: boolean; changedAt: string }[];
      codes: {
        purpose: string;
        newPhone: string;
        createdAt: string;
        sentAt: string;
        used: boolean;
        delivery: string;
      }[];
      messages: { countedFor: string; at: string }[];
    };

export type ProveOutcome =
  | SignedOut
  | { kind: 'ok'; signature: string }
  | { kind: 'wrong'; triesLeft: number }
  | ({ kind: 'locked' } & CodeAsked & Dropped)
  | { kind: 'bad_seed' };

export type ChangeNameOutcome = SignedOut | { kind: 'ok' };

export type ChangePwdOutcome = SignedOut | ProveAgain | Invalid | PasswordSet;

export type ChangePhoneOutcome =
  | SignedOut
  | ProveAgain
  | Invalid
  | CodeSent
  | SlowDown
  | { kind: 'ok' }
  | { kind: 'wrong_code' }
  | { kind: 'expired_code' };

export type EndSessionOutcome = SignedOut | ({ kind: 'ok' } & Dropped);
export type ForgetDeviceOutcome = EndSessionOutcome;
export type DeleteAccountOutcome = SignedOut | ProveAgain | ({ kind: 'ok' } & Dropped);

/** An outcome as the page reads it: `status` in place of `kind`, a sentence for people, and no tokens. */
export type Answer<Outcome> = Outcome extends { kind: infer Kind }
  ? Omit<Outcome, 'kind' | 'issued' | 'dropped' | 'fault'> & { status: Kind; message: string }
  : never;

/** The answers that any request may get in place of its own outcomes. */
export type Refusal =
  | { status: 'invalid'; message: string; field: string }
  | { status: 'slow_down'; message: string; retryAfter: number }
  | { status: 'cross_site' | 'not_found' | 'too_large' | 'unavailable' | 'error'; message: string };
