import type { ParquetCodec, WriterOptions } from '../parquet/parquet-engine.ts';
import type { SaltPlace } from './contract-salt.ts';
import type { RecordRules } from './record-rules.ts';
import type { LayoutOptions } from './table-layout.ts';
import type { TableSchema } from './table-schema.ts';

/** How a table's files are written, as its contract says; what is left out is for the load to say. */
export interface ContractWriter extends WriterOptions {
  codec?: ParquetCodec;
  rowGroupRows?: number;
}

/** When files are closed, as the contract says; what is left out is for the load to say. Times in ms. */
export interface ContractRoll {
  bytes?: number;
  records?: number;
  ageMs?: number;
  scheduleMs?: number;
  freshnessMs?: number;
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
  /** Where the salt of the rules was found; left out where nothing is hashed. */
  saltFrom?: SaltPlace;
  /** How values are written (src/values reads it); undefined: as JSON. */
  format?: unknown;
  /** Time zone, time folders and folders of fields of a new table. */
  layout?: LayoutOptions;
  roll?: ContractRoll;
  /** Hours that ended longer ago than this leave the table. */
  retentionMs?: number;
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
