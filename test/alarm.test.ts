import { expect, test } from 'vitest';
import { quietAlarm } from '../src/alarm.ts';

test('an alarm is told at once, then at most every ten minutes with how often it was seen, each kind by itself', () => {
  let nowMs = 0;
  const lines: object[] = [];
  const alarm = quietAlarm(
    (line) => lines.push(line),
    () => nowMs,
  );
  alarm({ event: 'many_failed_codes' });
  alarm({ event: 'many_failed_codes' });
  alarm({ event: 'messages_held_back', budget: 'total' });
  nowMs = 600_000 - 1;
  alarm({ event: 'many_failed_codes' });
  nowMs += 1;
  alarm({ event: 'many_failed_codes' });
  expect(lines).toEqual([
    { event: 'many_failed_codes', times: 1 },
    { event: 'messages_held_back', budget: 'total', times: 1 },
    { event: 'many_failed_codes', times: 3 },
  ]);
});
