/** Reads the code of an incoming message with the browser's permission (WICG, "WebOTP API"). */
interface OtpCredential extends Credential {
  code: string;
}

/** Resolves with the code of the next message for this site. Undefined if the browser can't, the user declines, or `signal` aborts. */
export async function receiveCode(signal: AbortSignal): Promise<string | undefined> {
  if (!('OTPCredential' in window)) return undefined;
  const options = { otp: { transport: ['sms'] }, signal } as CredentialRequestOptions;
  const credential = await navigator.credentials.get(options).catch(() => null);
  return (credential as OtpCredential | null)?.code;
}
