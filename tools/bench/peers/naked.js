import express from 'express';
import { PORT } from './accounts.js';

// Express's own "Hello world", with JSON in place of the greeting.
const app = express();

app.post('/login', (_request, response) => {
  response.json({ status: 'ok', message: 'Welcome back.' });
});

app.listen(PORT, '127.0.0.1');
