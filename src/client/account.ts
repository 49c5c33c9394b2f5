/** The account page. Each form posts one change. If the server asks for the password again, the change continues after it. */
import $ from 'jquery';
import { authMessage } from '../auth-message.ts';
import { canonicalEmail } from '../email.ts';
import type {
  AccountDataOutcome,
  AccountPageOutcome,
  Answer,
  ChangeNameOutcome,
  ChangePhoneOutcome,
  ChangePwdOutcome,
  CodeSent,
  DeleteAccountOutcome,
  EndSessionOutcome,
  ProveOutcome,
  ResendCodeOutcome,
} from '../engine/outcomes.ts';
import { nameIn } from '../typed.ts';
import { get, post } from './api.ts';
import {
  codeFrom,
  currentCode,
  delayResend,
  formOf,
  leaveCodeBlock,
  recordResult,
  showRefusal,
  startCodeBlock,
} from './code-block.ts';
import { disableFor } from './countdown.ts';
import { accountPasswordFaults, nameFaults, passcodeFaults, phoneFaults, phoneToSend } from './faults.ts';
import {
  abandonForms,
  clearMessages,
  clearPassword,
  type Faults,
  type Form,
  fill,
  focusFirstEmpty,
  isAbandoned,
  isSecondClick,
  onSubmit,
  selectField,
  showError,
  showFailure,
  showNote,
  typed,
  whileBusy,
} from './forms.ts';
import { codeOnce, postOnce } from './lost-answers.ts';
import { getSeed, goTo, verifierFor } from './main.ts';
import { onNews, tellOtherTabs } from './other-tabs.ts';
import { passcodeIn } from './passcode.ts';
import { isServerSignature, newNonce, proofFor, saltedPassword } from './scram.ts';
import {
  clearTabStorage,
  codeKey,
  deleteCode,
  findCode,
  type PendingCode,
  saveFirstCode,
  saveNote,
  saveUsername,
} from './tab-storage.ts';

const SIGN_IN = '/?next=/account';
const SIGNED_OUT = 'You are signed out.';
const NEW_CODE = 'We’re texting you a new code.';
const SAVED = 'Your data is saved as account.json.';
const ASK_AGAIN = 'Ask for a new code.';
const NO_SEED = 'This took too long. Try again.';
const NOT_OUR_SERVER =
  'This may not be the real site: it could not prove that it knows your account. Nothing was changed. ' +
  'Check the web address.';
const PHONE_CODES = ['oldphone', 'newphone'] as const;
const FILE_NAME = 'account.json';

const email = String($('#account').attr('data-email'));

async function changeName(form: Form) {
  const fields = { fname: nameIn(typed(form, 'fname')), lname: nameIn(typed(form, 'lname')) };
  const answer = await asUser(() => post<ChangeNameOutcome>('/changename', fields));
  if (answer?.status === 'ok') return showDone(form, answer.message);
  if (answer) showFailure(form, answer);
}

async function changePwd(form: Form) {
  const verifier = await verifierFor(email, typed(form, 'password'));
  if (verifier.status !== 'ok') return showFailure(form, verifier);
  const answer = await asUser(() => post<ChangePwdOutcome>('/changepwd', verifier.fields));
  if (answer?.status !== 'ok') return answer && showFailure(form, answer);
  clearPassword(form);
  form.find('input[name=password]').trigger('input');
  return showDone(form, answer.message);
}

/** Asks for the first code: to the present number if that is confirmed, else to the new one. */
async function askForPhoneCode(form: Form) {
  const phoneno = await phoneToSend(form);
  const answer = await asUser(() => post<ChangePhoneOutcome>('/changephone', { phoneno }));
  if (!answer) return;
  switch (answer.status) {
    case 'code_sent':
      // The number may have been confirmed since the page was loaded.
      await refresh();
      return showPhoneCode(
        $('#phone-shown').attr('data-confirmed') === 'true' ? 'oldphone' : 'newphone',
        answer,
      );
    case 'ok':
    case 'wrong_code':
    case 'expired_code':
      return showError(form, answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Sends the code of a step. The first step leads to the second, and the second changes the number. */
async function changePhone(form: Form) {
  const code = currentCode();
  if (!code?.flow) return showPhoneForm(ASK_AGAIN);
  const fields = { flow: code.flow, passcode: passcodeIn(typed(form, 'passcode')) ?? '' };
  const answer = await asUser(() => postOnce<ChangePhoneOutcome>('/changephone', fields, codeOnce(code)));
  if (!answer) return;
  recordResult(code, answer);
  switch (answer.status) {
    case 'code_sent':
      return showPhoneCode('newphone', answer);
    case 'ok':
    case 'perhaps_done':
      fill(formOf('askphone'), 'phoneno', '');
      await refresh();
      return showPhoneForm(answer.message);
    case 'wrong_code':
    case 'expired_code':
      return showRefusal(form);
    default:
      return showFailure(form, answer);
  }
}

async function resendPhoneCode(form: Form) {
  const code = currentCode();
  if (!code?.flow) return showPhoneForm(ASK_AGAIN);
  const answer = await post<ResendCodeOutcome>('/resendcode', { flow: code.flow });
  switch (answer.status) {
    case 'code_sent':
      showPhoneCode(code.purpose, answer);
      return currentCode()?.refusal ? undefined : showNote(form, NEW_CODE);
    case 'not_locked':
    case 'expired_code':
      deleteCode(code);
      return showPhoneForm(ASK_AGAIN);
    case 'slow_down':
      delayResend(code, answer.retryAfter);
      return showError(form, answer.message);
    default:
      return showFailure(form, answer);
  }
}

/** Ends the session, or forgets the device, of the button's row. The button without a row is for all others. */
async function endRow(form: Form, button: JQuery) {
  const id = button.attr('data-id');
  const fields = id === undefined ? { others: '1' } : { [String(form.attr('data-field'))]: id };
  const answer = await asUser(() => post<EndSessionOutcome>(String(form.attr('data-path')), fields));
  if (answer?.status !== 'ok') return answer && showFailure(form, answer);
  if (button.is('[data-current]')) return leave(SIGNED_OUT);
  await showDone(form, answer.message);
  form.closest('section').find('h2').trigger('focus');
}

async function saveData(form: Form) {
  const answer = await asUser(() => get<AccountDataOutcome>('/account/data'));
  if (answer?.status !== 'ok') return answer && showFailure(form, answer);
  const { status: _, message: __, ...data } = answer;
  const url = URL.createObjectURL(
    new Blob([`${JSON.stringify(data, undefined, 2)}\n`], { type: 'application/json' }),
  );
  $('<a>').attr({ href: url, download: FILE_NAME }).get(0)?.click();
  URL.revokeObjectURL(url);
  showNote(form, SAVED);
}

async function deleteAccount(form: Form) {
  // Another user may have signed in since the page was loaded.
  const account = await get<AccountPageOutcome>('/account.json');
  if (account.status === 'ok' && account.email !== email) return location.reload();
  const answer = await asUser(() => post<DeleteAccountOutcome>('/deleteaccount', {}));
  if (answer?.status === 'ok') return leave(answer.message);
  if (answer) showFailure(form, answer);
}

async function deletionFaults(form: Form): Promise<Faults> {
  const isSame = canonicalEmail(typed(form, 'confirmation')) === canonicalEmail(email);
  return isSame ? {} : { confirmation: `Type ${email} to delete your account.` };
}

/** Proves the password, and closes the dialog. If the seed is no longer valid, tries once more with a new one. */
async function prove(form: Form, retriesLeft = 1): Promise<void> {
  const seed = await getSeed(email);
  if (seed.status !== 'ok') return showFailure(form, seed);
  const salted = await saltedPassword(typed(form, 'password'), seed.salt, seed.kdf);
  const nonce = newNonce();
  const message = authMessage({ ...seed, nonce, username: email });
  const proof = await proofFor(salted, message);

  const answer = await post<ProveOutcome>('/prove', { id: seed.id, nonce, proof });
  if (isAbandoned(form) && answer.status !== 'locked') return;
  switch (answer.status) {
    case 'ok':
      if (await isServerSignature(answer.signature, salted, message)) return proveDialog().close('ok');
      clearPassword(form);
      return showError(form, NOT_OUR_SERVER);
    case 'wrong':
      showError(form, answer.message);
      return selectField(form, 'password');
    case 'locked':
      saveUsername(email);
      saveFirstCode(codeFrom('unlock', email, answer));
      tellOtherTabs({ kind: 'session' });
      return goTo(SIGN_IN);
    case 'signed_out':
      return signInAgain(answer);
    case 'bad_seed':
      return retriesLeft > 0 ? prove(form, retriesLeft - 1) : showError(form, NO_SEED);
    default:
      return showFailure(form, answer);
  }
}

/** Sends a request of the signed-in user, if needed again after the password. Returns undefined if the user declines. */
async function asUser<Sent extends { status: string; message: string }>(
  request: () => Promise<Sent>,
): Promise<Exclude<Sent, { status: 'signed_out' | 'prove_again' }> | undefined> {
  const answer = await request();
  if (answer.status === 'prove_again') return (await askForPassword()) ? asUser(request) : undefined;
  if (answer.status === 'signed_out') {
    await signInAgain(answer);
    return undefined;
  }
  return answer as Exclude<Sent, { status: 'signed_out' | 'prove_again' }>;
}

/** Opens the dialog for the password. Resolves when it closes: with true if the user proved the password. */
function askForPassword(): Promise<boolean> {
  const dialog = proveDialog();
  // Some browsers don't focus a button that the user clicks.
  const focused = document.activeElement;
  const opener = focused === document.body ? $('button[aria-disabled=true]').get(0) : focused;
  clearPassword(formOf('prove'));
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    $(dialog).one('close', () => {
      abandonForms();
      clearPassword(formOf('prove'));
      clearMessages(formOf('prove'));
      if (opener instanceof HTMLElement) opener.focus();
      resolve(dialog.returnValue === 'ok');
    });
  });
}

function proveDialog(): HTMLDialogElement {
  return $('#prove').get(0) as HTMLDialogElement;
}

function signInAgain({ message }: { message: string }): Promise<void> {
  saveNote(message);
  return goTo(SIGN_IN);
}

/** Opens the sign-in page after the session has ended here. */
function leave(note: string): Promise<void> {
  clearTabStorage();
  tellOtherTabs({ kind: 'session' });
  saveNote(note);
  return goTo('/');
}

async function showDone(form: Form, note: string): Promise<void> {
  await refresh();
  showNote(form, note);
}

/** Shows what the server shows now: the name, the number, the sessions and the devices. */
async function refresh(): Promise<void> {
  const html = await $.get({ url: '/account', dataType: 'html' }).then(
    (page: string) => page,
    () => '',
  );
  const latest = $('<div>').append($.parseHTML(html));
  $('.live').each((_, part) => {
    // Without an answer, the page keeps what it shows.
    const newer = latest.find(`#${part.id}`);
    if (newer.length > 0) $(part).replaceWith(newer);
  });
  showTimes();
}

function showTimes(): void {
  $('#account')
    .find<HTMLTimeElement>('time[datetime]')
    .each((_, time) => {
      const at = new Date(time.dateTime);
      $(time).text(at.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }));
    });
}

/** Shows the step of a code. Without a flow, no code was sent, and the number is asked for again later. */
function showPhoneCode(purpose: PendingCode['purpose'], asked: Answer<CodeSent>): void {
  if (asked.flow === undefined) {
    showPhoneForm();
    const form = formOf('askphone');
    disableFor(form.find('button[type=submit]'), asked.resendIn);
    showError(form, asked.message);
    return;
  }
  startCodeBlock(purpose, codeFrom(purpose, email, asked), () => showPhoneBlock(purpose));
  focusFirstEmpty(formOf(purpose));
}

/** Shows the form for a new number, with a sentence about what went well. */
function showPhoneForm(note = ''): void {
  leaveCodeBlock();
  showPhoneBlock('askphone');
  $('#phone-heading').trigger('focus');
  showNote(formOf('askphone'), note);
}

function showPhoneBlock(id: string): void {
  $('.block').prop('hidden', true);
  $(`#${id}`).prop('hidden', false);
  clearMessages(formOf(id));
}

/** Shows the step that the user was at before a reload. */
function returnToPhoneCode(): void {
  const codes = PHONE_CODES.map((purpose) => findCode(codeKey({ purpose, username: email })));
  const code = codes.filter((found) => found?.flow).at(-1);
  if (code) startCodeBlock(code.purpose, code, () => showPhoneBlock(code.purpose));
}

function bindForms(): void {
  const form = (id: string) => $(`#${id}`) as Form;
  onSubmit(form('name'), changeName, nameFaults);
  onSubmit(formOf('askphone'), askForPhoneCode, phoneFaults);
  for (const purpose of PHONE_CODES) onSubmit(formOf(purpose), changePhone, passcodeFaults);
  onSubmit(form('password'), changePwd, accountPasswordFaults);
  onSubmit(form('data'), saveData);
  onSubmit(form('delete'), deleteAccount, deletionFaults);
  onSubmit(formOf('prove'), prove);
}

function bindButtons(): void {
  $('#sessions, #devices').on('click', '[data-id], .others', (event) => {
    if (isSecondClick(event)) return;
    const form = $(event.delegateTarget) as Form;
    void whileBusy(form, $(event.currentTarget), () => endRow(form, $(event.currentTarget)));
  });
  $('.block .resend').on('click', (event) => {
    if (isSecondClick(event)) return;
    const form = $(event.currentTarget).closest('form') as Form;
    void whileBusy(form, $(event.currentTarget), () => resendPhoneCode(form));
  });
  $('.other-number').on('click', () => {
    const code = currentCode();
    if (code) deleteCode(code);
    showPhoneForm();
    selectField(formOf('askphone'), 'phoneno');
  });
  $('#prove .cancel').on('click', () => proveDialog().close());
}

// Password managers store the new password under this address.
$('input[name=username]').val(email);
bindForms();
bindButtons();
showTimes();
returnToPhoneCode();
onNews((news) => {
  const isOurs = PHONE_CODES.some(
    (purpose) => news.kind === 'code' && news.key === codeKey({ purpose, username: email }),
  );
  if (isOurs) location.reload();
});
