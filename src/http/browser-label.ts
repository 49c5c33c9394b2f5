import Bowser from 'bowser';

/** Longer User-Agents are cut. The names are near their start. */
const MOST_UNITS = 512;
const NAME = /^[\w .+-]{1,30}$/;

/** Returns a short label of a User-Agent, such as `Firefox on Windows`. Returns an empty string if it names no browser. */
export function browserLabel(userAgent: string | undefined): string {
  if (!userAgent) return '';
  const { browser, os } = Bowser.parse(userAgent.slice(0, MOST_UNITS));
  const [name, system] = [browser.name, os.name].map((text) => (text && NAME.test(text) ? text : ''));
  if (!name) return '';
  return system ? `${name} on ${system}` : name;
}
