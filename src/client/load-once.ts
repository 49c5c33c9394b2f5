import { PageError } from './page-error.ts';
import { type Setting, setting } from './settings.ts';

const NOT_LOADED =
  'We can’t reach the server for a part of this page. Check your connection and try again. ' +
  'If that doesn’t help, reload the page.';

/** Returns a function that calls `load` once and keeps its result. After a failure, the next call tries again. */
export function loadOnce<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

/**
 * Returns a function that imports a module, or throws a PageError. Browsers keep a failed import, so after a failure
 * the next call imports the module's file under another address.
 */
export function retriedImport<Module>(file: Setting, load: () => Promise<Module>): () => Promise<Module> {
  let failures = 0;
  return async () => {
    try {
      return await (failures === 0 ? load() : import(`${setting(file)}?retry=${failures}`));
    } catch (cause) {
      failures += 1;
      throw new PageError(NOT_LOADED, { cause });
    }
  };
}
