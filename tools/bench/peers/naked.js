import express from 'express';
import { PORT } from './accounts.js';

// Express as its "Hello world" has it, with JSON in place of the greeting.
const app = express();

app.post('/login', (_request, response) => {
  response.json({ status: 'ok', message: 'Welcome back.' });
});

app.listen(PORT, '127.0.0.1');
