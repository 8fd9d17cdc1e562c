import { rm } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { BadInputError, SluiceError } from '../../shared/index.ts';
import { type DataType, formatType } from '../table/data-type.ts';
import { openDuckdb, sqlIdentifier, sqlLiteral } from './duckdb-instance.ts';
import type { EncodeJob, SpoolEncoder } from './encode-job.ts';
import type { ParquetCodec, WriterOptions } from './parquet-engine.ts';
import { scalarsOf } from './physical-type.ts';

/** A row group's share of the memory limit: DuckDB holds its rows, its pages and buffers that double as they grow. */
const rowGroupShare = 8;

/**
 * Writes Parquet with DuckDB: one COPY from the spool, which DuckDB reads as a Parquet file, on a thread of the native
 * library. One in-memory instance an engine, and one COPY at a time: it gets all the memory, and takes about as long
 * as the JavaScript side needs for the rows of the next. Rows keep their order.
 *
 * Times, dates and small decimals are plain integers to it; what they mean is written into the footer afterwards (annotate-file.ts).
 *
 * Its dictionaries take -0 and 0 for one value and keep the first that comes. The sign would be lost, and with it the content hash, so
 * a file that has a -0 in a float or double column is written without dictionaries.
 *
 * What it cannot do (1.5.6), and is therefore not offered: FIXED_LEN_BYTE_ARRAY of other lengths than 16, bloom filters for single columns or
 * for columns without a dictionary, files without statistics, gzip levels.
 */
export class DuckdbEncoder implements SpoolEncoder {
  readonly name = 'duckdb';
  readonly codecs: readonly ParquetCodec[] = ['zstd', 'snappy', 'gzip', 'none'];
  readonly maxRowGroupBytes: number;
  readonly #temporaryDirectory: string;
  readonly #memoryLimit: string;
  #instance: Promise<DuckDBInstance> | null = null;
  /** Ends when the last COPY that was asked for has ended. */
  #last: Promise<void> = Promise.resolve();

  /** `temporaryDirectory` is only used when a row group does not fit into `memoryLimit` (as in `512MB`). */
  typeProblem(type: DataType): string | null {
    const fixed = scalarsOf(type).find((scalar) => scalar.kind === 'fixed' && scalar.length !== 16);
    return fixed === undefined ? null : `${formatType(fixed)} (only fixed(16); use bytes, or the engine parquetjs)`;
  }

  writerProblem(writer: WriterOptions, codec: ParquetCodec): string | null {
    if (writer.codecLevel === undefined || codec === 'zstd') return null;
    return `a level for the codec ${codec} (only for zstd)`;
  }

  constructor(temporaryDirectory: string, memoryLimit: string) {
    this.#temporaryDirectory = temporaryDirectory;
    this.#memoryLimit = memoryLimit;
    this.maxRowGroupBytes = Math.floor(bytesOf(memoryLimit) / rowGroupShare);
  }

  encode(job: EncodeJob): Promise<void> {
    const turn = this.#last.then(() => this.#encode(job));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #encode(job: EncodeJob): Promise<void> {
    job.signal?.throwIfAborted();
    this.#instance ??= openDuckdb(this.#temporaryDirectory, this.#memoryLimit);
    const connection = await (await this.#instance).connect();
    const interrupt = () => connection.interrupt();
    job.signal?.addEventListener('abort', interrupt);
    try {
      await copyWithinMemory(connection, job);
    } catch (error) {
      await rm(job.path, { force: true });
      job.signal?.throwIfAborted();
      throw error;
    } finally {
      job.signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }

  async close(): Promise<void> {
    await this.#last;
    const instance = this.#instance;
    this.#instance = null;
    (await instance)?.closeSync();
    await rm(this.#temporaryDirectory, { recursive: true, force: true });
  }
}

/** Rows that are much larger than the rest of their spill can still be too much at once: then with smaller row groups. */
async function copyWithinMemory(connection: DuckDBConnection, job: EncodeJob): Promise<void> {
  let rowGroupRows = job.rowGroupRows;
  for (;;) {
    try {
      await connection.run(copyStatement(job, rowGroupRows));
      return;
    } catch (cause) {
      const isMemory = cause instanceof Error && cause.message.startsWith('Out of Memory');
      if (!isMemory || rowGroupRows === 1 || job.signal?.aborted) {
        throw new SluiceError('encode-failed', `DuckDB could not write ${job.path}`, { cause });
      }
      await rm(job.path, { force: true });
      rowGroupRows = Math.ceil(rowGroupRows / 8);
    }
  }
}

function copyStatement(job: EncodeJob, rowGroupRows: number): string {
  const { writer } = job;
  const columns = job.columns.map(({ name, spoolIndex }) => `c${spoolIndex} AS ${sqlIdentifier(name)}`);
  const metadata = Object.entries(job.metadata).map(([key, value]) => `${sqlIdentifier(key)}: ${sqlLiteral(value)}`);
  const hasDictionary = !job.hasNegativeZero && writer.dictionary !== false;
  const options = [
    'FORMAT parquet',
    ...codecOptions(job.codec, writer.codecLevel),
    `ROW_GROUP_SIZE ${rowGroupRows}`,
    `DICTIONARY_SIZE_LIMIT ${hasDictionary ? maxDictionaryValues : 0}`,
    ...(writer.bloomFilters === false ? ['WRITE_BLOOM_FILTER false'] : []),
    ...(metadata.length > 0 ? [`KV_METADATA {${metadata.join(', ')}}`] : []),
  ];
  const source = `SELECT ${columns.join(', ')} FROM read_parquet(${sqlLiteral(job.spool.path)})${orderBy(job)}`;
  return `COPY (${source}) TO ${sqlLiteral(job.path)} (${options.join(', ')})`;
}

/** By the columns that are wished and, for rows that are alike in them, by offset. */
function orderBy({ columns, writer }: EncodeJob): string {
  if (!writer.sortBy || writer.sortBy.length === 0) return '';
  // An inferred table may not have all of them yet.
  const keys = [...writer.sortBy, '_offset'].flatMap((name) => columns.find((column) => column.name === name) ?? []);
  return ` ORDER BY ${keys.map(({ spoolIndex }) => `c${spoolIndex} NULLS LAST`).join(', ')}`;
}

/** A column with more values than this in a row group is better off without a dictionary (docs/decisions/0002). */
const maxDictionaryValues = 4096;

/** Level 1 of zstd takes a fifth less time than DuckDB's usual 3 and makes files 3 % larger (docs/decisions/0002). */
const usualZstdLevel = 1;

function codecOptions(codec: ParquetCodec, level: number = usualZstdLevel): string[] {
  if (codec === 'zstd') return ['COMPRESSION zstd', `COMPRESSION_LEVEL ${level}`];
  return [`COMPRESSION ${codec === 'none' ? 'uncompressed' : codec}`];
}

function bytesOf(memoryLimit: string): number {
  const match = /^(\d+)(MB|GB)$/.exec(memoryLimit);
  if (match === null) throw new BadInputError(`expected a memory limit like 512MB, came ${memoryLimit}`);
  return Number(match[1]) * (match[2] === 'GB' ? 1e9 : 1e6);
}
