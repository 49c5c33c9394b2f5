/** Returns a time in ISO 8601. `ms` is in Unix milliseconds. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
