/** Submits forms, and shows what went wrong or well in them. */
import $ from 'jquery';
import type { Failure } from './api.ts';
import { disableFor } from './countdown.ts';
import { PageError } from './page-error.ts';

export type Form = JQuery<HTMLFormElement>;

const FAULT = 'Something in this page went wrong. Reload it and try again.';

/** Runs `work` when the user submits the form with all required fields filled in, once at a time. */
export function onSubmit(form: Form, work: (form: Form) => Promise<unknown>): void {
  form.on('input', 'input', (event) => clearFieldError($(event.currentTarget)));
  form.on('keydown', ({ key, originalEvent }) => {
    // An Enter key that the user holds down submits once.
    return !(key === 'Enter' && (originalEvent as KeyboardEvent).repeat);
  });
  form.on('click', 'button[type=submit]', (event) => !isSecondClick(event));
  form.on('submit', (event) => {
    event.preventDefault();
    if (isBusy(form)) return;
    // Browsers remember the values of text fields, and must not remember a password.
    setRevealed(form.find('.reveal'), false);
    if (!showMissing(form)) void whileBusy(form, form.find('button[type=submit]'), () => work(form));
  });
  // Before this script ran, the button would have sent the password to the server.
  form.find('button[type=submit]').prop('disabled', false);
}

/** Returns true for the second click of a double click. Even if the first click's work is done, it asks for nothing new. */
export function isSecondClick({ detail }: JQuery.ClickEvent): boolean {
  return Number(detail) > 1;
}

/** Runs `work` and shows on the button that it is running. Does nothing if the form is busy. */
export async function whileBusy(form: Form, button: JQuery, work: () => Promise<unknown>): Promise<void> {
  if (isBusy(form)) return;
  form.data('abandoned', false);
  setBusy(form, button, true);
  try {
    await painted();
    await work();
  } catch (error) {
    if (error instanceof PageError) return showError(form, error.message);
    console.error(error);
    showError(form, FAULT);
  } finally {
    setBusy(form, button, false);
  }
}

/** Marks the work of all forms as abandoned, because the user went to another screen. */
export function abandonForms(): void {
  $('form').data('abandoned', true);
}

/** Returns true if the user went to another screen since the form's work began. Its answer must not be shown then. */
export function isAbandoned(form: Form): boolean {
  return form.data('abandoned') === true;
}

/** Returns the text of a field, unchanged. */
export function typed(form: Form, field: string): string {
  return String(fieldOf(form, field).val() ?? '');
}

export function fill(form: Form, field: string, value: string): void {
  fieldOf(form, field).val(value);
}

/** Focuses the first empty field of the form, or else its last field. */
export function focusFirstEmpty(form: Form): void {
  const fields = form.find<HTMLInputElement>('input:enabled:not(.fixed)');
  const empty = fields.filter((_, field) => field.value === '');
  (empty.length > 0 ? empty : fields.last()).first().trigger('focus');
}

/** Focuses a field and selects its text, so that typing replaces it. */
export function selectField(form: Form, field: string): void {
  fieldOf(form, field).trigger('focus').trigger('select');
}

/** Shows an error beside a field, and focuses the field. */
export function showFieldError(form: Form, field: string, sentence: string): void {
  clearMessages(form);
  markField(fieldOf(form, field), sentence);
  selectField(form, field);
}

/** Shows an error of the entire form. */
export function showError(form: Form, sentence: string): void {
  clearMessages(form);
  form.find('.form-error').text(sentence).prop('hidden', false);
}

/** Shows why a request failed, beside the named field if the form has that field. Disables the button if the server is to rest. */
export function showFailure(form: Form, failure: Failure): void {
  if (failure.status === 'slow_down') disableFor(form.find('button[type=submit]'), failure.retryAfter);
  if (failure.status === 'invalid' && fieldOf(form, failure.field).length > 0) {
    showFieldError(form, failure.field, failure.message);
  } else {
    showError(form, failure.message);
  }
}

/** Shows what went well; an empty sentence shows nothing. */
export function showNote(form: Form, sentence: string): void {
  clearMessages(form);
  form.find('.note').text(sentence);
}

/** Clears all errors and the note. Not for use on a click: the button would move before the second click of a double click. */
export function clearMessages(form: Form): void {
  form.find('input').each((_, input) => clearFieldError($(input)));
  form.find('.form-error').text('').prop('hidden', true);
  form.find('.note').text('');
}

/** Makes the buttons beside password fields show and hide the password. */
export function bindReveals(): void {
  $('.reveal').on('click', (event) => {
    const button = $(event.currentTarget);
    setRevealed(button, button.siblings('input').attr('type') === 'password');
  });
}

/** Empties the form's password field and hides its text again. */
export function clearPassword(form: Form): void {
  fill(form, 'password', '');
  setRevealed(form.find('.reveal'), false);
}

function setRevealed(button: JQuery, isShown: boolean): void {
  button.siblings('input').attr('type', isShown ? 'text' : 'password');
  button.find('.verb').text(isShown ? 'Hide' : 'Show');
}

/** Shows an error beside each required field that is empty. Returns true if there is one. */
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

function setBusy(form: Form, button: JQuery, isOn: boolean): void {
  form.attr('aria-busy', String(isOn));
  // The user must not leave the screen before its answer comes.
  form.closest('.screen').find('.card-links').prop('inert', isOn);
  form.find('input:not(.fixed)').prop('readonly', isOn);
  // A disabled button would lose the focus.
  button.attr('aria-disabled', String(isOn));
  button.find('.label').prop('hidden', isOn);
  button.find('.busy').prop('hidden', !isOn);
}

/** Waits for the next frame, or 100 ms at most, because a page in the background paints no frames. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 100);
  });
}
