import type { ColumnType } from '../table/table-schema.ts';
import type { ParquetCodec } from './parquet-engine.ts';
import type { PlainSpool } from './plain-spool.ts';

/** A column of the final file, and which column of the spool it comes from. */
export interface FileColumn {
  name: string;
  type: ColumnType;
  spoolIndex: number;
}

/** A finished spool that is to become a Parquet file. */
export interface EncodeJob {
  spool: PlainSpool;
  /** Columns of the spool in its order; the final file has them in the order of `columns`. */
  columns: readonly FileColumn[];
  /** Path of a file that does not exist yet. */
  path: string;
  codec: ParquetCodec;
  rowGroupRows: number;
  /** Some double is -0: an encoding that takes it for 0 will not do. */
  hasNegativeZero: boolean;
  /** Key-value pairs of the footer. */
  metadata: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/**
 * The part in which the engines differ: rows of a spool to a Parquet file, in the order of the spool. Timestamps are
 * milliseconds as an INT64 (`markTimestampsUtc` says afterwards that they are UTC), dates DATE, texts and JSON STRING.
 */
export interface SpoolEncoder {
  readonly name: 'duckdb' | 'parquetjs';
  readonly codecs: readonly ParquetCodec[];
  /** How many bytes of a spool a row group may have: the engine holds one in memory. */
  readonly maxRowGroupBytes: number;
  /** After a failure there is no file. */
  encode(job: EncodeJob): Promise<void>;
  close(): Promise<void>;
}
