import type { ColumnType } from '../table/data-type.ts';
import type { RecordRules } from '../table/record-rules.ts';
import type { LayoutOptions } from '../table/table-layout.ts';
import type { Column, TableSchema } from '../table/table-schema.ts';

/** A value that cannot be loaded: it goes to the dead letters with its raw bytes, coordinates and this reason. */
export interface RefusedRecord {
  offset: bigint;
  /** Epoch milliseconds of the record. */
  timestamp: bigint;
  key: Buffer | null;
  value: Buffer | null;
  headers: { name: string; value: Buffer | null }[];
  /** Stable kebab-case word, e.g. `not-json`, `wrong-type`, `out-of-range`, `too-deep`, `not-utf8`, `missing-time`. */
  code: string;
  /** For people: what was expected and what came (bounded length). */
  reason: string;
}

/** Offsets [first, next). */
export interface OffsetRange {
  first: bigint;
  next: bigint;
}

/** What one appended batch came to. Offsets not mentioned, not refused and not filtered landed in the open files. */
export interface AppendOutcome {
  landedCount: number;
  refused: RefusedRecord[];
  /** Records that the contract's filter leaves out, rising; left out when there are none. */
  filtered?: OffsetRange[];
  /**
   * Only with `widens`: the record at this offset needs a column of a wider type than the open rows have. Everything before it is
   * accounted for; seal what is open, and append the batch again from here on.
   */
  stoppedAt?: bigint;
}

/**
 * Turns the value of a record into the JSON text of an object (Avro, Protobuf, CSV, ...). Conventions of the text: 64-bit
 * integers as digits, bytes as Base64, decimals as strings of digits, times as RFC 3339, uuids in their text form.
 */
export interface ValueDecoding {
  /**
   * Called before the values of a batch are decoded: fetches what they need (schemas, say). What it throws ends `append`,
   * for the owner to wait and try again: it is trouble with a registry, not with the data.
   */
  prepare(values: Iterable<Buffer>, signal: AbortSignal): Promise<void>;
  /**
   * The JSON text, which need not outlive the next call; or why the value cannot be decoded (`filtered`: nothing is wrong with it,
   * but it is no row). Never throws for bad data.
   */
  decode(value: Buffer): Buffer | { code: string; reason: string };
  /** What becomes of a record without a value, in the same words; left out or null: it is read like any other. */
  readonly tombstone?: { code: string; reason: string } | null;
  /** The type that the values' own schema gives to a field which has no column yet. */
  columnType?(name: string): ColumnType | undefined;
}

/** One finished local Parquet file, footer written and synced. The caller owns and deletes it. */
export interface SealedFile {
  localPath: string;
  size: number;
  /** Time folder relative to the table, e.g. `dt=2026-11-21/hr=07`. */
  folder: string;
  /** Smallest and largest offset in the file, both inclusive. The rows need not be dense in between. */
  firstOffset: bigint;
  lastOffset: bigint;
  rowCount: number;
  /** Range of the event time in the file, epoch milliseconds, both inclusive. */
  minTimeMs: bigint;
  maxTimeMs: bigint;
  /** Order-free content hash of the rows: sum mod 2^128 over each row's canonical encoding, 32 hex digits. */
  contentHash: string;
  /** Id of the schema the file was written with. */
  schemaId: number;
}

/** Where the open files of one partition grow. Not safe for concurrent calls: one owner, one call at a time. */
export interface TableEncoder {
  /**
   * Takes the records of one uncompressed-or-compressed v2 record batch (bytes as they came over the wire) whose offset is
   * in [fromOffset, endOffset): others in the same batch are ignored (a fetch may start in the middle of a batch, and a
   * bounded load end there). Control batches land nothing. Never throws for bad data: that is what `refused` is for. A batch
   * that cannot be decompressed or has a broken structure refuses all its offsets, the first of them with the bytes of the
   * whole batch. What it does throw (a full disk, a batch without a readable header) leaves the open rows in an unknown
   * state: only `discard` and `close` may follow. The same holds for `seal`. `signal` ends the wait for a decoder.
   */
  append(
    batch: Buffer,
    fromOffset: bigint,
    endOffset: bigint,
    options?: { signal?: AbortSignal },
  ): Promise<AppendOutcome>;

  /** Bytes held for open files: in memory, and estimated encoded size on disk. Rolling and the memory budget use them. */
  readonly memoryBytes: number;
  readonly encodedBytes: number;
  readonly rowCount: number;
  /** Number of open time folders. */
  readonly folderCount: number;

  /** The schema as widened so far; its id is that of the last adopted schema when nothing was added. */
  readonly schema: TableSchema;

  /**
   * Gives the schema the id under which the ledger keeps it, before `seal`. A schema that lacks a column the open rows use,
   * or types it differently, throws SchemaConflictError: the owner then drops its buffers and reads again.
   */
  adoptSchema(schema: TableSchema): void;

  /** Finishes all open files and starts anew with the same schema. An empty encoder gives []. */
  seal(options?: { signal?: AbortSignal }): Promise<SealedFile[]>;

  /** Drops all open rows and deletes temporary files. */
  discard(): Promise<void>;

  close(): Promise<void>;
}

export type ParquetCodec = 'zstd' | 'snappy' | 'gzip' | 'none';

/** How a file is written, besides its codec and the size of its row groups. What an engine cannot do is refused at the start. */
export interface WriterOptions {
  /** Level of zstd, 1 to 22; left out: the engine's. */
  codecLevel?: number;
  /** False: no dictionaries, and no bloom filters with them. Default true. */
  dictionary?: boolean;
  /** Bloom filters of the columns that have dictionaries. Default true. */
  bloomFilters?: boolean;
  /** Columns by which the rows of a file are sorted, nulls last, rows with the same values by offset. Default: by offset. */
  sortBy?: string[];
}

export interface EncoderOptions {
  /** Topic and partition, for the `_partition` column and the file metadata. */
  topic: string;
  topicId: string;
  partition: number;
  schema: TableSchema;
  /** A private local folder for the files being written. */
  scratchDirectory: string;
  codec: ParquetCodec;
  rowGroupRows: number;
  writer?: WriterOptions | undefined;
  /**
   * Top-level field that holds the event time, as RFC 3339 text with a zone or as an integer of epoch milliseconds (never
   * seconds); null: the record's own timestamp. Finer digits are cut off for the choice of the folder.
   */
  timeField: string | null;
  /** Timestamps further ahead of the record's own timestamp than this are dead letters, ms. */
  maxFutureMs: number;
  /** Key-value pairs for the Parquet footer. */
  footerMetadata: Record<string, string>;
  /** Time zone and folders of the table; left out: UTC, `dt=yyyy-MM-dd/hr=HH`. */
  layout?: LayoutOptions | undefined;
  /** Declarations of the fields that are folders; they are not in `schema`. */
  partitionColumns?: readonly Column[] | undefined;
  /** How values become JSON; left out: they are JSON. */
  decode?: ValueDecoding | undefined;
  /** What the contract does to records before their fields become columns; left out: nothing. */
  rules?: RecordRules | undefined;
  /**
   * In an inferred table: stop at a value that needs a wider column (see AppendOutcome.stoppedAt), so that no value is refused because of the order
   * in which values come. Left out or false: such a record is refused.
   */
  widens?: boolean | undefined;
}

/** One way of writing Parquet. All engines pass the same tests for the capabilities they declare. */
export interface ParquetEngine {
  readonly name: 'duckdb' | 'parquetjs';
  /** Codecs it can write. */
  readonly codecs: readonly ParquetCodec[];
  /** One line on what of this it cannot write; null when it can write all. A contract beyond it is refused at the start. */
  problemOf(schema: TableSchema, options: { codec: ParquetCodec; writer?: WriterOptions | undefined }): string | null;
  /** @throws BadInputError for what `problemOf` names. */
  openEncoder(options: EncoderOptions): Promise<TableEncoder>;
  close(): Promise<void>;
}
