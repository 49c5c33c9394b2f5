/** The server's settings that the page needs, and the addresses of the scripts that it loads later. */
export type Setting =
  | 'serviceName'
  | 'passwordMinLength'
  | 'codeLifetimeSeconds'
  | 'hashWorker'
  | 'passwords'
  | 'phone'
  | 'estimate';

/** Returns a setting as the server wrote it. jQuery's `.data()` would read the name `[24]` as a list. */
export function setting(name: Setting): string {
  return document.body.dataset[name] ?? '';
}
