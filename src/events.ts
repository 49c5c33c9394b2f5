/** Every event that the log can have, with its level. The document docs/operations.md explains each of them. */
export const EVENTS = {
  sms_sent: 'info',
  sms_suppressed: 'info',
  sms_refused: 'info',
  sms_unknown: 'info',
  delivery_delivered: 'info',
  delivery_failed: 'info',
  delivery_unknown: 'info',

  sms_outage_started: 'error',
  sms_outage_continues: 'error',
  sms_outage_ended: 'warn',
  sms_unconfirmed: 'warn',
  deliveries_failing: 'warn',
  delivery_tracking_off: 'warn',
  ringcentral_check_failed: 'warn',
  messages_suppressed: 'warn',
  queue_full: 'warn',
  many_failed_codes: 'warn',
  proxy_not_trusted: 'warn',
  log_lines_dropped: 'warn',
  store_unavailable: 'error',
  fault: 'error',
  background_fault: 'error',
  cleanup_failed: 'error',
} as const satisfies Record<string, 'info' | 'warn' | 'error'>;

/** The name of an event in the log. */
export type LogEvent = keyof typeof EVENTS;
