import argon2 from 'argon2';
import bcrypt from 'bcrypt';
import createStore from 'better-sqlite3-session-store';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { ACCOUNTS, emailOf, openDatabase, PASSWORD, PORT } from './accounts.js';

// Passport's example of a sign-in with a password, with one of two packages for hashes.
const HASHES = {
  argon2: {
    hash: (password) => argon2.hash(password),
    verify: (hash, password) => argon2.verify(hash, password),
  },
  bcrypt: {
    hash: (password) => bcrypt.hash(password, 10),
    verify: (hash, password) => bcrypt.compare(password, hash),
  },
};
const { hash, verify } = HASHES[process.argv[2]];

const db = openDatabase();
db.exec('CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, hashed_password TEXT)');
const add = db.prepare('INSERT INTO users (username, hashed_password) VALUES (?, ?)');
// All accounts have the same hash, because hashes of their own would take minutes. A check takes as long.
const hashed = await hash(PASSWORD);
db.transaction(() => {
  for (let account = 0; account < ACCOUNTS; account += 1) add.run(emailOf(account), hashed);
})();

const userFor = db.prepare('SELECT * FROM users WHERE username = ?');
passport.use(
  new Strategy(async (username, password, done) => {
    try {
      const user = userFor.get(username);
      if (!user || !(await verify(user.hashed_password, password))) {
        return done(null, false, { message: 'Incorrect username or password.' });
      }
      return done(null, user);
    } catch (error) {
      return done(error);
    }
  }),
);
passport.serializeUser((user, done) => done(null, { id: user.id, username: user.username }));
passport.deserializeUser((user, done) => done(null, user));

const SqliteStore = createStore(session);
const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(
  session({
    secret: 'a secret of this run',
    resave: false,
    saveUninitialized: false,
    store: new SqliteStore({ client: db }),
  }),
);
app.use(passport.authenticate('session'));
app.post('/login', passport.authenticate('local', { successRedirect: '/', failureRedirect: '/login' }));

app.listen(PORT, '127.0.0.1');
