import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { BadInputError } from '../../shared/index.ts';

export interface FoundFile {
  path: string;
  /** Which file it is, whatever its name: `device:inode`. */
  identity: string;
  device: string;
  inode: string;
  sizeBytes: number;
  modifiedMs: number;
}

/** Compressed copies hold what was shipped before. */
const compressed = /\.(gz|bz2|xz|zst|lz4|zip|Z)$/;

/** The regular files that fit any of the patterns, each once. `*`, `?` and `[a-z]` stand for characters of one name. */
export async function findFiles(patterns: readonly string[]): Promise<Map<string, FoundFile>> {
  const found = new Map<string, FoundFile>();
  for (const pattern of patterns) {
    for (const path of await expand(resolve(pattern))) {
      if (compressed.test(path) && isPattern(pattern)) continue;
      const file = await statIfFile(path);
      if (file && !found.has(file.identity)) found.set(file.identity, file);
    }
  }
  return found;
}

/** Another file of the same folder under which a file may go on after a rename; null when there is none. */
export async function findByIdentity(path: string, identity: string): Promise<FoundFile | null> {
  const folder = dirname(path);
  for (const name of await namesIn(folder)) {
    const file = await statIfFile(join(folder, name));
    if (file?.identity === identity) return file;
  }
  return null;
}

/** Throws BadInputError for a pattern that can never fit anything. */
export function checkPatterns(patterns: readonly string[]): void {
  for (const pattern of patterns) {
    if (basename(pattern) === '' || pattern.endsWith(sep)) {
      throw new BadInputError(`expected a file or a pattern like /var/log/app.log*, got "${pattern}"`);
    }
    try {
      for (const part of pattern.split(sep)) expressionOf(part);
    } catch (error) {
      throw new BadInputError(`expected a pattern like /var/log/app.log*, got "${pattern}"`, { cause: error });
    }
  }
}

/**
 * What a file's lines belong to, whatever rotation made of its name: `app.log` for `app.log.1`, `app.log-20261121` and `app.log.old`. All files of a
 * stream go to one partition: their lines keep their order, and a batch of an earlier process that comes late meets those of this one.
 */
export function streamOf(path: string): string {
  return path.replace(/(?:[.-]\d[\d._-]*|\.old|\.bak|~)+$/, '');
}

function isPattern(text: string): boolean {
  return /[*?[]/.test(text);
}

/** Paths that fit an absolute pattern, in order of their names. */
async function expand(pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) return [pattern];
  let paths = [isAbsolute(pattern) ? sep : '.'];
  for (const part of pattern.split(sep).filter((text) => text !== '')) {
    if (!isPattern(part)) {
      paths = paths.map((path) => join(path, part));
      continue;
    }
    const expression = expressionOf(part);
    const next: string[] = [];
    for (const path of paths) {
      for (const name of (await namesIn(path)).sort()) {
        const isHidden = name.startsWith('.') && !part.startsWith('.');
        if (!isHidden && expression.test(name)) next.push(join(path, name));
      }
    }
    paths = next;
  }
  return paths;
}

function expressionOf(part: string): RegExp {
  let text = '';
  for (let at = 0; at < part.length; at++) {
    const end = part[at] === '[' ? part.indexOf(']', at + 2) : -1;
    if (end > 0) {
      text += `[${part
        .slice(at + 1, end)
        .replace(/^!/, '^')
        .replace(/[\\\]]/g, '\\$&')}]`;
      at = end;
    } else if (part[at] === '*') text += '[^/]*';
    else if (part[at] === '?') text += '[^/]';
    else text += part[at]!.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  return new RegExp(`^${text}$`, 's');
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

async function statIfFile(path: string): Promise<FoundFile | null> {
  try {
    const status = await stat(path, { bigint: true });
    if (!status.isFile()) return null;
    const [device, inode] = [String(status.dev), String(status.ino)];
    return {
      path,
      identity: `${device}:${inode}`,
      device,
      inode,
      sizeBytes: Number(status.size),
      modifiedMs: Number(status.mtimeMs),
    };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
