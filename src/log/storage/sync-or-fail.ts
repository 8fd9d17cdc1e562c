/**
 * A sync that fails is final. The kernel may have dropped the pages it could not write and will report success the next time, so
 * nobody may try again; and whatever the errno (ENOSPC too), it must not be taken for a full disk that an append can survive.
 */
import { describeError, SluiceError } from '../../shared/index.ts';
import type { LogFile, LogFileSystem } from './log-file-system.ts';

const syncFailedCode = 'sync-failed';

export async function syncOrFail(file: LogFile): Promise<void> {
  try {
    await file.datasync();
  } catch (error) {
    throw syncFailed(error);
  }
}

export async function syncDirectoryOrFail(fileSystem: LogFileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncDirectory(path);
  } catch (error) {
    throw syncFailed(error);
  }
}

/** Whether it is one of these. */
export function isSyncFailure(error: unknown): boolean {
  return error instanceof SluiceError && error.code === syncFailedCode;
}

function syncFailed(error: unknown): SluiceError {
  return new SluiceError(
    syncFailedCode,
    `a sync to disk failed (${describeError(error)}): what was not synced before may be lost`,
    {
      cause: error,
    },
  );
}
