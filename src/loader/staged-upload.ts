import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Clock, describeError, faultPoint, type Logger, SluiceError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { BackOff } from '../wire/client/index.ts';
import type { FailedUploads } from './failed-uploads.ts';
import type { Delay } from './wait-out.ts';

/** A finished local file and how to tell whether all of it arrived. */
export interface LocalFile {
  localPath: string;
  size: number;
  kind: 'parquet' | 'jsonl';
}

export interface UploadContext {
  files: WarehouseFiles;
  /** Absolute folder of this claim's staging files. */
  stagingFolder: string;
  /** Takes every attempt that failed. */
  failed: FailedUploads;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** Told of every failure before the wait, and with null when it is over. */
  onDelay?: ((delay: Delay | null) => void) | undefined;
}

/**
 * Steps 4 and 5: uploads under a name never used before and checks what arrived, because a client that dies in the middle of
 * a WebHDFS upload leaves a closed, truncated, normal-looking file. Each attempt takes a new name. Trouble of the warehouse
 * is waited out: the records are still in the log, and nothing of the roll may be dropped. Gives the absolute staged path.
 */
export async function uploadToStaging(file: LocalFile, context: UploadContext): Promise<string> {
  const backOff = new BackOff({ firstMs: 200, maxMs: 30_000 });
  const expectedTail = await localTail(file);
  for (let attempt = 1; ; attempt++) {
    const path = `${context.stagingFolder}/${randomUUID()}.${file.kind}`;
    try {
      await context.files.create(path, { localPath: file.localPath, size: file.size }, { signal: context.signal });
      faultPoint('loader.commit.4-staged');
      await checkArrival(path, file, expectedTail, context);
      faultPoint('loader.commit.5-verified');
      if (attempt > 1) context.onDelay?.(null);
      return path;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof SluiceError)) throw error;
      const level = error.isRetriable && attempt <= 5 ? 'warn' : 'error';
      const reason = describeError(error);
      context.onDelay?.({ event: 'UploadFailed', attempt, reason, code: error.code });
      context.logger[level]({ path, size: file.size, attempt, reason }, 'UploadFailed');
      await context.failed.discard(path, context);
      await context.clock.sleep(backOff.nextMs(), context.signal);
    }
  }
}

/** Length, and the end of the file byte for byte: the whole footer of a Parquet file, the last line's end of a file of JSON lines. */
async function checkArrival(path: string, file: LocalFile, tail: Buffer, context: UploadContext): Promise<void> {
  const { files, signal } = context;
  const status = await files.stat(path, { signal });
  if (status?.size !== file.size) {
    throw new SluiceError(
      'incomplete-upload',
      `expected ${file.size} bytes at ${path} after the upload, found ${status?.size ?? 'nothing'}`,
      { isRetriable: true },
    );
  }
  const arrived = await files.read(path, { offset: file.size - tail.length, length: tail.length, signal });
  if (!arrived.equals(tail)) {
    throw new SluiceError('incomplete-upload', `expected ${path} to end as the local file does; it differs`, {
      isRetriable: true,
    });
  }
}

const parquetTrailerBytes = 8;

/** Parquet ends with: footer, its length (uint32 little-endian), `PAR1`. */
async function localTail(file: LocalFile): Promise<Buffer> {
  const handle = await open(file.localPath, 'r');
  try {
    const { size } = await handle.stat();
    if (size !== file.size) throw new Error(`expected ${file.size} bytes in ${file.localPath}, found ${size}`);
    if (file.kind !== 'parquet') return await readEnd(1);
    const trailer = await readEnd(parquetTrailerBytes);
    if (trailer.toString('latin1', 4) !== 'PAR1') throw new Error(`expected ${file.localPath} to end with PAR1`);
    return await readEnd(trailer.readUInt32LE(0) + parquetTrailerBytes);
  } finally {
    await handle.close();
  }

  async function readEnd(length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.min(length, file.size));
    await handle.read(buffer, 0, buffer.length, file.size - buffer.length);
    return buffer;
  }
}
