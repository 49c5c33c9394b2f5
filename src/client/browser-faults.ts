/** Names what the browser lacks for the page's forms. */
import $ from 'jquery';
import { hasWebAssembly, NO_WEBASSEMBLY } from './argon2-worker.ts';

/** The sentence for a browser that blocks cookies, or dropped the one of the sign-in. */
export const NO_COOKIES =
  'This browser doesn’t keep cookies of this site, so it can’t stay signed in. ' +
  'Allow cookies for this site, also in extensions. Then reload the page and sign in.';

/** Shows what the browser lacks, before the user fills in a form for nothing. */
export function showMissingFeatures(): void {
  if ($('input[type=password]').length === 0) return;
  if (!hasWebAssembly()) showPageError(NO_WEBASSEMBLY);
  if (!navigator.cookieEnabled) showPageError(NO_COOKIES);
}

/** Shows an error above everything else on the page. */
export function showPageError(sentence: string): void {
  $('<p class="form-error" role="alert">').text(sentence).prependTo('main');
}
