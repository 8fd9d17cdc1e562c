import { open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describeError, SluiceError } from '../../shared/index.ts';
import type { ColumnType } from '../table/table-schema.ts';
import type { EncodeJob, FileColumn, SpoolEncoder } from './encode-job.ts';
import type { ParquetCodec } from './parquet-engine.ts';
import type { ParquetjsColumn, ParquetjsModule, ParquetjsTypes, ParquetjsWriter } from './parquetjs-types.ts';
import { openSpoolGroup, type SpoolColumnReader, type SpoolValue } from './spool-reader.ts';

/**
 * Writes Parquet with parquetjs-lite, in JavaScript alone: for platforms without DuckDB's native library. It takes rows as
 * objects, so it is slow, and it keeps a row group's values as objects, so row groups are kept small here.
 *
 * What had to be worked around (parquetjs-lite 0.8.7):
 * - INT64 goes through parseInt and loses bits beyond 2^53, DOUBLE through a text that loses the sign of -0: two logical types
 *   of our own pass values through untouched (they have no converted type, so the file says plain INT64 and DOUBLE).
 * - Timestamps and dates before 1970 are refused as numbers, but taken as Date.
 * - Its page index lacks required fields, and its statistics of byte strings compare texts: neither is written.
 * - Column names are object keys inside: it gets `c0`, `c1`, ... and the real names are set in its schema afterwards.
 * - It has no zstd.
 */
export class ParquetjsEncoder implements SpoolEncoder {
  readonly name = 'parquetjs';
  readonly codecs: readonly ParquetCodec[] = ['snappy', 'gzip', 'none'];
  readonly maxRowGroupBytes = 16 * 1024 * 1024;

  async encode(job: EncodeJob): Promise<void> {
    job.signal?.throwIfAborted();
    try {
      await write(job);
    } catch (error) {
      await rm(job.path, { force: true });
      job.signal?.throwIfAborted();
      // The library throws texts.
      throw new SluiceError('encode-failed', `parquetjs could not write ${job.path}: ${describeError(error)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {}
}

/** Rows of a row group: all of it is objects in memory. */
const maxRowGroupRows = 16_384;

/** How often a long job gives way to others. */
const rowsBetweenPauses = 512;

const int64Type = 'SLUICE_INT64';
const doubleType = 'SLUICE_DOUBLE';

const typeNames: Record<ColumnType, string> = {
  boolean: 'BOOLEAN',
  int32: 'INT32',
  int64: int64Type,
  double: doubleType,
  string: 'UTF8',
  timestamp: 'TIMESTAMP_MILLIS',
  date: 'DATE',
  json: 'UTF8',
  bytes: 'BYTE_ARRAY',
};

const compressionNames: Record<ParquetCodec, string> = {
  snappy: 'SNAPPY',
  gzip: 'GZIP',
  none: 'UNCOMPRESSED',
  zstd: 'ZSTD',
};

async function write(job: EncodeJob): Promise<void> {
  const { parquetjs, types } = loadLibrary();
  registerTypes(types);
  const writer = await parquetjs.ParquetWriter.openFile(makeSchema(parquetjs, job), job.path, {
    flags: 'wx',
    useDataPageV2: false,
    pageIndex: false,
    rowGroupSize: Number.MAX_SAFE_INTEGER,
  });
  for (const [key, value] of Object.entries(job.metadata)) writer.setMetadata(key, value);
  const file = await open(job.spool.path, 'r');
  try {
    const rows = new RowFeed(writer, job);
    for (const group of job.spool.groups) {
      await rows.append(await openSpoolGroup(file, job.spool, group), group.rowCount);
    }
  } finally {
    await file.close();
    await writer.close();
  }
}

/** Makes a row object per row, and cuts row groups. */
class RowFeed {
  readonly #writer: ParquetjsWriter;
  readonly #job: EncodeJob;
  readonly #maxRows: number;
  #groupRows = 0;

  constructor(writer: ParquetjsWriter, job: EncodeJob) {
    this.#writer = writer;
    this.#job = job;
    this.#maxRows = Math.min(job.rowGroupRows, maxRowGroupRows);
  }

  async append(readers: readonly SpoolColumnReader[], rowCount: number): Promise<void> {
    for (let row = 0; row < rowCount; row++) {
      await this.#appendRow(this.#makeRow(readers));
      if (row % rowsBetweenPauses === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        this.#job.signal?.throwIfAborted();
      }
    }
  }

  #makeRow(readers: readonly SpoolColumnReader[]): Record<string, unknown> {
    const row: Record<string, unknown> = Object.create(null);
    readers.forEach((reader, index) => {
      const value = reader.next();
      if (value === null) return;
      row[`c${index}`] = value;
    });
    for (const { spoolIndex, type } of this.#job.columns) {
      const value = row[`c${spoolIndex}`];
      if (value !== undefined) row[`c${spoolIndex}`] = convert(type, value as SpoolValue);
    }
    return row;
  }

  async #appendRow(row: Record<string, unknown>): Promise<void> {
    this.#groupRows++;
    const isLast = this.#groupRows >= this.#maxRows;
    if (isLast) this.#writer.setRowGroupSize(1);
    await this.#writer.appendRow(row);
    if (!isLast) return;
    this.#writer.setRowGroupSize(Number.MAX_SAFE_INTEGER);
    this.#groupRows = 0;
  }
}

function convert(type: ColumnType, value: SpoolValue): unknown {
  if (type === 'timestamp') return new Date(Number(value));
  return type === 'date' ? new Date(Number(value) * 86_400_000) : value;
}

function makeSchema(parquetjs: ParquetjsModule, job: EncodeJob): object {
  const columns: Record<string, ParquetjsColumn> = {};
  for (const column of job.columns) {
    columns[`c${column.spoolIndex}`] = {
      type: typeNames[column.type],
      optional: true,
      compression: compressionNames[job.codec],
      statistics: isOrdered(column) ? undefined : false,
    };
  }
  const schema = new parquetjs.ParquetSchema(columns);
  schema.fieldList.forEach((field, index) => {
    const { name } = job.columns[index]!;
    field.name = name;
    field.path = [name];
  });
  return schema;
}

/** Columns whose statistics the library computes as Parquet orders them. */
function isOrdered({ type }: FileColumn): boolean {
  return type === 'int32' || type === 'int64' || type === 'timestamp' || type === 'date';
}

function loadLibrary(): { parquetjs: ParquetjsModule; types: ParquetjsTypes } {
  const load = createRequire(import.meta.url);
  return {
    parquetjs: load('parquetjs-lite') as ParquetjsModule,
    types: load('parquetjs-lite/lib/types.js') as ParquetjsTypes,
  };
}

function registerTypes({ PARQUET_LOGICAL_TYPES: types }: ParquetjsTypes): void {
  const toPrimitive = (value: unknown) => value;
  types[int64Type] ??= { primitiveType: 'INT64', originalType: int64Type, toPrimitive };
  types[doubleType] ??= { primitiveType: 'DOUBLE', originalType: doubleType, toPrimitive };
}
