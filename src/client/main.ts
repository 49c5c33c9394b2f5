/** The tutorial's functions in the page: the user submits a form, the page posts a request and shows a screen. */
import $ from 'jquery';
import { authMessage } from '../auth-message.ts';
import { emailIn } from '../email.ts';
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
import { nextPath } from '../next-path.ts';
import { nameIn, wellFormed } from '../typed.ts';
import { type Failure, post } from './api.ts';
import { warmUp } from './argon2-worker.ts';
import { NO_COOKIES, showMissingFeatures, showPageError } from './browser-faults.ts';
import { currentCode, delayResend, formOf, recordResult, showRefusal } from './code-block.ts';
import {
  newPasswordFaults,
  passcodeFaults,
  phoneOf,
  phoneToSend,
  preparePhones,
  signupFaults,
  usernameFaults,
} from './faults.ts';
import {
  bindPastes,
  bindReveals,
  clearPassword,
  type Form,
  isAbandoned,
  isSecondClick,
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
import { codeOnce, type PerhapsDone, postOnce, signupOnce } from './lost-answers.ts';
import { type News, onNews, tellOtherTabs } from './other-tabs.ts';
import { passcodeIn } from './passcode.ts';
import { commonPasswords } from './passwords.ts';
import { isServerSignature, keysFor, newNonce, parseKdf, proofFor, saltedPassword } from './scram.ts';
import { endCode, returnToCode, showCodeScreen, showLogin, showReset, startScreens } from './screens.ts';
import { bindStrengthMeters } from './strength.ts';
import {
  clearSignupFields,
  clearTabStorage,
  deleteCode,
  deleteCodesOf,
  type PendingCode,
  savedSignupField,
  saveNote,
  saveSignIn,
  saveSignupField,
  saveUsername,
  takeSignIn,
} from './tab-storage.ts';

const REFUSED_KDF = 'This page can’t protect your password the way the server asks. Nothing was sent.';
const NOT_OUR_SERVER =
  'This may not be the real site: it could not prove that it knows your account. You were not signed in. ' +
  'Check the web address.';
const NO_SEED = 'The sign-in took too long. Try again.';
const NEW_CODE = 'We’re texting you a new code.';
// If the user stops the loading of the next page, this one works again.
const NAVIGATION_TIMEOUT_MS = 10_000;
const START_OVER = 'Sign in again to continue.';
const SIGN_IN_FOR_CODE = 'Sign in again to get a code by text.';

/** Gets a seed to prove the password with, and the salt and kdf of the email address. */
export async function getSeed(username: string) {
  const answer = await post<GetSeedOutcome>('/getseed', { username });
  if (answer.status === 'ok' && !parseKdf(answer.kdf)) {
    return { status: 'not_done', message: REFUSED_KDF } as const;
  }
  return answer;
}

/** Creates the account. Sends only two keys in place of the password. */
async function signup(form: Form) {
  const email = emailIn(wellFormed(typed(form, 'email')));
  const verifier = await verifierFor(email, typed(form, 'password'));
  if (verifier.status !== 'ok') return showFailure(form, verifier);

  const person = {
    fname: nameIn(typed(form, 'fname')),
    lname: nameIn(typed(form, 'lname')),
    phoneno: await phoneToSend(form),
  };
  const fields = { email, ...person, ...verifier.fields };
  const answer = await postOnce<SignupOutcome>('/signup', fields, signupOnce(email));
  switch (answer.status) {
    case 'ok':
    case 'perhaps_done':
      clearSignupFields();
      // A second sign-up makes the codes of the first one void.
      deleteCodesOf(email);
      saveUsername(email);
      saveNote(answer.status === 'ok' ? `${answer.message} ${await whereCodesGo(form)}` : answer.message);
      return goTo(`/${location.search}`);
    case 'taken':
      saveUsername(email);
      return showFieldError(form, 'email', sentenceOf('taken'));
    default:
      return showFailure(form, answer);
  }
}

/** Gets a seed and proves the password with it. If the seed is no longer valid, tries once more with a new one. */
async function login(form: Form, retriesLeft = 1): Promise<void> {
  const username = wellFormed(typed(form, 'username')).trim();
  const password = typed(form, 'password');
  const seed = await getSeed(username);
  if (seed.status !== 'ok') return showFailure(form, seed);

  const salted = await saltedPassword(password, seed.salt, seed.kdf);
  const nonce = newNonce();
  const message = authMessage({ ...seed, nonce, username });
  const proof = await proofFor(salted, message);

  const answer = await post<LoginOutcome>('/login', { username, id: seed.id, nonce, proof });
  if (isAbandoned(form)) return;
  switch (answer.status) {
    case 'ok':
    case 'code_required':
      if (!(await isServerSignature(answer.signature, salted, message))) return refuseServer(form);
      if (answer.status === 'code_required') return showCodeScreen('signin', username, answer);
      return showSignedIn(form);
    case 'wrong':
      showError(form, answer.message);
      return selectField(form, 'password');
    case 'locked':
      return showCodeScreen('unlock', username, answer);
    case 'bad_seed':
      return retriesLeft > 0 ? login(form, retriesLeft - 1) : showError(form, NO_SEED);
    default:
      return showFailure(form, answer);
  }
}

/** Sends the code. One to sign in with opens the next page, and one that unlocks the account leads to the login form. */
async function verifyPasscode(form: Form) {
  const code = currentCode();
  if (!code?.flow) return showLogin(START_OVER);
  const { username, flow } = code;
  const passcode = passcodeIn(typed(form, 'passcode')) ?? '';
  const fields = { username, flow, passcode };
  const answer = await postOnce<VerifyPasscodeOutcome>('/verifypasscode', fields, codeOnce(code));
  recordResult(code, answer);
  if (isAbandoned(form)) return;
  switch (answer.status) {
    case 'ok':
      return code.purpose === 'signin' ? showSignedIn(form) : showLogin(answer.message);
    case 'not_locked':
    case 'perhaps_done':
      return showLogin(answer.message);
    case 'wrong_code':
    case 'expired_code':
      return showRefusal(form);
    default:
      return showFailure(form, answer);
  }
}

/** Asks for a code with the email address only, then sets the new password with the entire form. */
async function resetPwd(form: Form) {
  const code = currentCode();
  return code?.flow ? setPassword(form, code, code.flow) : askForResetCode(form);
}

async function askForResetCode(form: Form) {
  const username = wellFormed(typed(form, 'username')).trim();
  const answer = await post<ResetPwdOutcome>('/resetpwd', { username });
  if (isAbandoned(form)) return;
  switch (answer.status) {
    case 'code_sent':
      return showCodeScreen('reset', username, answer);
    default:
      return showResetResult(form, answer);
  }
}

async function setPassword(form: Form, code: PendingCode, flow: string) {
  const { username } = code;
  const passcode = passcodeIn(typed(form, 'passcode')) ?? '';
  const verifier = await verifierFor(username, typed(form, 'password'));
  if (verifier.status !== 'ok') return showFailure(form, verifier);

  const fields = { username, flow, passcode, ...verifier.fields };
  const answer = await postOnce<ResetPwdOutcome>('/resetpwd', fields, codeOnce(code));
  recordResult(code, answer);
  // A new password ends all sessions.
  if (answer.status === 'ok') tellOtherTabs({ kind: 'session' });
  if (isAbandoned(form)) return;
  return showResetResult(form, answer);
}

/** Asks the server to send the code again, or to send a new one. */
async function resendCode(form: Form) {
  const code = currentCode();
  if (!code?.flow) return showLogin(START_OVER);
  const answer = await post<ResendCodeOutcome>('/resendcode', { flow: code.flow });
  if (isAbandoned(form)) return;
  switch (answer.status) {
    case 'code_sent':
      showCodeScreen(code.purpose, code.username, answer);
      return currentCode()?.refusal ? undefined : showNote(form, NEW_CODE);
    case 'not_locked':
      deleteCode(code);
      return showLogin(answer.message);
    case 'expired_code':
      deleteCode(code);
      return code.purpose === 'reset' ? showReset(answer.message) : showLogin(answer.message);
    case 'slow_down':
      delayResend(code, answer.retryAfter);
      return showError(form, answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Signs out, then shows the login form. */
async function logout(form: Form) {
  const answer = await post<LogoutOutcome>('/logout', { shown: typed(form, 'shown') });
  if (answer.status !== 'ok') return showFailure(form, answer);
  clearTabStorage();
  tellOtherTabs({ kind: 'session' });
  saveNote(answer.message);
  return goTo('/');
}

function showSignedIn(form: Form) {
  tellOtherTabs({ kind: 'session' });
  if (!navigator.cookieEnabled) return showError(form, NO_COOKIES);
  saveSignIn();
  return goTo(nextPath(location.search));
}

/** Ends the session of a server that could not prove that it knows the account. */
async function refuseServer(form: Form) {
  clearPassword(form);
  await post<LogoutOutcome>('/logout', {});
  showError(form, NOT_OUR_SERVER);
}

/** Returns the fields that the server stores in place of a password. */
export async function verifierFor(username: string, password: string) {
  const seed = await getSeed(username);
  if (seed.status !== 'ok') return seed;
  const { salt, kdf } = seed;
  const keys = await keysFor(await saltedPassword(password, salt, kdf));
  return { status: 'ok', fields: { salt, kdf, ...keys } } as const;
}

function showResetResult(form: Form, answer: Answer<ResetPwdOutcome> | Failure | PerhapsDone) {
  switch (answer.status) {
    case 'ok':
    case 'perhaps_done':
      return showLogin(answer.message);
    case 'wrong_code':
    case 'expired_code':
      return showRefusal(form);
    case 'code_sent':
      return showError(form, answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Asks again for a code that the server didn't send. Without the password only a reset can do that. */
async function askAgain() {
  if (currentCode()?.purpose !== 'reset') return showLogin(SIGN_IN_FOR_CODE);
  showReset();
  formOf('reset').trigger('submit');
}

/** Returns a sentence that names the end of the phone number that the user signed up with. */
async function whereCodesGo(form: Form): Promise<string> {
  const digits = (await phoneOf(form)) ?? typed(form, 'phoneno').replace(/\D/g, '');
  return `Codes will go to X-XXX-XXX-${digits.slice(-4)}.`;
}

/** Returns a sentence with links, from a template of the page. */
function sentenceOf(id: string): DocumentFragment {
  return ($(`#${id}`).get(0) as HTMLTemplateElement).content.cloneNode(true) as DocumentFragment;
}

/** Opens another page. The form stays busy until the other page is there. */
export function goTo(path: string): Promise<void> {
  location.assign(path);
  return new Promise((resolve) => setTimeout(resolve, NAVIGATION_TIMEOUT_MS));
}

function bindForms() {
  onSubmit($('#signup form') as Form, signup, signupFaults);
  onSubmit(formOf('login'), login, usernameFaults);
  onSubmit(formOf('unlock'), verifyPasscode, passcodeFaults);
  onSubmit(formOf('signin'), verifyPasscode, passcodeFaults);
  onSubmit(formOf('reset'), resetPwd, (form) => (currentCode() ? newPasswordFaults : usernameFaults)(form));
  onSubmit(formOf('wait'), askAgain);
  onSubmit($('#logout') as Form, logout);
}

function bindButtons() {
  $('.screen .resend').on('click', (event) => {
    if (isSecondClick(event)) return;
    const form = $(event.currentTarget).closest('form') as Form;
    void whileBusy(form, $(event.currentTarget), () => resendCode(form));
  });
  $('.to-login').on('click', (event) => {
    // The header's links show the same screen, but with one of these keys the browser opens them elsewhere.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showLogin();
  });
  $('.to-reset').on('click', () => showReset());
  $('.to-code').on('click', returnToCode);
  $('.to-signup').on('click', () => saveSignupField('email', currentCode()?.username ?? ''));
  $('.screen input[name=username]').on('input change', (event) => {
    saveUsername(String($(event.currentTarget).val()));
  });
}

/** Keeps the fields of the sign-up form over a reload, except for the password. */
function keepSignupFields() {
  const country = $<HTMLSelectElement>('#signup select');
  country.val(savedSignupField('country') || country.val() || '');
  country.on('change', () => saveSignupField('country', String(country.val())));
  $('#signup input:not([name=password])').each((_, input) => {
    const field = $(input as HTMLInputElement);
    const save = () => saveSignupField(field.prop('name'), String(field.val()));
    // The script may come late. By then the user or the browser may have filled in the field.
    if (field.val()) save();
    else if (!field.is(':focus')) field.val(savedSignupField(field.prop('name')));
    field.on('input change', save);
  });
}

/** Keeps the page that the user asked for, also by way of the sign-up page. */
function keepNext() {
  if (!/[?&]next=/.test(location.search)) return;
  $('a[href="/"], a[href="/signup"]').attr('href', (_, path) => path + location.search);
}

/** Shows what the user did in another tab, if nothing that the user typed here gets lost. */
function showNews(news: News) {
  if (news.kind === 'code') return endCode(news.key, news.message);
  const password = $('#login:visible input[name=password]').val();
  if (password === '' || $('.hello, .site-nav .name').length > 0) location.reload();
}

bindForms();
bindButtons();
keepSignupFields();
bindReveals();
bindPastes();
bindStrengthMeters();
preparePhones();
watchInbox();
startScreens();
keepNext();
showMissingFeatures();
if (takeSignIn() && $('.site-nav .name').length === 0) showPageError(NO_COOKIES);
onNews(showNews);
// Not on focus, because the page itself focuses a field.
$('form:has(input[type=password])').one('pointerdown keydown input', () => void warmUp());
$('input[autocomplete=new-password]').one('focus', () => void commonPasswords().catch(() => {}));
$(window).on('pageshow', (event) => {
  // A page from the back/forward cache would still hold the password, and a busy form.
  if ((event.originalEvent as PageTransitionEvent).persisted) location.reload();
});
// The page's sentence for a script that doesn't come.
$('.late').remove();
