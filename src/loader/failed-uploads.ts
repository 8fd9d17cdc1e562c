import { describeError, type Logger } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';

/** What a server may still carry out is of the newest of them. */
const keptPaths = 100;

interface DeleteContext {
  files: WarehouseFiles;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Staging names whose upload failed. A request without an answer may be carried out late, behind the deletion of what was there; so the
 * names are deleted once more when the partition is released. They were given once, and no commit names one of them. Of an owner
 * that dies before, the next claim sweeps all of the staging.
 */
export class FailedUploads {
  #paths: string[] = [];

  /** Deletes what has arrived, and remembers the name. */
  async discard(path: string, context: DeleteContext): Promise<void> {
    this.#paths.push(path);
    if (this.#paths.length > keptPaths) this.#paths.shift();
    await deleteQuietly(path, context);
  }

  /** Deletes what has arrived since. */
  async deleteAll(context: DeleteContext): Promise<void> {
    const paths = this.#paths;
    this.#paths = [];
    for (const path of paths) {
      if (await deleteQuietly(path, context)) context.logger.info({ path }, 'LateUploadDeleted');
      context.signal.throwIfAborted();
    }
  }
}

/** Whether there was something to delete; what cannot be deleted stays for the next claim. */
async function deleteQuietly(path: string, { files, logger, signal }: DeleteContext): Promise<boolean> {
  try {
    return await files.delete(path, { signal });
  } catch (error) {
    logger.debug({ path, reason: describeError(error) }, 'StagingFileLeft');
    return false;
  }
}
