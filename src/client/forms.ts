/** Submits forms, and shows what went wrong or well in them. */
import $ from 'jquery';
import type { Failure } from './api.ts';
import { disableFor } from './countdown.ts';
import { PageError } from './page-error.ts';
import { passcodeIn } from './passcode.ts';

export type Form = JQuery<HTMLFormElement>;

/** Sentences about fields that are not right, by the names of the fields. */
export type Faults = Partial<Record<string, string>>;

const FAULT = 'Something went wrong on this page. Reload it and try again.';
const CAPS_LOCK = 'Caps Lock is on.';
/** Time for a screen reader to notice a block that is shown now. A sentence set before that is not read. */
const NOTE_DELAY_MS = 150;

/** Runs `work` when the user submits the form without faults, once at a time. Otherwise shows all faults at once. */
export function onSubmit(
  form: Form,
  work: (form: Form) => Promise<unknown>,
  findFaults: (form: Form) => Promise<Faults> = async () => ({}),
): void {
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
    void whileBusy(form, form.find('button[type=submit]'), async () => {
      const faults = { ...(await findFaults(form)), ...missingFields(form) };
      return Object.keys(faults).length > 0 ? showFaults(form, faults) : work(form);
    });
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

/** Focuses the first empty field of the form, or else its last field. Does nothing if the screen's heading would scroll away. */
export function focusFirstEmpty(form: Form): void {
  const fields = form.find<HTMLInputElement>('input:enabled:not(.fixed)');
  const empty = fields.filter((_, field) => field.value === '');
  const field = (empty.length > 0 ? empty : fields.last()).get(0);
  const heading = form.closest('.screen').find('h1').get(0);
  if (!field || (heading && distance(heading, field) > window.innerHeight)) return;
  $(field).trigger('focus');
}

/** Returns the pixels from the top of one element to the bottom of another. */
function distance(upper: Element, lower: Element): number {
  return lower.getBoundingClientRect().bottom - upper.getBoundingClientRect().top;
}

/** Focuses a field and selects its text, so that typing replaces it. */
export function selectField(form: Form, field: string): void {
  fieldOf(form, field).trigger('focus').trigger('select');
}

/** Shows an error beside a field, and focuses the field. */
export function showFieldError(form: Form, field: string, sentence: string | DocumentFragment): void {
  clearMessages(form);
  markField(fieldOf(form, field), sentence);
  selectField(form, field);
}

/** Shows an error beside each field with a fault, and focuses the first of them. */
function showFaults(form: Form, faults: Faults): void {
  clearMessages(form);
  const wrong = form
    .find<HTMLInputElement>('input')
    .filter((_, input) => markIfWrong($(input), faults[input.name]));
  wrong.first().trigger('focus');
}

function markIfWrong(input: JQuery<HTMLInputElement>, sentence: string | undefined): boolean {
  if (sentence === undefined) return false;
  markField(input, sentence);
  return true;
}

/** Shows an error of the entire form. */
export function showError(form: Form, sentence: string): void {
  clearMessages(form);
  form.find('.form-error').text(sentence).prop('hidden', false);
  updateTitle();
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
  if (sentence === '') return;
  const timer = setTimeout(() => form.find('.note').text(sentence), NOTE_DELAY_MS);
  form.data('note', timer);
}

/** Clears all errors and the note. Not for use on a click: the button would move before the second click of a double click. */
export function clearMessages(form: Form): void {
  form.find('input').each((_, input) => clearFieldError($(input)));
  form.find('.form-error').text('').prop('hidden', true);
  clearTimeout(form.data('note'));
  form.find('.note').text('');
  updateTitle();
}

/** Starts the page's title with "Error: " while the page shows an error, because screen readers read the title first. */
export function updateTitle(): void {
  const errors = $('form').find('[aria-invalid=true], .form-error:not([hidden]), .refusal:not([hidden])');
  const hasError = errors.closest('.screen[hidden], .block[hidden]').length < errors.length;
  document.title = document.title.replace(/^(Error: )?/, hasError ? 'Error: ' : '');
}

/** Makes the buttons beside password fields show and hide the password. Shows a notice while Caps Lock is on. */
export function bindReveals(): void {
  $('.reveal').on('click', (event) => {
    const button = $(event.currentTarget);
    setRevealed(button, button.siblings('input').attr('type') === 'password');
  });
  $('.control:has(.reveal) input').on('keydown keyup blur', ({ type, currentTarget, originalEvent }) => {
    const isOn = type !== 'blur' && isCapsLockOn(originalEvent);
    $(currentTarget)
      .closest('.field')
      .find('.caps-lock')
      .text(isOn ? CAPS_LOCK : '');
  });
}

/** Reduces a message that is pasted into the field for a code to its six digits. */
export function bindPastes(): void {
  $('input[name=passcode]').on('paste', (event) => {
    const text = (event.originalEvent as ClipboardEvent).clipboardData?.getData('text') ?? '';
    const passcode = passcodeIn(text);
    if (passcode === undefined) return;
    event.preventDefault();
    $(event.currentTarget).val(passcode).trigger('input');
  });
}

// When a browser fills in a field, it sends a key event without a key.
function isCapsLockOn(event: Event | undefined): boolean {
  return event instanceof KeyboardEvent && event.getModifierState('CapsLock');
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

function missingFields(form: Form): Faults {
  const missing = form
    .find<HTMLInputElement>('input[required]:enabled')
    .filter((_, input) => (input.name === 'password' ? input.value : input.value.trim()) === '');
  return Object.fromEntries(missing.get().map((input) => [input.name, input.dataset.missing]));
}

function fieldOf(form: Form, field: string): JQuery<HTMLInputElement> {
  return form.find<HTMLInputElement>('input').filter((_, input) => {
    return input.name === field || input.dataset.alias === field;
  });
}

function markField(input: JQuery<HTMLInputElement>, sentence: string | DocumentFragment): void {
  input.attr('aria-invalid', 'true');
  const error = input.closest('.field').find('.error').prop('hidden', false);
  // jQuery would read a string as HTML.
  error.get(0)?.replaceChildren(sentence);
  updateTitle();
}

function clearFieldError(input: JQuery): void {
  input.removeAttr('aria-invalid');
  input.closest('.field').find('.error').text('').prop('hidden', true);
  updateTitle();
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
