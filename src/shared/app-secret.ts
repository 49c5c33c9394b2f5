import { type AppSecrets, markOf } from '../passcode.ts';
import { NEVER, type Store, StoreUnavailable, type Tx } from '../store.ts';

const KEY = 'mark of APP_SECRET';

/**
 * `same`: the database was used with the first secret before, or with none. `changed`: it was used with a later one of the
 * secrets, and from now on with the first. `other`: it was used with a secret that is not among them.
 */
export type SecretUse = 'same' | 'changed' | 'other';

/** Finds out if the database was used with one of the secrets. With `isForced` it is used with the first from now on. */
export async function checkSecret(
  store: Store,
  secrets: AppSecrets,
  { isForced = false, nowMs = Date.now }: { isForced?: boolean; nowMs?: () => number } = {},
): Promise<SecretUse> {
  const [newest] = secrets;
  const work = async (tx: Tx): Promise<SecretUse> => {
    const mark = await tx.sharedValue(KEY, tx.nowMs ?? nowMs());
    const use = useOf(mark, secrets);
    const isRefused = use === 'other' && !isForced;
    if (!isRefused && mark !== markOf(newest)) await tx.setSharedValue(KEY, markOf(newest), NEVER);
    return use;
  };
  return store.transact(work);
}

function useOf(mark: string | undefined, secrets: AppSecrets): SecretUse {
  const place = mark === undefined ? 0 : secrets.map(markOf).indexOf(mark);
  return place === 0 ? 'same' : place > 0 ? 'changed' : 'other';
}

/**
 * Uses a database of one process with the first secret from now on. Returns a sentence for the operator if that makes codes
 * invalid. A database that is busy is not asked.
 */
export async function notesOnSecret(store: Store, secrets: AppSecrets | undefined): Promise<string[]> {
  if (secrets === undefined) return [];
  const use = await checkSecret(store, secrets, { isForced: true }).catch((error) => {
    if (error instanceof StoreUnavailable) return 'same';
    throw error;
  });
  if (use !== 'other') return [];
  return [
    'APP_SECRET is not the one that this database was used with: codes sent before do not work any more',
  ];
}

/** Throws an Error with a sentence for the operator if a database of several processes was used with another secret. */
export async function assertSecret(store: Store, secrets: AppSecrets): Promise<void> {
  if ((await checkSecret(store, secrets)) !== 'other') return;
  throw new Error(
    'APP_SECRET is not the one that this database was used with. Give all processes the same one. docs/operations.md says how to change it, and what to do if it is lost.',
  );
}
