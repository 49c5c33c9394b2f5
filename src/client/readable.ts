import { originBoundCode } from './passcode.ts';

/** Formats a North American number in groups: `+1 202 555 0123`. Returns any other number unchanged. */
export function readableNumber(e164: string): string {
  return e164.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3');
}

/** Splits a message's text around the code that its last line names. If there is no code, the last two parts are empty. */
export function aroundCode(text: string): [before: string, code: string, after: string] {
  const code = originBoundCode(text);
  const start = code === undefined ? -1 : text.lastIndexOf(code, text.lastIndexOf('\n'));
  if (code === undefined || start < 0) return [text, '', ''];
  const end = start + code.length;
  return [text.slice(0, start), code, text.slice(end)];
}
