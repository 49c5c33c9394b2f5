import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import dotenv from 'dotenv';
import { VARIABLES } from '../config.ts';

/** The folder of the program, which has `views` and `public`. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The source of the variables, besides the environment. Nothing in it contains a value. */
export interface EnvironmentSource {
  /** The absolute path of the `.env` that was read. Undefined without a file. */
  readonly file: string | undefined;
  /** The folder that a relative DATABASE_URL starts at. */
  readonly databaseFolder: string;
  /** A sentence for each reason why `.env` can't be used. */
  readonly faults: readonly string[];
  /** A sentence for each variable whose name looks like a typing error. */
  readonly notes: readonly string[];
}

/** Throws an Error with a sentence for the operator if a folder of the program is missing. */
export function assertComplete(root = ROOT): void {
  for (const folder of [join(root, 'views'), join(root, 'public', 'assets')]) {
    if (exists(folder)) continue;
    throw new Error(`${folder} is missing. Run the program in its whole folder, after "npm run build".`);
  }
}

type Variables = Record<string, string | undefined>;

/**
 * Adds the variables of the `.env` in the working folder, or else beside the program, to `env`. Variables that `env` has stay,
 * unless they are empty. Only a missing `.env` is ignored.
 */
export function loadEnvironment(env: Variables, workingFolder: string, root = ROOT): EnvironmentSource {
  const file = [join(workingFolder, '.env'), join(root, '.env')].find(exists);
  const isDatabaseInEnv = Boolean(env.DATABASE_URL?.trim());
  const databaseFolder = file === undefined || isDatabaseInEnv ? workingFolder : dirname(file);
  const faults = file === undefined ? [] : addFile(file, env);
  return { file, databaseFolder, faults, notes: typingErrors(Object.keys(env)) };
}

/** Returns true for a link to a missing file too. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Adds the variables of a file to `env`, and returns the faults of the file. */
function addFile(file: string, env: Variables): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    return [`${file} ${reasonOf(error as NodeJS.ErrnoException)}`];
  }
  if (text.includes('\0')) return [`${file} ${NOT_TEXT}`];
  for (const [name, value] of Object.entries(dotenv.parse(text))) {
    if (!Object.hasOwn(env, name) || !env[name]?.trim()) env[name] = value;
  }
  return faultsIn(text).map((fault) => `${file}, ${fault}`);
}

const NOT_TEXT = 'is not UTF-8 text.';

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return NOT_TEXT;
    case 'EISDIR':
      return 'is a folder, not a file.';
    case 'ENOENT':
      return 'is a link to a missing file.';
    case 'EACCES':
      return 'is a file that this user may not read.';
    default:
      return `can't be read: ${code ?? message}.`;
  }
}

const LINE = /^\s*(?:(?:export\s+)?([\w.-]+)(?:\s*=|:\s)(.*)|#.*)?$/;
const WHOLE_VALUE = /^\s*(?:(['"`])(?:(?!\1).)*\1\s*(?:#.*)?|(?!['"`])[^#]*(?:(?<=\s)#.*)?)$/;

/** Returns a fault for each line that dotenv would ignore, and for each value that it would cut. */
function faultsIn(text: string): string[] {
  return text.split(/\r\n?|\n/).flatMap((line, index) => {
    const parts = LINE.exec(line);
    const word = /^\s*(?:export\s+)?(\w+)/.exec(line)?.[1] ?? '';
    const name = VARIABLES.find((variable) => variable === word);
    if (parts === null) return [`line ${index + 1}${name ? ` (${name})` : ''}, must be NAME=value.`];
    const isWhole = name === undefined || WHOLE_VALUE.test(parts[2] ?? '');
    if (isWhole) return [];
    return [`line ${index + 1}: # or a quote would cut the value of ${name}. Put the whole value in quotes.`];
  });
}

/** Shorter names, such as PORT, look like too many other names. */
const MIN_TYPED = 6;

function typingErrors(names: readonly string[]): string[] {
  const known: readonly string[] = VARIABLES;
  return names.flatMap((name) => {
    if (known.includes(name)) return [];
    const meant = known.find(
      (variable) => variable.length >= MIN_TYPED && isNear(name.toUpperCase(), variable),
    );
    return meant === undefined ? [] : [`${name} is not read. Did you mean ${meant}?`];
  });
}

/** Returns true if at most one letter differs, is missing or is extra, or two neighbours are swapped. */
function isNear(typed: string, meant: string): boolean {
  const shorter = Math.min(typed.length, meant.length);
  let start = 0;
  while (start < shorter && typed[start] === meant[start]) start += 1;
  let end = 0;
  while (end < shorter - start && typed.at(-1 - end) === meant.at(-1 - end)) end += 1;
  const [left, right] = [typed, meant].map((name) => name.slice(start, name.length - end)) as [
    string,
    string,
  ];
  return Math.max(left.length, right.length) <= 1 || (left.length === 2 && `${left[1]}${left[0]}` === right);
}
