/** A phone number as people write it, where its digits say how: `+1 202 555 0123`; any other stays as it is. */
export function readableNumber(e164: string): string {
  return e164.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3');
}

/** A message's text in three parts, of which the middle one is its code; empty where it has none. */
export function aroundCode(text: string): [before: string, code: string, after: string] {
  const code = /\b\d{6}\b/.exec(text);
  if (!code) return [text, '', ''];
  const end = code.index + code[0].length;
  return [text.slice(0, code.index), code[0], text.slice(end)];
}
