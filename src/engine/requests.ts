/**
 * What a browser sends with each request. `email` is canonical, `username` is exactly as sent, bytes are base64url
 * without padding, and `device` and `session` are the tokens of the browser's cookies.
 */

/** What a page makes of a new password: the two keys, and what they were made with. */
export type NewKeys = { salt: string; kdf: string; storedKey: string; serverKey: string };

/** Where a request came from: an IPv4 address or an IPv6 /64, and the /48 around it where there is one. */
export type ClientNetwork = { network: string; prefix48?: string };

export type GetSeedForm = { email: string; network: string };

export type SignupForm = { email: string; fname: string; lname: string; phoneno: string } & NewKeys;

export type LoginForm = {
  username: string;
  email: string;
  id: string;
  nonce: string;
  proof: string;
  device?: string;
  session?: string;
} & ClientNetwork;

export type VerifyPasscodeForm = {
  email: string;
  flow: string;
  passcode: string;
  device?: string;
} & ClientNetwork;

/** The first step of a reset has no more than the address; the second has a flow and all that belongs to it. */
export type ResetPwdForm = AskResetForm | SetPwdForm;
export type AskResetForm = { email: string; device?: string } & ClientNetwork;
export type SetPwdForm = AskResetForm & { flow: string; passcode: string } & NewKeys;

/** The account is the flow's, so the device's token is looked up by the account's address. */
export type FlowForm = { flow: string; deviceOf?: (email: string) => string | undefined } & ClientNetwork;

export type SessionForm = { session?: string };
