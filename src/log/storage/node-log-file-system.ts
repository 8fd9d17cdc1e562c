/** The log's file operations on a real disk, with Node's callback functions: they cost less per call than FileHandle. */
import { close, fdatasync, fsync, ftruncate, open, read, write, writev } from 'node:fs';
import { mkdir, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { lockDirectory } from '../../shared/index.ts';
import { errnoOf } from './log-error.ts';
import type { FileStatus, LogFile, LogFileSystem, OpenMode } from './log-file-system.ts';

const openFlags: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'w+', 'create-new': 'wx+' };
const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);

export const nodeLogFileSystem: LogFileSystem = {
  open: async (path, mode) => new NodeLogFile(await openFile(path, openFlags[mode])),
  stat: statIfThere,
  list: (path) => readdir(path),
  makeDirectory: async (path) => {
    await mkdir(path);
  },
  rename,
  removeFile: unlink,
  removeDirectory: rmdir,
  syncDirectory,
  lockDirectory,
};

class NodeLogFile implements LogFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(target: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const count = await this.#readOnce(target, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(buffers: Buffer[], position: number): Promise<void> {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const count = await this.#writeOnce(rest, at);
      at += count;
      rest = dropWritten(rest, count);
    }
  }

  truncate(sizeBytes: number): Promise<void> {
    return truncateFile(this.#fd, sizeBytes);
  }

  datasync(): Promise<void> {
    return syncData(this.#fd);
  }

  close(): Promise<void> {
    return closeFile(this.#fd);
  }

  #readOnce(target: Buffer, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, target, offset, target.length - offset, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }

  #writeOnce(buffers: Buffer[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, count: number) => (error ? reject(error) : resolve(count));
      if (buffers.length === 1) write(this.#fd, buffers[0]!, 0, buffers[0]!.length, position, done);
      else writev(this.#fd, buffers, position, done);
    });
  }
}

/** A write may be short (a nearly full disk); the rest must follow. */
function dropWritten(buffers: Buffer[], count: number): Buffer[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && left >= buffers[index]!.length) left -= buffers[index++]!.length;
  if (index === buffers.length) return [];
  return [buffers[index]!.subarray(left), ...buffers.slice(index + 1)];
}

async function statIfThere(path: string): Promise<FileStatus | null> {
  try {
    const status = await stat(path);
    return { isDirectory: status.isDirectory(), sizeBytes: status.size, modifiedMs: status.mtimeMs };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await openFile(path, 'r');
  try {
    await syncAll(fd);
  } finally {
    await closeFile(fd);
  }
}
