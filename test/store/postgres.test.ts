import { describe } from 'vitest';
import type { About, Store } from '../../src/store.ts';
import { postgresStore } from '../support/postgres.ts';
import { storeContract } from './contract.ts';

/** A store whose works lock the account, and so load its rows first. */
function about(account: About): Store {
  const store = postgresStore();
  return {
    saltKey: store.saltKey,
    transact: (work, options) => store.transact(work, { about: account, ...options }),
    close: () => store.close(),
  };
}

describe('works without an account', () => storeContract(postgresStore));
describe('works about an account', () =>
  storeContract(() => about({ email: 'ann@example.com', device: 'h1' })));
describe('works about a session', () => storeContract(() => about({ session: 's1' })));
describe('works about a flow', () => storeContract(() => about({ flow: 'f1' })));
