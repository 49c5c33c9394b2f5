/** The tutorial's functions as the page runs them: a form is submitted, a request posted, a block shown. */
import $ from 'jquery';
import type {
  Answer,
  GetSeedOutcome,
  LoginOutcome,
  LogoutOutcome,
  ResendCodeOutcome,
  ResetPwdOutcome,
  SignupOutcome,
  VerifyPasscodeOutcome,
} from '../engine/outcomes.ts';
import { holdButton } from './countdown.ts';
import {
  bindReveals,
  type Form,
  forgetPassword,
  hasLeft,
  onSubmit,
  selectField,
  showError,
  showFailure,
  showFieldError,
  showNote,
  typed,
  whileBusy,
} from './forms.ts';
import { watchInbox } from './inbox.ts';
import { type CodeStep, dropStep, forgetKept, keepNote, keepUsername } from './kept.ts';
import { passcodeIn } from './passcode.ts';
import { commonPasswords, passwordFault } from './passwords.ts';
import {
  authMessage,
  isServerSignature,
  keysFor,
  newNonce,
  parseKdf,
  proofFor,
  saltedPassword,
} from './scram.ts';
import {
  codeStep,
  enterCode,
  formOf,
  holdResend,
  resume,
  returnToCode,
  settleCode,
  showLogin,
  showRefusal,
  showReset,
} from './steps.ts';
import { warmUp } from './thread.ts';
import { type Failure, post, withCount } from './wire.ts';

const REFUSED_KDF =
  'The server asks for a protection of your password that this page does not accept. Nothing was sent.';
const NOT_OUR_SERVER =
  'The server could not prove that it knows your account. It may be an impostor: you were not signed in. ' +
  'Check the address of this page.';
const NO_SEED = 'The server could not take up the sign-in. Try again.';
const NO_CODE = 'Enter the six digits of the code in the text message.';
const NO_ADDRESS = 'This does not look like an email address.';
const NEW_CODE = 'A new code is on its way.';
const START_OVER = 'Start again here.';
const SIGN_IN_FOR_CODE = 'Sign in again, and a code is sent to your phone.';

/** Asks for a seed to prove the password with, and for the salt and kdf that belong to the address. */
async function getSeed(username: string) {
  const answer = await post<GetSeedOutcome>('/getseed', { username });
  if (answer.status === 'ok' && !parseKdf(answer.kdf)) {
    return { status: 'not_done', message: REFUSED_KDF } as const;
  }
  return answer;
}

/** Sends what the account is made of; of the password, only the two keys. */
async function signup(form: Form) {
  const email = typed(form, 'email');
  const password = typed(form, 'password');
  if (!isAddress(email)) return showFieldError(form, 'email', NO_ADDRESS);
  const fault = await passwordFault(password, rulesFor(email));
  if (fault) return showFieldError(form, 'password', fault);

  const verifier = await verifierFor(email, password);
  if (verifier.status !== 'ok') return showFailure(form, verifier);

  const answer = await post<SignupOutcome>('/signup', {
    email,
    fname: typed(form, 'fname'),
    lname: typed(form, 'lname'),
    phoneno: typed(form, 'phoneno'),
    ...verifier.fields,
  });
  switch (answer.status) {
    case 'ok':
      keepUsername(email);
      keepNote(answer.message);
      return leaveFor('/');
    case 'taken':
      return showFieldError(form, 'email', answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Gets a seed and proves the password with it; a seed that is no good any more is replaced once. */
async function login(form: Form, seedsLeft = 1): Promise<void> {
  const username = typed(form, 'username');
  const password = typed(form, 'password');
  if (!isAddress(username)) return showFieldError(form, 'username', NO_ADDRESS);
  const seed = await getSeed(username);
  if (seed.status !== 'ok') return showFailure(form, seed);

  const salted = await saltedPassword(password, seed.salt, seed.kdf);
  const nonce = newNonce();
  const message = authMessage({ ...seed, nonce, username });
  const proof = await proofFor(salted, message);

  const answer = await post<LoginOutcome>('/login', { username, id: seed.id, nonce, proof });
  if (hasLeft(form)) return;
  switch (answer.status) {
    case 'ok':
      if (await isServerSignature(answer.signature, salted, message)) return leaveFor('/about');
      return refuseServer(form);
    case 'wrong':
      showError(form, withTriesLeft(answer));
      return selectField(form, 'password');
    case 'locked':
      return enterCode('unlock', username, answer);
    case 'bad_seed':
      return seedsLeft > 0 ? login(form, seedsLeft - 1) : showError(form, NO_SEED);
    default:
      return showFailure(form, answer);
  }
}

/** Sends the code that unlocks the account, and goes back to the login form. */
async function verifyPasscode(form: Form) {
  const step = codeStep();
  if (!step?.flow) return showLogin(START_OVER);
  const passcode = passcodeIn(typed(form, 'passcode'));
  if (!passcode) return showFieldError(form, 'passcode', NO_CODE);

  const { username, flow } = step;
  const answer = await post<VerifyPasscodeOutcome>('/verifypasscode', { username, flow, passcode });
  settleCode(step, answer.status);
  if (hasLeft(form)) return;
  switch (answer.status) {
    case 'ok':
    case 'not_locked':
      return showLogin(answer.message);
    case 'wrong_code':
    case 'expired_code':
      return showRefusal(form);
    default:
      return showFailure(form, answer);
  }
}

/** Asks for a code with the email address alone, then sets the new password with the entire form. */
async function resetPwd(form: Form) {
  const step = codeStep();
  return step?.flow ? setPassword(form, step, step.flow) : askForResetCode(form);
}

async function askForResetCode(form: Form) {
  const username = typed(form, 'username');
  if (!isAddress(username)) return showFieldError(form, 'username', NO_ADDRESS);
  const answer = await post<ResetPwdOutcome>('/resetpwd', { username });
  if (hasLeft(form)) return;
  switch (answer.status) {
    case 'code_sent':
      return enterCode('reset', username, answer);
    case 'slow_down':
      holdButton(form.find('button[type=submit]'), Date.now() + answer.retryAfter * 1000);
      return showFailure(form, answer);
    default:
      return refuseReset(form, answer);
  }
}

async function setPassword(form: Form, step: CodeStep, flow: string) {
  const { username } = step;
  const password = typed(form, 'password');
  const passcode = passcodeIn(typed(form, 'passcode'));
  if (!passcode) return showFieldError(form, 'passcode', NO_CODE);
  const fault = await passwordFault(password, rulesFor(username));
  if (fault) return showFieldError(form, 'password', fault);

  const verifier = await verifierFor(username, password);
  if (verifier.status !== 'ok') return showFailure(form, verifier);

  const answer = await post<ResetPwdOutcome>('/resetpwd', { username, flow, passcode, ...verifier.fields });
  settleCode(step, answer.status);
  if (hasLeft(form)) return;
  return answer.status === 'ok' ? showLogin(answer.message) : refuseReset(form, answer);
}

/** Asks for the code to be sent again, or for a new one. */
async function resendCode(form: Form) {
  const step = codeStep();
  if (!step?.flow) return showLogin(START_OVER);
  const answer = await post<ResendCodeOutcome>('/resendcode', { flow: step.flow });
  if (hasLeft(form)) return;
  switch (answer.status) {
    case 'code_sent':
      enterCode(step.purpose, step.username, answer);
      return codeStep()?.refusal ? undefined : showNote(form, NEW_CODE);
    case 'not_locked':
      dropStep(step);
      return showLogin(answer.message);
    case 'expired_code':
      dropStep(step);
      return step.purpose === 'unlock' ? showLogin(answer.message) : showReset(answer.message);
    case 'slow_down':
      holdResend(step, answer.retryAfter);
      return showFailure(form, answer);
    default:
      return showFailure(form, answer);
  }
}

/** Signs out, and goes to the login form. */
async function logout(form: Form) {
  const answer = await post<LogoutOutcome>('/logout', {});
  if (answer.status !== 'ok') return showFailure(form, answer);
  forgetKept();
  keepNote(answer.message);
  return leaveFor('/');
}

/** Gives back the session of a server that does not know the account. */
async function refuseServer(form: Form) {
  forgetPassword(form);
  await post<LogoutOutcome>('/logout', {});
  showError(form, NOT_OUR_SERVER);
}

/** What the server is to know of a password: its keys, and what they are made with. */
async function verifierFor(username: string, password: string) {
  const seed = await getSeed(username);
  if (seed.status !== 'ok') return seed;
  const { salt, kdf } = seed;
  const keys = await keysFor(await saltedPassword(password, salt, kdf));
  return { status: 'ok', fields: { salt, kdf, ...keys } } as const;
}

function refuseReset(form: Form, answer: Answer<ResetPwdOutcome> | Failure) {
  switch (answer.status) {
    case 'wrong_code':
    case 'expired_code':
      return showRefusal(form);
    case 'ok':
    case 'code_sent':
      return showError(form, answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Asks again for a code that could not be handed out: for an unlock that takes the password, so the login form. */
async function askAgain() {
  if (codeStep()?.purpose !== 'reset') return showLogin(SIGN_IN_FOR_CODE);
  showReset();
  formOf('reset').trigger('submit');
}

function isAddress(username: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(username.trim());
}

function rulesFor(email: string) {
  const { passwordMinLength, serviceName } = $('body').data();
  return { email, minLength: Number(passwordMinLength), serviceName: String(serviceName) };
}

function withTriesLeft({ message, triesLeft }: { message: string; triesLeft: number }): string {
  return withCount(message, triesLeft, triesLeft === 1 ? 'One try is left.' : `${triesLeft} tries are left.`);
}

function bindForms() {
  onSubmit($('#signup form') as Form, signup);
  onSubmit(formOf('login'), login);
  onSubmit(formOf('unlock'), verifyPasscode);
  onSubmit(formOf('reset'), resetPwd);
  onSubmit(formOf('wait'), askAgain);
  onSubmit($('#logout') as Form, logout);
}

function bindButtons() {
  $('.resend').on('click', (event) => {
    const form = $(event.currentTarget).closest('form') as Form;
    void whileBusy(form, $(event.currentTarget), () => resendCode(form));
  });
  $('.to-login').on('click', (event) => {
    // The header's links go to the same form; pressed with a key, they open it elsewhere.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showLogin();
  });
  $('.to-reset').on('click', () => showReset());
  $('.to-code').on('click', returnToCode);
  $('.block input[name=username]').on('input change', (event) => {
    keepUsername(String($(event.currentTarget).val()));
  });
}

/** Goes to another page; the form stays busy until that is there. */
function leaveFor(path: string): Promise<never> {
  location.assign(path);
  return new Promise(() => {});
}

bindForms();
bindButtons();
bindReveals();
watchInbox();
resume();
// Not at the focus: the page gives that to a field by itself.
$('form:has(input[type=password])').one('pointerdown keydown input', () => void warmUp());
$('input[autocomplete=new-password]').one('focus', () => void commonPasswords().catch(() => {}));
$(window).on('pageshow', (event) => {
  // A page out of the browser's memory would still hold the password, and a form that is busy.
  if ((event.originalEvent as PageTransitionEvent).persisted) location.reload();
});
