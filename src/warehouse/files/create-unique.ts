import { randomUUID } from 'node:crypto';
import { sourceSize } from './source-file.ts';
import { isWarehouseError, WarehouseError } from './warehouse-error.ts';
import type { FileSource, WarehouseFiles } from './warehouse-files.ts';

/**
 * Writes a file into `folder` under a name never used before, `<uuid><suffix>`, checks that all its bytes arrived, and gives
 * its path. An upload whose fate is unknown is made again under another name; what it left is rubbish for a later sweep.
 */
export async function createUnique(
  files: WarehouseFiles,
  folder: string,
  source: FileSource,
  options: { suffix?: string; attempts?: number; signal?: AbortSignal } = {},
): Promise<string> {
  const { suffix = '', attempts = 10, ...rest } = options;
  const expectedBytes = sourceSize(source);
  for (let attempt = 1; ; attempt++) {
    const path = `${folder === '/' ? '' : folder}/${randomUUID()}${suffix}`;
    try {
      await files.create(path, source, rest);
      const found = await files.stat(path, rest);
      if (found?.size === expectedBytes) return path;
      const message = `${path}: expected ${expectedBytes} bytes after the upload, found ${found?.size ?? 'no file'}`;
      throw new WarehouseError('uncertain', message, { isRetriable: true });
    } catch (error) {
      if (!isWarehouseError(error, 'uncertain') || attempt === attempts) throw error;
      await files.delete(path, rest).catch(() => false);
    }
  }
}
