import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TableSchema } from '../table/table-schema.ts';
import { annotateFile } from './annotate-file.ts';
import type { BatchFormat } from './batch-records.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { EncodeJob, SpoolEncoder } from './encode-job.ts';
import { fileColumns, fileMetadata, fileNodes, rowGroupRowsFor, spoolColumns } from './file-plan.ts';
import type { FolderBuffer } from './folder-buffer.ts';
import type { OpenFolders } from './open-folders.ts';
import type { EncoderOptions, SealedFile } from './parquet-engine.ts';
import type { PlainSpool } from './plain-spool.ts';
import { type SizeEstimate, smallestSampleBytes } from './size-estimate.ts';

/** What an engine shares with its encoders. */
export interface EncoderParts {
  engine: SpoolEncoder;
  batches: BatchFormat;
  estimate: SizeEstimate;
  maxMemoryBytes: number;
  pool: BufferPool;
  /** Makes names of scratch files that no other encoder uses. */
  name: string;
}

/** Turns the rows of an open folder into a finished file: spool -> Parquet by the engine -> types -> stable storage. */
export class FolderSealer {
  readonly #options: EncoderOptions;
  readonly #parts: EncoderParts;
  #fileCount = 0;

  constructor(options: EncoderOptions, parts: EncoderParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Encodes the largest open rows once, to know how well this topic's data compress. */
  async measureSample(folders: OpenFolders, schema: TableSchema): Promise<void> {
    const folder = folders.filled.find(({ pageBytes }) => pageBytes >= smallestSampleBytes);
    if (folder === undefined) return;
    const spool = folders.newSpool();
    let job: EncodeJob | null = null;
    try {
      await spool.write(folder.allColumns, folder.rowCount);
      await spool.finish(spoolColumns(folder));
      job = this.#job(folder, spool, schema, {});
      await this.#parts.engine.encode(job);
      this.#parts.estimate.learn(spool.size, await sizeOf(job.path), job.columns.length);
    } finally {
      await spool.remove();
      if (job !== null) await rm(job.path, { force: true });
    }
  }

  /** The file's rows are all rows of the folder, which is not to be used any more. */
  async seal(
    folder: FolderBuffer,
    folders: OpenFolders,
    schema: TableSchema,
    signal: AbortSignal | undefined,
  ): Promise<SealedFile> {
    const spool = await folders.spill(folder, false);
    await spool.finish(spoolColumns(folder));
    const job = this.#job(folder, spool, schema, fileMetadata(this.#options, folder, schema.id));
    job.signal = signal;
    await this.#parts.engine.encode(job);
    await annotateFile(job.path, fileNodes(job.columns));
    const size = await syncFile(job.path);
    this.#parts.estimate.learn(spool.size, size, job.columns.length);
    return {
      localPath: job.path,
      size,
      folder: folder.folder,
      firstOffset: folder.firstOffset,
      lastOffset: folder.lastOffset,
      rowCount: folder.totalRows,
      minTimeMs: BigInt(folder.minTimeMs),
      maxTimeMs: BigInt(folder.maxTimeMs),
      contentHash: folder.sum.toHex(),
      schemaId: schema.id,
    };
  }

  #job(folder: FolderBuffer, spool: PlainSpool, schema: TableSchema, metadata: Record<string, string>): EncodeJob {
    const { scratchDirectory, codec, rowGroupRows } = this.#options;
    return {
      spool,
      columns: fileColumns(folder, schema),
      path: join(scratchDirectory, `${this.#parts.name}${this.#fileCount++}.parquet`),
      codec,
      writer: this.#options.writer ?? {},
      rowGroupRows: rowGroupRowsFor(rowGroupRows, this.#parts.engine.maxRowGroupBytes, spool.groups),
      hasNegativeZero: folder.columns.some((column) => column.hasNegativeZero),
      metadata,
    };
  }
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** Puts a file on stable storage; its size. */
async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
