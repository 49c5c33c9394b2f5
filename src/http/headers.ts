import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

/** Returns the headers that every answer has: helmet's, and no-store. They never differ, so helmet runs once. */
export function commonHeaders(publicOrigin: string): readonly [name: string, value: string][] {
  const isHttps = publicOrigin.startsWith('https:');
  const headers: [name: string, value: string][] = [['Cache-Control', 'no-store']];
  const collect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // Argon2id is WebAssembly. No other code is made at run time.
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        workerSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // With helmet's default, `no-referrer`, browsers send `Origin: null` with a form.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    // This program doesn't decide about subdomains.
    strictTransportSecurity: isHttps && { includeSubDomains: false },
  });
  const sample = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  collect({} as IncomingMessage, sample as unknown as ServerResponse, () => undefined);
  return headers;
}
