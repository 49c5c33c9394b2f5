import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import express from 'express';
import { ACCOUNTS, emailOf, openDatabase, PASSWORD, PORT } from './accounts.js';

const auth = betterAuth({
  baseURL: `http://localhost:${PORT}`,
  secret: 'a secret of this run, of more than 32 characters',
  database: openDatabase(),
  emailAndPassword: { enabled: true },
  // Off, as the product's RATE_LIMITS=off. It would refuse the fourth sign-in within ten seconds.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
});
await (await getMigrations(auth.options)).runMigrations();

const { internalAdapter, password } = await auth.$context;
// All accounts have the same hash, because hashes of their own would take minutes. A check takes as long.
const hashed = await password.hash(PASSWORD);
for (let account = 0; account < ACCOUNTS; account += 1) {
  const user = await internalAdapter.createUser({
    email: emailOf(account),
    name: 'Sam',
    emailVerified: true,
  });
  await internalAdapter.linkAccount({
    userId: user.id,
    accountId: user.id,
    providerId: 'credential',
    password: hashed,
  });
}

const app = express();
app.all('/api/auth/*splat', toNodeHandler(auth));
app.listen(PORT, '127.0.0.1');
