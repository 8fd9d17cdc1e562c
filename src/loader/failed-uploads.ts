import { describeError, type Logger } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';

/** What a server may still carry out is of the newest of them. */
const keptPaths = 100;

/**
 * Staging names whose upload failed. A request without an answer may be carried out late, behind the deletion of what was there; so the
 * names are deleted once more when the partition is released. They were given once, and no commit names one of them. Of an owner
 * that dies before, the next claim sweeps all of the staging.
 */
export class FailedUploads {
  #paths: string[] = [];

  note(path: string): void {
    this.#paths.push(path);
    if (this.#paths.length > keptPaths) this.#paths.shift();
  }

  async deleteAll(files: WarehouseFiles, { logger, signal }: { logger: Logger; signal: AbortSignal }): Promise<void> {
    const paths = this.#paths;
    this.#paths = [];
    for (const path of paths) {
      try {
        if (await files.delete(path, { signal })) logger.info({ path }, 'LateUploadDeleted');
      } catch (error) {
        signal.throwIfAborted();
        logger.debug({ path, reason: describeError(error) }, 'StagingFileLeft');
      }
    }
  }
}
