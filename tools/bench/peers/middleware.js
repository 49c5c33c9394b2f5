import { fileURLToPath } from 'node:url';
import express from 'express';
import helmet from 'helmet';
import { pino } from 'pino';
import { sameSite } from '../../../dist/http/csrf.js';
import { isFormType, loginForm, readBody, readForm } from '../../../dist/http/forms.js';
import { PORT } from './accounts.js';

// What stands before each of the product's routes, in its order and with its settings, and a route without work.
const log = pino({ base: null });
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.set('query parser', false);
app.set('case sensitive routing', true);
app.set('strict routing', true);

app.use(
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false,
  }),
);
app.use(
  express.static(fileURLToPath(new URL('../../../public', import.meta.url)), {
    index: false,
    redirect: false,
    acceptRanges: false,
  }),
);
app.use((_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
});
app.use((request, response, next) => {
  const startedAtMs = performance.now();
  response.on('finish', () => {
    const path = request.route?.path ?? 'unknown';
    const ms = Math.round(performance.now() - startedAtMs);
    log.info({ method: request.method, path, status: response.statusCode, ms }, 'request');
  });
  next();
});
app.use(sameSite(`http://localhost:${PORT}`, (_request, response) => response.sendStatus(403)));
app.use(
  express.raw({
    type: (request) => isFormType(request.headers['content-type']),
    limit: 8 * 1024,
    inflate: false,
  }),
);

app.post('/login', (request, response) => {
  const body = readBody(request.headers['content-type'], request.body ?? Buffer.alloc(0));
  const parsed = 'field' in body ? body : readForm(loginForm, body.form);
  if ('field' in parsed) return response.sendStatus(400);
  response.json({ status: 'ok', message: 'Welcome back.' });
});

app.listen(PORT, '127.0.0.1');
