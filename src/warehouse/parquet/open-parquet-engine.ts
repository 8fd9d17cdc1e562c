import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '../../shared/index.ts';
import { systemColumnNames } from '../table/column-name.ts';
import { isNested, parseType } from '../table/data-type.ts';
import type { TableSchema } from '../table/table-schema.ts';
import type { BatchFormat } from './batch-records.ts';
import { BufferPool } from './buffer-pool.ts';
import { DuckdbEncoder } from './duckdb-encoder.ts';
import type { SpoolEncoder } from './encode-job.ts';
import type { EncoderOptions, ParquetCodec, ParquetEngine, TableEncoder, WriterOptions } from './parquet-engine.ts';
import { ParquetjsEncoder } from './parquetjs-encoder.ts';
import { SizeEstimate } from './size-estimate.ts';
import { SpoolingEncoder } from './table-encoder.ts';

export const parquetEngineNames = ['duckdb', 'parquetjs'] as const;
export type ParquetEngineName = (typeof parquetEngineNames)[number];

export interface ParquetEngineOptions {
  /** How record batches are read, e.g. `{ readHeader: readBatchHeader, openCursor: (batch) => new RecordCursor(batch) }`. */
  batches: BatchFormat;
  /**
   * Memory that the open rows of one encoder may take before they are written to its scratch folder; 32 MiB when left out.
   * The engine keeps as much again, for all its encoders together, of what they have given back.
   */
  maxEncoderBytes?: number;
  /** DuckDB only: memory of the native library for all encoders together, e.g. `512MB`. */
  nativeMemoryLimit?: string;
  /** DuckDB only: where a row group goes that does not fit into that memory; a subfolder is made. The system's when left out. */
  scratchDirectory?: string;
}

/** Opens an engine. Nothing is loaded or started before the first file is written. */
export function openParquetEngine(name: ParquetEngineName, options: ParquetEngineOptions): ParquetEngine {
  return new SpoolingEngine(openSpoolEncoder(name, options), options);
}

function openSpoolEncoder(name: ParquetEngineName, options: Partial<ParquetEngineOptions>): SpoolEncoder {
  if (name === 'duckdb') {
    const directory = join(options.scratchDirectory ?? tmpdir(), `duckdb-${randomUUID()}`);
    return new DuckdbEncoder(directory, options.nativeMemoryLimit ?? '512MB');
  }
  if (name === 'parquetjs') return new ParquetjsEncoder();
  throw new BadInputError(`expected one of the Parquet engines ${parquetEngineNames.join(', ')}, came ${String(name)}`);
}

/** `problemOf` of an engine that is not open yet; null stands for a schema that is to be inferred. */
export function parquetProblem(
  name: ParquetEngineName,
  schema: TableSchema | null,
  options: { codec: ParquetCodec; writer?: WriterOptions | undefined },
): string | null {
  const encoder = openSpoolEncoder(name, {});
  return problemOf(encoder, schema, options);
}

class SpoolingEngine implements ParquetEngine {
  readonly name: ParquetEngineName;
  readonly codecs: readonly ParquetCodec[];
  readonly #encoder: SpoolEncoder;
  readonly #options: ParquetEngineOptions;
  readonly #pool: BufferPool;
  readonly #maxEncoderBytes: number;
  readonly #estimates = new Map<string, SizeEstimate>();

  constructor(encoder: SpoolEncoder, options: ParquetEngineOptions) {
    this.name = encoder.name;
    this.codecs = encoder.codecs;
    this.#encoder = encoder;
    this.#options = options;
    this.#maxEncoderBytes = options.maxEncoderBytes ?? 32 * 1024 * 1024;
    this.#pool = new BufferPool(this.#maxEncoderBytes);
  }

  problemOf(schema: TableSchema, options: { codec: ParquetCodec; writer?: WriterOptions | undefined }): string | null {
    return problemOf(this.#encoder, schema, options);
  }

  async openEncoder(options: EncoderOptions): Promise<TableEncoder> {
    const problem = this.problemOf(options.schema, options);
    if (problem !== null) throw new BadInputError(problem);
    await mkdir(options.scratchDirectory, { recursive: true });
    const topic = `${options.codec} ${options.topicId} ${options.topic}`;
    const estimate = this.#estimates.get(topic) ?? new SizeEstimate(options.codec);
    this.#estimates.set(topic, estimate);
    return new SpoolingEncoder(options, {
      engine: this.#encoder,
      batches: this.#options.batches,
      estimate,
      maxMemoryBytes: this.#maxEncoderBytes,
      pool: this.#pool,
      name: `${options.partition}-${randomUUID()}-`,
    });
  }

  close(): Promise<void> {
    return this.#encoder.close();
  }
}

function problemOf(
  encoder: SpoolEncoder,
  schema: TableSchema | null,
  { codec, writer = {} }: { codec: ParquetCodec; writer?: WriterOptions | undefined },
): string | null {
  const { name, codecs } = encoder;
  if (!codecs.includes(codec)) return `the Parquet engine ${name} writes ${codecs.join(', ')}, not ${codec}`;
  const writing = encoder.writerProblem(writer, codec);
  if (writing !== null) return `the Parquet engine ${name} cannot write ${writing}`;
  for (const column of schema?.columns ?? []) {
    const problem = encoder.typeProblem(parseType(column.type));
    if (problem !== null) {
      return `the Parquet engine ${name} cannot write the column ${JSON.stringify(column.name)}: ${problem}`;
    }
  }
  // Whether an inferred table has the columns to sort by shows with its records: without them, offsets decide.
  return schema === null || schema.mode === 'inferred' ? null : sortProblem(writer.sortBy ?? [], schema);
}

function sortProblem(sortBy: readonly string[], schema: TableSchema): string | null {
  for (const name of sortBy) {
    const column = schema.columns.find((each) => each.name === name);
    if (column === undefined && !(systemColumnNames as readonly string[]).includes(name)) {
      return `there is no column ${JSON.stringify(name)} to sort by`;
    }
    if (column !== undefined && isNested(parseType(column.type))) {
      return `rows cannot be sorted by the column ${JSON.stringify(name)}: ${column.type} has no order`;
    }
  }
  return null;
}
