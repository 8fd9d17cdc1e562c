import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import {
  type BatchFormat,
  type EncoderOptions,
  openParquetEngine,
  type ParquetEngine,
  type ParquetEngineName,
  type ParquetEngineOptions,
  type SealedFile,
  type TableEncoder,
  type TableSchema,
} from '../../../../src/warehouse/index.ts';
import { encodeBatch, type ProducerRecord, RecordCursor, readBatchHeader } from '../../../../src/wire/index.ts';

/** 2026-11-21T07:30:00Z. */
export const recordTimeMs = 1_795_246_200_000n;

export const wireBatches: BatchFormat = {
  readHeader: readBatchHeader,
  openCursor: (batch) => new RecordCursor(batch),
};

export const inferred: TableSchema = { id: 0, mode: 'inferred', keyType: 'bytes', columns: [] };

export function declared(
  columns: Record<string, string>,
  options: { required?: string[]; keyType?: 'bytes' | 'string' } = {},
): TableSchema {
  return {
    id: 0,
    mode: 'declared',
    keyType: options.keyType ?? 'bytes',
    columns: Object.entries(columns).map(([name, type]) => ({
      name,
      type: type as TableSchema['columns'][number]['type'],
      isRequired: options.required?.includes(name) ?? false,
    })),
  };
}

/** One uncompressed batch; values may be JSON texts, raw bytes or null. */
export function batchOf(
  values: (string | Buffer | null | ProducerRecord)[],
  options: { baseOffset?: bigint; compression?: 'none' | 'gzip' | 'zstd'; isControl?: boolean } = {},
): Buffer {
  const records = values.map((value) =>
    value === null || typeof value === 'string' || Buffer.isBuffer(value) ? { value, timestamp: recordTimeMs } : value,
  );
  return Buffer.from(encodeBatch(records, { timestampMs: recordTimeMs, ...options }));
}

/** A private folder, an engine, and encoders in it; `close` removes everything. */
export class TestTable {
  readonly directory: string;
  readonly engine: ParquetEngine;
  #encoderCount = 0;

  private constructor(directory: string, engine: ParquetEngine) {
    this.directory = directory;
    this.engine = engine;
  }

  static async open(name: ParquetEngineName, options: Partial<ParquetEngineOptions> = {}): Promise<TestTable> {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-parquet-'));
    const engine = openParquetEngine(name, { batches: wireBatches, scratchDirectory: directory, ...options });
    return new TestTable(directory, engine);
  }

  encoder(schema: TableSchema, options: Partial<EncoderOptions> = {}): Promise<TableEncoder> {
    return this.engine.openEncoder({
      topic: 'events',
      topicId: 'a'.repeat(32),
      partition: 3,
      schema,
      scratchDirectory: join(this.directory, `encoder-${this.#encoderCount++}`),
      codec: 'snappy',
      rowGroupRows: 10_000,
      timeField: null,
      maxFutureMs: 3_600_000,
      footerMetadata: {},
      ...options,
    });
  }

  async close(): Promise<void> {
    await this.engine.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export const everything = [0n, 1n << 62n] as const;

/** Appends values as one batch and seals; the rows as DuckDB reads them, and what was refused. */
export async function load(encoder: TableEncoder, values: Parameters<typeof batchOf>[0], baseOffset = 0n) {
  const outcome = await encoder.append(batchOf(values, { baseOffset }), ...everything);
  const files = await encoder.seal();
  return { ...outcome, files, rows: await sqlRows(files) };
}

/** All rows of the files in the order of their offsets; int64 as bigint, times as text, bytes as hex. */
export async function sqlRows(files: readonly SealedFile[]): Promise<Record<string, unknown>[]> {
  if (files.length === 0) return [];
  return sql(
    `SELECT * FROM read_parquet([${files.map(({ localPath }) => `'${localPath}'`).join(', ')}], union_by_name = true) ORDER BY _offset`,
  );
}

let connection: Promise<DuckDBConnection> | null = null;

export async function sql(text: string): Promise<Record<string, unknown>[]> {
  connection ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect());
  const reader = await (await connection).runAndReadAll(text);
  return reader
    .getRowObjects()
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
}

function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('bytes' in value) return Buffer.from((value as { bytes: Uint8Array }).bytes).toString('hex');
  // Only TIMESTAMP WITH TIME ZONE, which is UTC, becomes an ISO text with a Z.
  if (value instanceof DuckDBTimestampTZValue) return new Date(Number(value.micros / 1000n)).toISOString();
  return String(value);
}

/** The same through another reader of Parquet; int64 as bigint, times as Date. zstd is beyond it. */
export async function hyparquetRows(file: SealedFile): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file: await asyncBufferFromFile(file.localPath),
    utf8: false,
    compressors: { GZIP: (bytes: Uint8Array) => new Uint8Array(gunzipSync(bytes)) },
  });
}
