import { StoreUnavailable } from '../store.ts';

/** Thrown if PostgreSQL ended a transaction because of others that ran beside it. The same work may succeed when run again. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

/** A statement that was prepared before another version of the program changed its table. */
const OLD_PLAN = '0A000';
/** Serialization failure, deadlock, a row that another work added in the meantime, and an old plan. */
const CONFLICTS = ['40001', '40P01', '23505', OLD_PLAN];
/**
 * Classes of SQLSTATE for faults of the server. In their order: connection, read-only, authorization, missing database,
 * conflict, resources, locks, operator, system, configuration, internal.
 */
const SERVER_FAULTS = /^(08|25|28|3D|40|53|55|57|58|F0|XX)/;
/** All connections are taken, or the server is starting. It may be over in a moment. */
const MOMENTARY = ['53300', '57P03'];
/** A wait for a lock or a statement took too long. The connection itself is sound. */
const TIMEOUTS = ['55P03', '57014'];

/** Returns the error that a work gets for an error of the driver. */
export function toFault(error: unknown): unknown {
  const code = sqlState(error);
  if (code === undefined && !isOfConnection(error)) return error;
  if (code === undefined) return new StoreUnavailable(`The database does not answer (${reasonOf(error)}).`);
  if (CONFLICTS.includes(code)) return new Conflict(`Other works were in the way (${code}).`);
  if (SERVER_FAULTS.test(code)) return new StoreUnavailable(`The database can't do the work (${code}).`);
  return error;
}

/** True if the connection must not be used again. */
export function breaksConnection(error: unknown): boolean {
  const code = sqlState(error);
  return (
    code === undefined ||
    code === OLD_PLAN ||
    (SERVER_FAULTS.test(code) && ![...CONFLICTS, ...TIMEOUTS].includes(code))
  );
}

/** True if another work holds a lock. */
export function isLockHeld(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

/** True if a statement divided by zero. */
export function isDivision(error: unknown): boolean {
  return sqlState(error) === '22012';
}

/** True if another try to connect may succeed within seconds. */
export function isMomentary(error: unknown): boolean {
  return MOMENTARY.includes(sqlState(error) ?? '');
}

/** Returns PostgreSQL's five-letter code, or undefined if the error is not PostgreSQL's answer. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)
    ? code
    : undefined;
}

/** The system's errors have a code. The driver's own about a connection have none, but these words. */
function isOfConnection(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    typeof code === 'string' ||
    /timeout|timed out|connection|terminat|closed|not queryable/i.test(String(message))
  );
}

/** Never the driver's text: it may name the user. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? (/timeout/i.test(message ?? '') ? 'timeout' : 'connection lost');
}
