import { describe } from 'vitest';
import type { About, Store } from '../../src/store.ts';
import { storeContract } from '../store/contract.ts';
import { postgresStore } from '../support/postgres.ts';

/** A store whose works lock the account, and so load its rows first. */
function about(account: About): Store {
  const store = postgresStore();
  return {
    ...store,
    transact: (work, options) => store.transact(work, { about: account, ...options }),
  };
}

describe('works without an account', () => storeContract(postgresStore));
describe('works about an account', () =>
  storeContract(() => about({ email: 'ann@example.com', device: 'h1' })));
describe('works about a session', () => storeContract(() => about({ session: 's1' })));
describe('works about a flow', () => storeContract(() => about({ flow: 'f1' })));
