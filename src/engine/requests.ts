/**
 * The forms that a browser sends. `email` is canonical, `username` is exactly as sent, bytes are base64url without padding.
 * `device` and `session` are the tokens of the browser's cookies.
 */

/** The two keys of a new password, and the salt and kdf that they were made with. */
export type NewKeys = { salt: string; kdf: string; storedKey: string; serverKey: string };

/**
 * The network of a client: an IPv4 address, or an IPv6 /64 and the /48 around it. `requestId` is the id of the client's
 * request in the log.
 */
export type ClientNetwork = { network: string; prefix48?: string; requestId?: string };

/** The client of a request. `browserOf` returns a short label of its User-Agent. */
export type Client = ClientNetwork & { browserOf?: () => string };

export type GetSeedForm = { email: string; network: string };

export type SignupForm = { email: string; fname: string; lname: string; phoneno: string } & NewKeys;

/** A proof of the password, and what the browser made it with besides the account's salt and kdf. */
export type ProofForm = { username: string; id: string; nonce: string; proof: string };

export type LoginForm = ProofForm & { email: string; device?: string; session?: string } & Client;

export type VerifyPasscodeForm = {
  email: string;
  flow: string;
  passcode: string;
  device?: string;
  session?: string;
} & Client;

/** The first step of a reset has the address alone. The second has a flow, a passcode and the new keys. */
export type ResetPwdForm = AskResetForm | SetPwdForm;
export type AskResetForm = { email: string; device?: string } & Client;
export type SetPwdForm = AskResetForm & { flow: string; passcode: string } & NewKeys;

/** The account is the flow's. `deviceOf` returns the token of the browser's device for an account's address. */
export type FlowForm = { flow: string; deviceOf?: (email: string) => string | undefined } & Client;

/** `shown` is the address of the user whom the page shows as signed in. */
export type LogoutForm = { session?: string; shown?: string | undefined };

export type SessionForm = { session?: string; deviceOf?: FlowForm['deviceOf'] };

/** A form of the account page. The account is the session's. */
export type AccountForm = SessionForm & Client;
export type ProveForm = Omit<ProofForm, 'username'> & AccountForm;
export type ChangeNameForm = { fname: string; lname: string } & AccountForm;
export type ChangePwdForm = NewKeys & AccountForm;
/** The first step has the new number. The steps after each code have its flow. */
export type ChangePhoneForm = AskPhoneForm | ConfirmPhoneForm;
export type AskPhoneForm = { phoneno: string } & AccountForm;
export type ConfirmPhoneForm = { flow: string; passcode: string } & AccountForm;
/** Ids as the account page shows them, or all others than the present one. */
export type EndSessionForm = ({ id: string } | { others: true }) & AccountForm;
export type ForgetDeviceForm = EndSessionForm;
