import { open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describeError, SluiceError } from '../../shared/index.ts';
import { type DataType, formatType, isNested } from '../table/data-type.ts';
import type { EncodeJob, FileColumn, SpoolEncoder } from './encode-job.ts';
import type { ParquetCodec, WriterOptions } from './parquet-engine.ts';
import type { ParquetjsColumn, ParquetjsModule, ParquetjsTypes, ParquetjsWriter } from './parquetjs-types.ts';
import { fixedLength, type PhysicalType, physicalOf } from './physical-type.ts';
import { openSpoolGroup, type SpoolColumnReader } from './spool-reader.ts';

/**
 * Writes Parquet with parquetjs-lite, in JavaScript alone: for platforms without DuckDB's native library. It takes rows as
 * objects, so it is slow, and it keeps a row group's values as objects, so row groups are kept small here.
 *
 * What had to be worked around (parquetjs-lite 0.8.7):
 * - INT64 goes through parseInt and loses bits beyond 2^53, DOUBLE through a text that loses the sign of -0; other types are checked and
 *   converted as well: logical types of our own, one for each physical type, pass values through untouched. What they mean is written
 *   into the footer afterwards (annotate-file.ts).
 * - Its page index lacks required fields, and its statistics of byte strings compare texts: neither is written.
 * - Column names are object keys inside: it gets `c0`, `c1`, ... and the real names are set in its schema afterwards.
 * - It has no zstd, no levels, no bloom filters, no sorting; its dictionaries are not used. Lists, maps and structs are left to DuckDB.
 */
export class ParquetjsEncoder implements SpoolEncoder {
  readonly name = 'parquetjs';
  readonly codecs: readonly ParquetCodec[] = ['snappy', 'gzip', 'none'];
  readonly maxRowGroupBytes = 16 * 1024 * 1024;

  typeProblem(type: DataType): string | null {
    return isNested(type) ? `${formatType(type)} (use the engine duckdb)` : null;
  }

  writerProblem(writer: WriterOptions): string | null {
    if (writer.codecLevel !== undefined) return 'a level for the codec (use the engine duckdb)';
    if (writer.sortBy && writer.sortBy.length > 0) return 'sorted rows (use the engine duckdb)';
    if (writer.dictionary === true || writer.bloomFilters === true) {
      return 'dictionaries and bloom filters (use the engine duckdb)';
    }
    return null;
  }

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

/** Logical types of our own by physical type, as `register` makes them known to the library. */
const passThrough = (physical: PhysicalType): string => `SLUICE_${physical}`;

const primitiveTypes: Record<PhysicalType, string> = {
  BOOLEAN: 'BOOLEAN',
  INT32: 'INT32',
  INT64: 'INT64',
  FLOAT: 'FLOAT',
  DOUBLE: 'DOUBLE',
  BYTE_ARRAY: 'BYTE_ARRAY',
  FIXED: 'FIXED_LEN_BYTE_ARRAY',
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

function makeSchema(parquetjs: ParquetjsModule, job: EncodeJob): object {
  const columns: Record<string, ParquetjsColumn> = {};
  for (const column of job.columns) {
    const length = isNested(column.type) ? 0 : fixedLength(column.type);
    columns[`c${column.spoolIndex}`] = {
      type: passThrough(physicalOfColumn(column)),
      ...(length > 0 ? { typeLength: length } : {}),
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

function physicalOfColumn({ type }: FileColumn): PhysicalType {
  if (isNested(type)) throw new Error(`parquetjs writes no ${formatType(type)}`);
  return physicalOf(type);
}

/** Columns whose statistics the library computes as Parquet orders them: signed integers. */
function isOrdered(column: FileColumn): boolean {
  const physical = physicalOfColumn(column);
  return (physical === 'INT32' || physical === 'INT64') && !column.type.kind.startsWith('uint');
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
  for (const [physical, primitiveType] of Object.entries(primitiveTypes)) {
    const name = passThrough(physical as PhysicalType);
    types[name] ??= { primitiveType, originalType: name, toPrimitive };
  }
}
