/** Formats a North American number in groups: `+1 202 555 0123`. Returns any other number unchanged. */
export function readableNumber(e164: string): string {
  return e164.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3');
}

/** Splits a message's text around its code. If there is no code, the last two parts are empty. */
export function aroundCode(text: string): [before: string, code: string, after: string] {
  const code = /\b\d{6}\b/.exec(text);
  if (!code) return [text, '', ''];
  const end = code.index + code[0].length;
  return [text.slice(0, code.index), code[0], text.slice(end)];
}
