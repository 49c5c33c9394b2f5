import supertest from 'supertest';
import { expect, test } from 'vitest';
import { freePort } from '../../../tools/free-port.ts';
import { runProgram, startProgram } from '../../support/program.ts';

test('the program serves its metrics on METRICS_PORT alone, and counts what its routes answer', async () => {
  const metricsPort = await freePort();
  const { origin, port } = await startProgram({ METRICS_PORT: String(metricsPort) });
  await supertest(origin).post('/getseed').type('form').send({ username: 'ann@example.com' });
  expect((await supertest(origin).get('/metrics')).status).toBe(404);
  const { text } = await supertest(`http://127.0.0.1:${metricsPort}`).get('/metrics');
  expect(text).toContain('http_requests_total{method="POST",route="/getseed",status="200"} 1\n');
  expect(text).toMatch(/^store_work_seconds_count [1-9]/m);
  expect(text).not.toContain('ann@');

  const other = await runProgram({ METRICS_PORT: String(metricsPort) });
  expect(await other.ended()).toBe(1);
  expect(other.output()).toContain(`port ${metricsPort} (METRICS_HOST, METRICS_PORT): EADDRINUSE`);
  expect(other.port).not.toBe(port);
});
