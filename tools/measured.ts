/** Returns the document with `measured` between the two markers of the command. Throws if a marker is missing. */
export function withMeasured(document: string, measured: string, command: string): string {
  const marker = `<!-- measured: written by npm run ${command} -- --write -->`;
  const start = document.indexOf(marker);
  const end = document.indexOf('<!-- end of measured -->', start);
  if (start < 0 || end < 0) throw new Error('The document has no markers for this command.');
  return `${document.slice(0, start)}${marker}\n${measured}\n${document.slice(end)}`;
}
