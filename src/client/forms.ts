import $ from 'jquery';
import type { Failure } from './wire.ts';

export type Form = JQuery<HTMLFormElement>;

const FAULT = 'Something in this page went wrong. Reload it and try again.';

let visit = 0;
const visits = new WeakMap<HTMLElement, number>();

/** Runs `work` when the form is submitted with all its required fields filled in, once at a time. */
export function onSubmit(form: Form, work: (form: Form) => Promise<unknown>): void {
  form.on('input', 'input', (event) => clearFieldError($(event.currentTarget)));
  form.on('submit', (event) => {
    event.preventDefault();
    if (isBusy(form)) return;
    // A browser remembers what is sent from a text field, and must not take a password for one.
    setRevealed(form.find('.reveal'), false);
    if (!showMissing(form)) void whileBusy(form, form.find('button[type=submit]'), () => work(form));
  });
  // Until now a press would have sent the form, and the password with it, without this script.
  form.find('button[type=submit]').prop('disabled', false);
}

/** Runs `work` while the button says that it goes on; does nothing where the form is busy already. */
export async function whileBusy(form: Form, button: JQuery, work: () => Promise<unknown>): Promise<void> {
  if (isBusy(form)) return;
  for (const element of form.get()) visits.set(element, visit);
  setBusy(form, button, true);
  try {
    await painted();
    await work();
  } catch (error) {
    console.error(error);
    showError(form, FAULT);
  } finally {
    setBusy(form, button, false);
  }
}

/** Tells the work that goes on in any form that the person has gone elsewhere. */
export function leaveForms(): void {
  visit += 1;
}

/** Whether the person has gone elsewhere since the form's work began: its answer then has no place to be shown. */
export function hasLeft(form: Form): boolean {
  return form.get().some((element) => visits.get(element) !== visit);
}

/** What is typed in a field, untouched. */
export function typed(form: Form, field: string): string {
  return String(fieldOf(form, field).val() ?? '');
}

export function fill(form: Form, field: string, value: string): void {
  fieldOf(form, field).val(value);
}

/** Puts the focus in the first of the form's fields that is empty, else in its last one. */
export function focusFirstEmpty(form: Form): void {
  const fields = form.find<HTMLInputElement>('input:enabled:not(.fixed)');
  const empty = fields.filter((_, field) => field.value === '');
  (empty.length > 0 ? empty : fields.last()).first().trigger('focus');
}

/** Says what is wrong with a field, beside it, and puts the focus there. */
export function showFieldError(form: Form, field: string, sentence: string): void {
  clearErrors(form);
  markField(fieldOf(form, field), sentence);
  selectField(form, field);
}

/** Puts the focus in a field, so that typing replaces what is in it. */
export function selectField(form: Form, field: string): void {
  fieldOf(form, field).trigger('focus').trigger('select');
}

/** Says what is wrong where no field is to blame. */
export function showError(form: Form, sentence: string): void {
  clearErrors(form);
  form.find('.form-error').text(sentence).prop('hidden', false);
}

/** Says, beside the named field if the form has it, why a request was not done. */
export function showFailure(form: Form, failure: Failure): void {
  if (failure.status === 'invalid' && fieldOf(form, failure.field).length > 0) {
    showFieldError(form, failure.field, failure.message);
  } else {
    showError(form, failure.message);
  }
}

/** Says what went well; an empty sentence takes it back. */
export function showNote(form: Form, sentence: string): void {
  clearErrors(form);
  form.find('.note').text(sentence);
}

/** Takes back what was said. Only for an answer: at a press, the button would move from under the second click. */
export function clearErrors(form: Form): void {
  form.find('input').each((_, input) => clearFieldError($(input)));
  form.find('.form-error').text('').prop('hidden', true);
  form.find('.note').text('');
}

/** Makes the buttons beside password fields show and hide what is typed. */
export function bindReveals(): void {
  $('.reveal').on('click', (event) => {
    const button = $(event.currentTarget);
    setRevealed(button, button.siblings('input').attr('type') === 'password');
  });
}

/** Empties and hides the form's password again. */
export function forgetPassword(form: Form): void {
  fill(form, 'password', '');
  setRevealed(form.find('.reveal'), false);
}

function setRevealed(button: JQuery, isShown: boolean): void {
  button.siblings('input').attr('type', isShown ? 'text' : 'password');
  button.find('.verb').text(isShown ? 'Hide' : 'Show');
}

function showMissing(form: Form): boolean {
  const missing = form
    .find<HTMLInputElement>('input[required]:enabled')
    .filter((_, input) => (input.name === 'password' ? input.value : input.value.trim()) === '');
  missing.each((_, input) => markField($(input), String($(input).data('missing'))));
  missing.first().trigger('focus');
  return missing.length > 0;
}

function fieldOf(form: Form, field: string): JQuery<HTMLInputElement> {
  return form.find<HTMLInputElement>('input').filter((_, input) => {
    return input.name === field || input.dataset.alias === field;
  });
}

function markField(input: JQuery<HTMLInputElement>, sentence: string): void {
  input.attr('aria-invalid', 'true');
  input.closest('.field').find('.error').text(sentence).prop('hidden', false);
}

function clearFieldError(input: JQuery): void {
  input.removeAttr('aria-invalid');
  input.closest('.field').find('.error').text('').prop('hidden', true);
}

function isBusy(form: Form): boolean {
  return form.attr('aria-busy') === 'true';
}

/** The button stays in the tab order, so that the focus does not fall off it while the work goes on. */
function setBusy(form: Form, button: JQuery, isOn: boolean): void {
  form.attr('aria-busy', String(isOn));
  // An answer must find the person where the question was asked.
  form.closest('.block').find('.ways').prop('inert', isOn);
  form.find('input:not(.fixed)').prop('readonly', isOn);
  button.attr('aria-disabled', String(isOn));
  button.find('.label').prop('hidden', isOn);
  button.find('.busy').prop('hidden', !isOn);
}

/** Waits until the browser has shown what was changed; a page in the background, which shows nothing, goes on too. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 100);
  });
}
