import type { ParquetCodec, WriterOptions } from '../parquet/parquet-engine.ts';
import type { RecordRules } from './record-rules.ts';
import type { TableSchema } from './table-schema.ts';

/** How a table's files are written, as its contract says; what is left out is for the load to say. */
export interface ContractWriter extends WriterOptions {
  codec?: ParquetCodec;
  rowGroupRows?: number;
}

/** What a table promises. Plain data, so that it can be sent to a worker thread. */
export interface TableContract {
  /** Name of the file, for messages. */
  source: string;
  /** Null: the columns are inferred. */
  schema: TableSchema | null;
  /** Null: records are taken as they are. */
  rules: RecordRules | null;
  writer: ContractWriter;
  /** How values are written (src/values reads it); undefined: as JSON. */
  format?: unknown;
  /** Fields besides the time that a file's folder is named by. */
  partitionBy?: string[];
  /** Field with the event time. */
  timeField?: string;
}

/** A contract for all topics of a load, or one for each of some. */
export interface ContractFile {
  all: TableContract | null;
  topics: Readonly<Record<string, TableContract>>;
}

/** The contract of a topic; null where there is none. */
export function contractOf(file: ContractFile | null, topic: string): TableContract | null {
  if (file === null) return null;
  return Object.hasOwn(file.topics, topic) ? file.topics[topic]! : file.all;
}
