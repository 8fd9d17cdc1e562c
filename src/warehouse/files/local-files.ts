import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../shared/index.ts';
import { readSource } from './source-file.ts';
import { WarehouseError, type WarehouseErrorCode } from './warehouse-error.ts';
import type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from './warehouse-files.ts';
import { compareNames, pathComponents } from './warehouse-path.ts';

/**
 * A warehouse in a folder of the local disk.
 *
 * - What a call reports as done survives a power loss: files and the folders that name them are synced. Removals are not
 *   (an old name that comes back is rubbish, swept like any other).
 * - `publishIfAbsent` is link() and then unlink(): link refuses a taken name, whereas rename would replace it. A process that
 *   dies in between leaves the file under both names, which is harmless: asked again, the same file counts as published.
 */
export class LocalFiles implements WarehouseFiles {
  readonly url: string;
  readonly #basePath: string;
  readonly #clock: Clock;

  constructor(options: { url: string; basePath: string; clock?: Clock }) {
    this.url = options.url;
    this.#basePath = options.basePath;
    this.#clock = options.clock ?? systemClock;
  }

  async create(path: string, source: FileSource, options: { signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const target = this.#resolve(path);
    await attempt(path, async () => {
      await makeFolders(dirname(target));
      const file = await open(target, 'wx');
      try {
        if ('bytes' in source) await file.writeFile(source.bytes);
        else {
          for await (const chunk of readSource(source, copyBytes)) {
            options.signal?.throwIfAborted();
            await file.writeFile(chunk); // at the current position; unlike write(), goes on after a short write
          }
        }
        await file.sync();
      } catch (error) {
        await unlink(target).catch(() => {});
        throw error;
      } finally {
        await file.close();
      }
      await syncFolder(dirname(target));
    });
  }

  async publishIfAbsent(from: string, to: string, options: { signal?: AbortSignal } = {}): Promise<PublishOutcome> {
    options.signal?.throwIfAborted();
    const [source, target] = [this.#resolve(from), this.#resolve(to)];
    if (source === target) return 'refused';
    return await attempt(from, async () => {
      if (!(await tryLink(source, target)) && !(await isSameFile(source, target))) return 'refused';
      await syncFolder(dirname(target)); // before the old name goes, or a power loss could take both
      await ignoring(['ENOENT'], unlink(source));
      return 'published';
    });
  }

  async stat(path: string, options: { signal?: AbortSignal } = {}): Promise<FileStatus | null> {
    options.signal?.throwIfAborted();
    const components = pathComponents(path);
    const found = await attempt(path, () => ignoring(['ENOENT', 'ENOTDIR'], stat(this.#resolve(path))));
    return found ? toStatus(components.at(-1) ?? '', found) : null;
  }

  async list(path: string, options: { signal?: AbortSignal } = {}): Promise<FileStatus[]> {
    options.signal?.throwIfAborted();
    const folder = this.#resolve(path);
    const found = (await attempt(path, () => ignoring(['ENOENT'], readdir(folder)))) ?? [];
    const names = found.filter((name) => !removedName.test(name));
    if (names.length < found.length) await finishRemovals(folder, found);
    const children: FileStatus[] = [];
    for (let at = 0; at < names.length; at += statsAtOnce) {
      options.signal?.throwIfAborted();
      const slice = names.slice(at, at + statsAtOnce).map((name) => this.#statChild(path, folder, name));
      for (const child of await Promise.all(slice)) if (child) children.push(child);
    }
    return children.sort(compareNames);
  }

  async read(path: string, options: { offset?: number; length?: number; signal?: AbortSignal } = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    const target = this.#resolve(path);
    return await attempt(path, async () => {
      const file = await open(target, 'r');
      try {
        const { size } = await file.stat();
        const offset = Math.min(options.offset ?? 0, size);
        return await readFully(file, offset, Math.min(options.length ?? size, size - offset));
      } finally {
        await file.close();
      }
    });
  }

  async delete(path: string, options: { recursive?: boolean; signal?: AbortSignal } = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const target = this.#resolve(path);
    if (target === this.#basePath) throw new WarehouseError('bad-path', 'the warehouse itself cannot be deleted');
    return await attempt(path, async () => {
      const found = await ignoring(['ENOENT', 'ENOTDIR'], stat(target));
      if (!found) return false;
      if (options.recursive && found.isDirectory()) await removeFolder(target);
      else await ignoring(['ENOENT'], found.isDirectory() ? rmdir(target) : unlink(target));
      return true;
    });
  }

  async mkdirs(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const target = this.#resolve(path);
    await attempt(path, () => makeFolders(target));
  }

  async nowMs(): Promise<number> {
    return this.#clock.nowMs();
  }

  async close(): Promise<void> {}

  async #statChild(path: string, folder: string, name: string): Promise<FileStatus | null> {
    const found = await attempt(path, () => ignoring(['ENOENT'], stat(join(folder, name))));
    return found ? toStatus(name, found) : null; // null: removed since the folder was read
  }

  #resolve(path: string): string {
    return join(this.#basePath, ...pathComponents(path));
  }
}

const statsAtOnce = 64;
const copyBytes = 1024 * 1024;

async function readFully(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break; // truncated meanwhile
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** False when the target is taken, or the source or the target's folder is missing. */
async function tryLink(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' || code === 'ENOENT' || code === 'ENOTDIR') return false;
    if (code === 'EPERM' && (await stat(source)).isDirectory()) return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK') {
      const message = `expected a file system with hard links, which publish a file without replacing another; ${target} lies on one without`;
      throw new WarehouseError('unsupported', message, { cause: error });
    }
    throw error;
  }
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => ignoring(['ENOENT', 'ENOTDIR'], stat(path))));
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

/** Creates the folder and its parents, and syncs every folder that got a new child. */
async function makeFolders(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    if (systemCode(cause) !== 'EEXIST') throw cause;
    throw new WarehouseError('not-a-folder', `expected a folder at ${folder}, found a file`, { cause });
  });
  if (first === undefined) return;
  const stop = dirname(first);
  for (let changed = dirname(folder); changed.length >= stop.length; changed = dirname(changed)) {
    await syncFolder(changed);
    if (changed === stop) break;
  }
}

/**
 * Takes the folder's name away first and empties it then: while it is being emptied, a late `publishIfAbsent` must not find
 * the folder and a name in it that was taken a moment before. HDFS removes a folder at once; so it is here for all who list,
 * and who dies while it empties the folder leaves the rest to the next one that lists.
 */
async function removeFolder(folder: string): Promise<void> {
  const removed = `${folder}.removed-${randomUUID()}`;
  await ignoring(['ENOENT'], rename(folder, removed));
  await rm(removed, { recursive: true, force: true });
}

const removedName = /\.removed-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What cannot be removed, for lack of rights, say, stays for somebody who can. */
async function finishRemovals(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (removedName.test(name)) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function toStatus(name: string, found: Stats): FileStatus {
  const isFolder = found.isDirectory();
  return {
    name,
    type: isFolder ? 'directory' : 'file',
    size: isFolder ? 0 : found.size,
    modifiedMs: Math.floor(found.mtimeMs),
  };
}

const errorCodes: Record<string, WarehouseErrorCode> = {
  ENOENT: 'not-found',
  EEXIST: 'already-exists',
  EISDIR: 'is-a-folder',
  ENOTDIR: 'not-a-folder',
  ENOTEMPTY: 'folder-not-empty',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
  ENOSPC: 'no-space',
  EDQUOT: 'quota-exceeded',
  ENAMETOOLONG: 'bad-path',
  EINVAL: 'bad-path',
};

/** Runs one call and turns what the system reports into a WarehouseError. */
async function attempt<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new WarehouseError(errorCodes[code] ?? 'remote', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The result, or undefined when the call failed with one of these codes. */
async function ignoring<T>(codes: string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (codes.includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** `ENOENT` and its like; undefined for anything that is not an error of a system call. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  return (error as NodeJS.ErrnoException).code;
}
