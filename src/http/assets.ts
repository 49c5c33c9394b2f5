import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';

/** The files that pages load. `npm run build` makes them, and their names contain a hash of their content. */
export interface Assets {
  /** The path of a file, such as `/assets/main-6LQBZ3RK.js` for `main.js`. Throws for a name that was not built. */
  pathOf(name: string): string;
  /** Answers requests for assets, in the best coding that the browser accepts. Passes on all other requests. */
  readonly serve: RequestHandler;
}

const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** Reads the built files once. Throws if there is no build. */
export function readAssets(folder: string): Assets {
  const names = readManifest(folder);
  // In memory, so a request holds no open file.
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

  const serve: RequestHandler = (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next();
    const file = request.path.startsWith('/assets/') ? request.path.slice('/assets/'.length) : '';
    const isAsset = files.has(file) && /-[A-Z0-9]{8}\.\w+(\.map)?$/.test(file);
    if (!isAsset) return next();

    const coding = CODINGS.find(([coding, end]) => files.has(file + end) && request.acceptsEncodings(coding));
    if (files.has(`${file}.br`)) response.vary('Accept-Encoding');
    if (coding) response.set('Content-Encoding', coding[0]);
    response.type(extname(file));
    // The name contains a hash of the content, so the content never changes.
    response.set('Cache-Control', 'public, max-age=31536000, immutable');
    const content = files.get(file + (coding?.[1] ?? '')) as Buffer;
    response.set('Content-Length', String(content.length)).end(content);
  };
  return {
    serve,
    pathOf(name) {
      if (names[name] === undefined) throw new Error(`There is no asset ${name}`);
      return `/assets/${names[name]}`;
    },
  };
}

function readManifest(folder: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  } catch (error) {
    throw new Error(`${folder} can't be read: run "npm run build" first.`, { cause: error });
  }
}
