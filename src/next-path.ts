const SIGNED_IN_PAGE = '/about';
const ANY_ORIGIN = 'http://site.invalid';
/** Browsers read `//` and `/\` as the start of a host, and drop tabs and line feeds. */
const PATH = /^\/(?![/\\])\P{Cc}*$/u;

/** Returns the path that a URL's query names as `next` if it is a path of this site, else `/about`. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '';
  return isPathOfSite(next) ? next : SIGNED_IN_PAGE;
}

/** True for a path that a browser opens on this site and on no other. */
export function isPathOfSite(path: string): boolean {
  return PATH.test(path) && PATH.test(resolved(path));
}

/** Returns the path without `..`, as a browser asks for it. */
function resolved(path: string): string {
  return URL.canParse(path, ANY_ORIGIN) ? new URL(path, ANY_ORIGIN).pathname : '';
}
