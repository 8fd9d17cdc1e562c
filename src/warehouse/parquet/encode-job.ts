import type { DataType } from '../table/data-type.ts';
import type { ParquetCodec, WriterOptions } from './parquet-engine.ts';
import type { PlainSpool } from './plain-spool.ts';

/** A column of the final file, and which column of the spool it comes from. */
export interface FileColumn {
  name: string;
  type: DataType;
  spoolIndex: number;
  /** By path within the column, see Column. */
  fieldIds: Readonly<Record<string, number>>;
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
  writer: WriterOptions;
  /** Some double is -0: an encoding that takes it for 0 will not do. */
  hasNegativeZero: boolean;
  /** Key-value pairs of the footer. */
  metadata: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/**
 * The part in which the engines differ: rows of a spool to a Parquet file, in the order of the spool or sorted. Physical types and
 * the tree of groups are those of `schemaNode`; what the columns mean is written into the footer afterwards (`annotateFile`).
 */
export interface SpoolEncoder {
  readonly name: 'duckdb' | 'parquetjs';
  readonly codecs: readonly ParquetCodec[];
  /** Null when it can write a column of that type, else why not. */
  typeProblem(type: DataType): string | null;
  /** Null when it can write as asked, else why not. */
  writerProblem(writer: WriterOptions, codec: ParquetCodec): string | null;
  /** How many bytes of a spool a row group may have: the engine holds one in memory. */
  readonly maxRowGroupBytes: number;
  /** After a failure there is no file. */
  encode(job: EncodeJob): Promise<void>;
  close(): Promise<void>;
}
