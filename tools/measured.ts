/** The document with `measured` in place of what stands between the two markers of that command. Throws where they are missing. */
export function withMeasured(document: string, measured: string, command: string): string {
  const marker = `<!-- measured: written by npm run ${command} -- --write -->`;
  const start = document.indexOf(marker);
  const end = document.indexOf('<!-- end of measured -->', start);
  if (start < 0 || end < 0) throw new Error('The document has lost its markers.');
  return `${document.slice(0, start)}${marker}\n${measured}\n${document.slice(end)}`;
}
