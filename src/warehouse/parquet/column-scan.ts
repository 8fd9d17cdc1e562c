import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { SluiceError } from '../../shared/index.ts';
import { openDuckdb, sqlIdentifier, sqlLiteral } from './duckdb-instance.ts';
import { type ParquetFooter, type RangedReader, readParquetFooter } from './parquet-footer.ts';

const pieceBytes = 8 * 1024 * 1024;

/**
 * Reads single integer columns of Parquet files that are far away, for the audit: only the footer and that column's pages
 * are fetched. They are put at their places into an otherwise empty (sparse) local file, which DuckDB reads with all the
 * codecs and encodings it knows.
 */
export class ColumnScan {
  readonly #directory: string;
  #instance: Promise<DuckDBInstance> | null = null;

  /** `scratchDirectory`: where the sparse files go; a subfolder of its own is made. The system's when left out. */
  constructor(options: { scratchDirectory?: string } = {}) {
    this.#directory = join(options.scratchDirectory ?? tmpdir(), `sluice-scan-${randomUUID()}`);
  }

  /**
   * The values of an integer column in the order of the file, in pieces of some thousands. `where`: only of the rows that have
   * this number in another column.
   *
   * @throws SluiceError `bad-parquet` when the file is damaged, lacks the column, or has a null in it.
   */
  async *integers(
    read: RangedReader,
    fileSize: number,
    column = '_offset',
    signal?: AbortSignal,
    where: { column: string; equals: number } | null = null,
  ): AsyncGenerator<BigInt64Array> {
    signal?.throwIfAborted();
    this.#instance ??= openDuckdb(this.#directory, '256MB');
    const connection = await (await this.#instance).connect();
    const path = join(this.#directory, `${randomUUID()}.parquet`);
    try {
      const footer = await readParquetFooter(read, fileSize);
      const wanted = where === null ? [column] : [column, where.column];
      const missing = wanted.find((name) => !footer.columns.includes(name));
      if (missing !== undefined)
        throw new SluiceError('bad-parquet', `expected a column ${missing}, came ${footer.columns.join(', ')}`);
      const indexes = wanted.map((name) => footer.columns.indexOf(name));
      await writeSparse(path, read, fileSize, footer, indexes, signal);
      yield* scan(connection, path, wanted, where?.equals ?? null, signal);
    } finally {
      connection.closeSync();
      await rm(path, { force: true });
    }
  }

  async close(): Promise<void> {
    const instance = this.#instance;
    this.#instance = null;
    (await instance)?.closeSync();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/**
 * The filter is ours, not DuckDB's: for a comparison in SQL it would look into bloom filters and indexes, which are not fetched.
 */
async function* scan(
  connection: DuckDBConnection,
  path: string,
  columns: readonly string[],
  equals: number | null,
  signal: AbortSignal | undefined,
): AsyncGenerator<BigInt64Array> {
  const list = columns.map((column) => `${sqlIdentifier(column)}::BIGINT`).join(', ');
  const [column] = columns;
  try {
    const result = await connection.stream(`SELECT ${list} FROM read_parquet(${sqlLiteral(path)})`);
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const all = chunk.getColumnValues(0);
      const keys = equals === null ? null : chunk.getColumnValues(1);
      const values = keys === null ? all : all.filter((_, i) => keys[i] === BigInt(equals!));
      if (values.includes(null))
        throw new SluiceError('bad-parquet', `expected a value in every row of ${column}, came a null`);
      yield BigInt64Array.from(values as bigint[]);
    }
  } catch (cause) {
    if (cause instanceof SluiceError || signal?.aborted) throw cause;
    throw new SluiceError('bad-parquet', `the column ${column} cannot be read`, { cause });
  }
}

async function writeSparse(
  path: string,
  read: RangedReader,
  fileSize: number,
  footer: ParquetFooter,
  columnIndexes: readonly number[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.truncate(fileSize);
    await copyRange(file, read, 0, 4, signal);
    await copyRange(file, read, footer.position, fileSize - footer.position, signal);
    for (const { position, size } of footer.rowGroups.flatMap(({ chunks }) => columnIndexes.map((i) => chunks[i]!))) {
      if (position < 0 || size < 0 || position + size > footer.position) {
        throw new SluiceError(
          'bad-parquet',
          `expected pages before byte ${footer.position}, came ${size} bytes at ${position}`,
        );
      }
      await copyRange(file, read, position, size, signal);
    }
  } finally {
    await file.close();
  }
}

async function copyRange(
  file: FileHandle,
  read: RangedReader,
  position: number,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = position; at < position + size; at += pieceBytes) {
    signal?.throwIfAborted();
    const bytes = await read(at, Math.min(pieceBytes, position + size - at));
    await file.write(bytes, 0, bytes.length, at);
  }
}
