// Java's .properties format, in which Kafka's tools take their settings, and the references to secrets in its values.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BadInputError } from '../../../shared/index.ts';

export type Properties = ReadonlyMap<string, string>;

export interface ReferenceSources {
  env: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => string;
}

export const systemSources: ReferenceSources = {
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
};

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** Parses a file's text: comments, `key=value`, `key: value`, escapes, lines continued by a backslash. The last of equal keys counts. */
export function parseProperties(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of logicalLines(text)) {
    // The key ends at the first separator that is not escaped.
    const match = /^((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)$/s.exec(line);
    if (match) found.set(unescaped(match[1]!), unescaped(match[2]!));
  }
  return found;
}

function* logicalLines(text: string): Generator<string> {
  let joined = '';
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.trimStart();
    if (joined === '' && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
    const isContinued = /(^|[^\\])(\\\\)*\\$/.test(line);
    joined += isContinued ? line.slice(0, -1) : line;
    if (isContinued) continue;
    yield joined;
    joined = '';
  }
  if (joined !== '') yield joined;
}

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, escaped: string) =>
    escaped.length === 5 ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16)) : (escapes[escaped] ?? escaped),
  );
}

/**
 * Puts in what a value refers to, so that secrets need not stand in it. The words are those of Kafka's configuration
 * providers (KIP-297, KIP-887): `${env:NAME}`, `${file:PATH:KEY}` of a properties file, `${directory:FOLDER:FILE}` for a
 * whole file such as a mounted secret. Throws BadInputError that names the reference, never the secret.
 */
export function resolveReferences(value: string, sources: ReferenceSources): string {
  return value.replace(/\$\{(\w+):([^}]*)\}/g, (reference, provider: string, argument: string) => {
    const found = lookUp(provider, argument, sources);
    if (found === undefined)
      throw new BadInputError(`expected ${reference} to refer to something, found nothing there`);
    return found;
  });
}

function lookUp(provider: string, argument: string, { env, readFile }: ReferenceSources): string | undefined {
  const split = argument.lastIndexOf(':');
  const [path, key] = [argument.slice(0, Math.max(0, split)), argument.slice(split + 1)];
  switch (provider) {
    case 'env':
      return env[argument];
    case 'file':
      return parseProperties(readText(path, readFile)).get(key);
    case 'directory':
      return readText(join(path, key), readFile).replace(/\r?\n$/, '');
    default:
      throw new BadInputError(`expected a reference to env, file or directory, got one to "${provider}"`);
  }
}

/** The text of a file that settings name; throws BadInputError. */
export function readText(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    throw new BadInputError(`could not read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
