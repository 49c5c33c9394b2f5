import { expect, test } from 'vitest';
import { throttledAlerts } from '../../src/runtime/alerts.ts';

test('each kind of alert is logged at once, and then at most every ten minutes with its count', () => {
  let nowMs = 0;
  const lines: object[] = [];
  const alert = throttledAlerts(
    (line) => lines.push(line),
    () => nowMs,
  );
  alert({ event: 'many_failed_codes' });
  alert({ event: 'many_failed_codes' });
  alert({ event: 'messages_suppressed', limit: 'total' });
  nowMs = 600_000 - 1;
  alert({ event: 'many_failed_codes' });
  nowMs += 1;
  alert({ event: 'many_failed_codes' });
  expect(lines).toEqual([
    { event: 'many_failed_codes', times: 1 },
    { event: 'messages_suppressed', limit: 'total', times: 1 },
    { event: 'many_failed_codes', times: 3 },
  ]);
});
