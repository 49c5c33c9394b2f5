import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';

/** The files that pages load, as `npm run build` has left them, under names that hold a hash of what is in them. */
export interface Assets {
  /** The path to ask for a file by: of `main.js`, `/assets/main-6LQBZ3RK.js`; throws for a name that was not built. */
  pathOf(name: string): string;
  /** Answers requests for them, in the best coding that the browser takes and there is; all others are let by. */
  readonly serve: RequestHandler;
}

const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** Reads what there is, once; throws where nothing was built. */
export function readAssets(folder: string): Assets {
  const names = readManifest(folder);
  const files = new Set(readdirSync(folder));

  const serve: RequestHandler = (request, response, next) => {
    const file = request.path.startsWith('/assets/') ? request.path.slice('/assets/'.length) : '';
    const isAsset = files.has(file) && /-[A-Z0-9]{8}\.\w+(\.map)?$/.test(file);
    if (!isAsset || (request.method !== 'GET' && request.method !== 'HEAD')) return next();

    const coding = CODINGS.find(([coding, end]) => files.has(file + end) && request.acceptsEncodings(coding));
    if (files.has(`${file}.br`)) response.vary('Accept-Encoding');
    if (coding) response.set('Content-Encoding', coding[0]);
    response.type(extname(file));
    // A name stands for one content, for ever.
    const options = { root: folder, immutable: true, maxAge: '365d', acceptRanges: false };
    response.sendFile(file + (coding?.[1] ?? ''), options, (error) => {
      if (!error || response.headersSent) return;
      response.removeHeader('Content-Encoding');
      next(error);
    });
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
