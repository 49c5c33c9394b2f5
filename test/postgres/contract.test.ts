import { describe } from 'vitest';
import type { Store } from '../../src/store.ts';
import { storeContract } from '../store/contract.ts';
import { postgresStore } from '../support/postgres.ts';

/** A store whose works lock the account, and so load its rows first. */
function aboutAnn(): Store {
  const store = postgresStore();
  const about = { email: 'ann@example.com', device: 'h1' };
  return { ...store, transact: (work, options) => store.transact(work, { about, ...options }) };
}

describe('works without an account', () => storeContract(postgresStore));
describe('works about an account', () => storeContract(aboutAnn));
