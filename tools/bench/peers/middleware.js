import { fileURLToPath } from 'node:url';
import express from 'express';
import helmet from 'helmet';
import { readAssets } from '../../../dist/http/assets.js';
import { sameSite } from '../../../dist/http/csrf.js';
import { isFormType, loginForm, readBody, readForm } from '../../../dist/http/forms.js';
import { createLog } from '../../../dist/runtime/log.js';
import { PORT } from './accounts.js';

// The product's middleware, in its order and with its settings, before a route without work.
const { log } = createLog();
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
        workerSrc: ["'self'"],
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
app.use(readAssets(fileURLToPath(new URL('../../../public/assets', import.meta.url))).serve);
app.use((_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
});
app.use((request, response, next) => {
  const startMs = performance.now();
  response.on('finish', () => {
    const path = request.route?.path ?? 'unknown';
    const ms = Math.round(performance.now() - startMs);
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
