import { lstatSync, readFileSync, statSync } from 'node:fs';
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
  const others = Object.keys(env);
  const { faults, notes, names } = file === undefined ? NO_FILE : addFile(file, env);
  const typed = [
    ...typingErrors(names, isNearInFile),
    ...typingErrors(
      others.filter((name) => !names.includes(name)),
      isNear,
    ),
  ];
  return { file, databaseFolder, faults, notes: [...notes, ...typed] };
}

/** Returns true for a link to a missing file too. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

interface FileFindings {
  readonly faults: readonly string[];
  readonly notes: readonly string[];
  /** The names of the variables in the file. */
  readonly names: readonly string[];
}

const NO_FILE: FileFindings = { faults: [], notes: [], names: [] };

/** Adds the variables of a file to `env`. */
function addFile(file: string, env: Variables): FileFindings {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    return { ...NO_FILE, faults: [`${file} ${reasonOf(error as NodeJS.ErrnoException)}`] };
  }
  if (text.includes('\0')) return { ...NO_FILE, faults: [`${file} ${NOT_TEXT}`] };
  const variables = dotenv.parse(text);
  for (const [name, value] of Object.entries(variables)) {
    if (!Object.hasOwn(env, name) || !env[name]?.trim()) env[name] = value;
  }
  return {
    faults: faultsIn(text).map((fault) => `${file}, ${fault}`),
    notes: repeatsIn(text).map((repeat) => `${file} ${repeat}`),
    names: Object.keys(variables),
  };
}

/** Reads a file of UTF-8 text. A pipe or a device could block the start without end. */
function readText(file: string): string {
  const found = statSync(file);
  if (!found.isFile() && !found.isDirectory()) throw new Error(NOT_REGULAR);
  return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
}

const NOT_REGULAR = 'is not a regular file.';

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
    case undefined:
      return message;
    default:
      return `can't be read: ${code}.`;
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

/** Returns a sentence for each of our variables that has several lines. The last one counts, without a word from dotenv. */
function repeatsIn(text: string): string[] {
  const lines = text.split(/\r\n?|\n/).map((line) => LINE.exec(line)?.[1]);
  return VARIABLES.flatMap((variable) => {
    const places = lines.flatMap((name, index) => (name === variable ? [index + 1] : []));
    return places.length < 2
      ? []
      : [`has ${variable} in lines ${places.join(' and ')}. Only the last one counts.`];
  });
}

/** Shorter names, such as PORT, look like too many other names of an environment. */
const MIN_TYPED = 6;

function typingErrors(
  names: readonly string[],
  isMeant: (typed: string, variable: string) => boolean,
): string[] {
  const known: readonly string[] = VARIABLES;
  return names.flatMap((name) => {
    const meant = known.includes(name)
      ? undefined
      : known.find((variable) => isMeant(name.toUpperCase(), variable));
    return meant === undefined ? [] : [`${name} is not read. Did you mean ${meant}?`];
  });
}

/** In a `.env` also true for short names, and for the beginning of a longer name, such as SMS_COUNTRY. */
function isNearInFile(typed: string, variable: string): boolean {
  const isBeginning = typed.length >= MIN_TYPED && variable.startsWith(typed.slice(0, -1));
  return isBeginning || isOneSlipFrom(typed, variable);
}

function isNear(typed: string, variable: string): boolean {
  return variable.length >= MIN_TYPED && isOneSlipFrom(typed, variable);
}

/** Returns true if at most one letter differs, is missing or is extra, or two neighbours are swapped. */
function isOneSlipFrom(typed: string, meant: string): boolean {
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
