/**
 * A sync that fails is final. The kernel may have dropped the pages it could not write and will report success the next time, so
 * nobody may try again; and whatever the errno (ENOSPC too), it must not be taken for a full disk that an append can survive. All of
 * the log works on a file system that tells of the first such failure, wherever it happens, before the caller gets its error.
 */
import { describeError, SluiceError } from '../../shared/index.ts';
import type { LogFile, LogFileSystem } from './log-file-system.ts';

export function withStrictSync(fileSystem: LogFileSystem, onSyncFailure: (error: Error) => void): LogFileSystem {
  const guard = async (sync: Promise<void>): Promise<void> => {
    try {
      await sync;
    } catch (error) {
      const failure = syncFailed(error);
      onSyncFailure(failure);
      throw failure;
    }
  };
  return {
    open: async (path, mode) => new StrictFile(await fileSystem.open(path, mode), guard),
    syncDirectory: (path) => guard(fileSystem.syncDirectory(path)),
    stat: (path) => fileSystem.stat(path),
    list: (path) => fileSystem.list(path),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    rename: (from, to) => fileSystem.rename(from, to),
    removeFile: (path) => fileSystem.removeFile(path),
    removeDirectory: (path) => fileSystem.removeDirectory(path),
    lockDirectory: (directory) => fileSystem.lockDirectory(directory),
  };
}

class StrictFile implements LogFile {
  readonly #file: LogFile;
  readonly #guard: (sync: Promise<void>) => Promise<void>;

  constructor(file: LogFile, guard: (sync: Promise<void>) => Promise<void>) {
    this.#file = file;
    this.#guard = guard;
  }

  read(target: Buffer, position: number): Promise<number> {
    return this.#file.read(target, position);
  }

  write(buffers: Buffer[], position: number): Promise<void> {
    return this.#file.write(buffers, position);
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  datasync(): Promise<void> {
    return this.#guard(this.#file.datasync());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function syncFailed(error: unknown): SluiceError {
  const message = `a sync to disk failed (${describeError(error)}): what was not synced before may be lost`;
  return new SluiceError('sync-failed', message, { cause: error });
}
