import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../shared/index.ts';
import { sourceSize } from './source-file.ts';
import { isWarehouseError, WarehouseError } from './warehouse-error.ts';
import type { FileSource, WarehouseFiles } from './warehouse-files.ts';

export interface CreateUniqueOptions {
  /** Ends the name: `.parquet`. */
  suffix?: string;
  /** How long uploads that no DataNode takes to their end are made again. Default two minutes. */
  patienceMs?: number;
  clock?: Clock;
  random?: () => number;
  signal?: AbortSignal;
}

const firstPauseMs = 200;
const maxPauseMs = 10_000;
const defaultPatienceMs = 120_000;

/**
 * Writes a file into `folder` under a name never used before, `<uuid><suffix>`, checks that all its bytes arrived, and gives
 * its path. An upload whose fate is unknown, or that no DataNode took to its end, is made again under another name; what it
 * left is rubbish for a later sweep.
 */
export async function createUnique(
  files: WarehouseFiles,
  folder: string,
  source: FileSource,
  options: CreateUniqueOptions = {},
): Promise<string> {
  const { suffix = '', patienceMs = defaultPatienceMs, clock = systemClock, random = Math.random, signal } = options;
  const endMs = clock.monotonicMs() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    const path = `${folder === '/' ? '' : folder}/${randomUUID()}${suffix}`;
    try {
      await createWhole(files, path, source, signal ? { signal } : {});
      return path;
    } catch (error) {
      const isWorthAnother = isWarehouseError(error, 'uncertain', 'no-space') && error.isRetriable;
      if (!isWorthAnother || clock.monotonicMs() >= endMs) throw error;
      await files.delete(path, signal ? { signal } : {}).catch(() => false);
      await clock.sleep(random() * Math.min(maxPauseMs, firstPauseMs * 2 ** attempt), signal);
    }
  }
}

async function createWhole(
  files: WarehouseFiles,
  path: string,
  source: FileSource,
  options: { signal?: AbortSignal },
): Promise<void> {
  await files.create(path, source, options);
  const found = await files.stat(path, options);
  if (found?.size === sourceSize(source)) return;
  const message = `${path}: expected ${sourceSize(source)} bytes after the upload, found ${found?.size ?? 'no file'}`;
  throw new WarehouseError('uncertain', message, { isRetriable: true });
}
