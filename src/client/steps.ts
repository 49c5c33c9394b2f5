/** Which block of the index page is shown, and what has to outlive a reload of it. */
import $ from 'jquery';
import { holdButton } from './countdown.ts';
import { watchDelivery } from './delivery.ts';
import {
  clearErrors,
  type Form,
  fill,
  focusFirstEmpty,
  forgetPassword,
  showFieldError,
  showNote,
} from './forms.ts';

export type Block = 'login' | 'reset' | 'unlock' | 'wait';

/** A code that was asked for: never the code itself. Without a `flow` none can be had before `resendAtMs`. */
export interface CodeStep {
  purpose: 'unlock' | 'reset';
  username: string;
  flow: string | undefined;
  phone: string;
  resendAtMs: number;
  askedAtMs: number;
  /** The flow's one try is gone: only a new code helps. */
  isTried?: boolean;
}

/** What a code that was asked for is answered with. */
interface CodeAsked {
  phone: string;
  resendIn: number;
  flow?: string;
}

const CODE_STEP = 'code-step';
const GREETING = 'greeting';
// An hour, the life of a code, and a bit for the person who asks for another one.
const STALE_MS = 65 * 60_000;

let current: CodeStep | undefined;
/** Steps that the person has left while their flow is still good, by purpose and name. */
const parked = new Map<string, CodeStep>();

/** The code that this tab waits for, if any. */
export function codeStep(): CodeStep | undefined {
  return current;
}

/** The form of a block. */
export function formOf(block: Block): Form {
  return $(`#${block} form`) as Form;
}

/** Shows what the reload interrupted, or what the page before asked for, else the login block. */
export function resume(): void {
  if ($('.block').length === 0) return;
  const step = takeKept<CodeStep>(CODE_STEP);
  const greeting = takeKept<{ username: string; note: string }>(GREETING);
  if (greeting) showLogin(greeting.username, greeting.note);
  else if (step && Date.now() - step.askedAtMs < STALE_MS) showCode(step);
  else showBlock('login');
}

/** Keeps a sentence, and the name to sign in with, for the login block on the next page. */
export function greetOnIndex(username: string, note: string): void {
  keep(GREETING, { username, note });
}

/** Shows the login block, with the name kept and a sentence about what went well. */
export function showLogin(username: string, note: string): void {
  leaveCode();
  const form = formOf('login');
  fill(form, 'username', username);
  showBlock('login');
  showNote(form, note);
}

/** Shows the first step of the reset: the form with its email address alone, and a sentence about why. */
export function showReset(username: string, note: string): void {
  leaveCode();
  setResetStep(1);
  fill(formOf('reset'), 'username', username);
  showBlock('reset');
  showNote(formOf('reset'), note);
}

/** Shows where to enter the code that was asked for, or how long to wait where none can be had. */
export function enterCode(purpose: CodeStep['purpose'], username: string, asked: CodeAsked): void {
  const now = Date.now();
  const left = asked.flow ? undefined : parked.get(placeOf(purpose, username));
  showCode({
    purpose,
    username,
    flow: asked.flow ?? left?.flow,
    phone: asked.phone,
    resendAtMs: now + asked.resendIn * 1000,
    askedAtMs: left?.askedAtMs ?? now,
  });
}

/** Says that the code can't be used any more: from here only a new one goes on. */
export function refuseCode(form: Form, sentence: string): void {
  fill(form, 'passcode', '');
  showFieldError(form, 'passcode', sentence);
  if (!current) return;
  current = { ...current, isTried: true };
  keep(CODE_STEP, current);
  setTried(form, true);
}

/** Forgets the code that has done its work. */
export function finishCode(): void {
  if (current) parked.delete(placeOf(current.purpose, current.username));
  current = undefined;
}

/** Lets the next code wait for so many seconds from now. */
export function holdResend(step: CodeStep, seconds: number): void {
  current = { ...step, resendAtMs: Date.now() + seconds * 1000 };
  keep(CODE_STEP, current);
  holdButton(formOf(step.purpose).find('.again'), current.resendAtMs);
}

/** Shows in the step's card what became of its message. */
function watchMessage({ purpose, flow }: CodeStep): void {
  const line = formOf(purpose).find('.delivery').text('').removeClass('has-failed');
  const isCurrent = () => current?.flow === flow && current?.purpose === purpose;
  if (!flow) return;
  void watchDelivery(flow, isCurrent, ({ message, hasFailed, resendIn }) => {
    line.text(message).toggleClass('has-failed', hasFailed);
    if (hasFailed && current && resendIn !== undefined) holdResend(current, resendIn);
  });
}

function showCode(step: CodeStep): void {
  const block = step.flow ? step.purpose : 'wait';
  current = step;
  keep(CODE_STEP, step);
  forgetPassword(formOf('login'));
  if (block === 'reset') setResetStep(2);
  fill(formOf(block), 'username', step.username);
  fill(formOf(block), 'passcode', '');
  setTried(formOf(block), step.isTried === true);
  $(`#${block} .phone`).text(step.phone);
  $(`#${block} .who`).text(step.username);
  showBlock(block);
  holdButton(formOf(block).find('.again'), step.resendAtMs);
  watchMessage(step);
}

/** A code that was tried can't be typed again; the button for a new one comes to the front. */
function setTried(form: Form, isTried: boolean): void {
  form.toggleClass('is-spent', isTried);
  form.find('input[name=passcode]').prop('disabled', isTried);
  form.find('button[type=submit]').prop('disabled', isTried);
  if (isTried) form.closest('.block').find('h1').trigger('focus');
}

function placeOf(purpose: string, username: string): string {
  return `${purpose} ${username.trim().toLowerCase()}`;
}

function leaveCode(): void {
  if (current?.flow && !current.isTried) parked.set(placeOf(current.purpose, current.username), current);
  current = undefined;
  takeKept(CODE_STEP);
  forgetPassword(formOf('reset'));
  fill(formOf('reset'), 'passcode', '');
  fill(formOf('unlock'), 'passcode', '');
}

/** The reset form has two steps: its address alone, then the entire form with the address fixed. */
function setResetStep(step: 1 | 2): void {
  const form = formOf('reset');
  form
    .find('input[name=username]')
    .prop('readonly', step === 2)
    .toggleClass('fixed', step === 2);
  form.find('fieldset').prop('disabled', step === 1);
  $('#reset .first-step').prop('hidden', step === 2);
  $('#reset .second-step').prop('hidden', step === 1);
  form.find('button[type=submit] .label').text(String(form.data(step === 1 ? 'ask' : 'set')));
}

function showBlock(block: Block): void {
  $('.block').prop('hidden', true);
  $(`#${block}`).prop('hidden', false);
  document.title = [$(`#${block} h1`).text(), $('body').data('service-name')].join(' · ');
  clearErrors(formOf(block));
  $(`#${block} h1`).trigger('focus');
  focusFirstEmpty(formOf(block));
}

function keep(name: string, value: object): void {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: the step lives until the reload.
  }
}

function takeKept<Kept>(name: string): Kept | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(name) ?? 'null') as Kept | null;
    sessionStorage.removeItem(name);
    return kept ?? undefined;
  } catch {
    return undefined;
  }
}
