/** Names what the browser lacks for the page's forms. */
import $ from 'jquery';

const NO_WEBASSEMBLY =
  'This browser doesn’t run WebAssembly, which this page needs to protect your password. ' +
  'On an iPhone, iPad or Mac in Lockdown Mode, turn Lockdown Mode off for this website. ' +
  'Otherwise use another browser, or update this one.';
/** The sentence for a browser that blocks cookies, or dropped the one of the sign-in. */
export const NO_COOKIES =
  'This browser doesn’t keep cookies of this site, so it can’t stay signed in. ' +
  'Allow cookies for this site, also in extensions. Then reload the page and sign in.';

// The shortest module.
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

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

/** Compiles a module, because some browsers have WebAssembly but refuse to compile under this site's policy. */
function hasWebAssembly(): boolean {
  try {
    return new WebAssembly.Module(EMPTY_MODULE) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}
