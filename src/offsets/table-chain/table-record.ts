/**
 * Records of a table's chain, one JSON file each: `<table>/_sluice/rewrites/<era folder>/<sequence, 20 digits>.json`. It holds
 * what changes the files of a table without moving an offset: which files replace which, and the states of hours. Eras, names and
 * sealing are those of a partition's chain. Intervals are [first, next): `next` is exclusive.
 */
import type { NotLanded, OffsetRun, SnapshotPointer } from '../ledger-record.ts';

export const tableFormatVersion = 1;

/**
 * `retire` takes the rows of hours out that are past the table's retention. (A record of kind `expire` is about something else: it
 * says that files which a rewrite of any kind had replaced are about to be deleted.)
 */
export const rewriteOperations = ['compact', 'reload', 'undo', 'backfill', 'replay', 'retire'] as const;
export type RewriteOperation = (typeof rewriteOperations)[number];

/** `rewind` replaces no files itself: its intent keeps rewrites away while a partition's chain is rewound. */
export const intentOperations = [...rewriteOperations, 'rewind'] as const;
export type IntentOperation = (typeof intentOperations)[number];

/** Who writes, for people, and to tell whether a process is gone. */
export interface TableWriter {
  host: string;
  pid: number;
  user: string;
}

interface RecordBase {
  formatVersion: number;
  era: number;
  sequence: number;
  table: string;
  writer: TableWriter;
  /** Random id of this attempt to append: tells a lost answer of our own from another's record. */
  attempt: string;
  /** Epoch ms of the warehouse's clock. */
  writtenAtMs: number;
  previousHash: string;
  /** The moves of all rewrites up to this sequence were made when the record was written. */
  publishedThrough: number;
}

/** Offsets of one partition. */
export interface PartitionRange {
  topicId: string;
  partition: number;
  first: bigint;
  next: bigint;
}

/** What a file holds of one partition: rows with offsets within [first, next), not necessarily all of them. */
export interface FileRange extends PartitionRange {
  rowCount: number;
  /** Order-free content hash of these rows, 32 hex digits. */
  contentHash: string;
}

/** A file that readers of the table see, or saw. */
export interface TableFile {
  /** Relative to the table; no two files ever have one path. */
  path: string;
  size: number;
  topic: string;
  topicId: string;
  /** Null: rows of several partitions, or of several stretches of one. */
  partition: number | null;
  ranges: FileRange[];
  rowCount: number;
  /** Event time, epoch ms, both inclusive. */
  minTimeMs: bigint;
  maxTimeMs: bigint;
  contentHash: string;
  schemaId: number;
}

/** `staged`: where the file lies before the moves are made, relative to the table. */
export interface AddedFile extends TableFile {
  staged: string;
}

export interface PartitionRuns {
  topicId: string;
  partition: number;
  runs: OffsetRun[];
}

/** An hour that a `retire` took out of the table. */
export interface RetiredHour {
  hour: string;
  /** Relative to the table: `dt=2026-11-20/hr=23`. */
  folder: string;
  /** Of its newest manifest when that happened; 0: it had none. */
  revision: number;
}

/** The account of a range that was read from the log again: takes the place of whatever was said of it before. */
export interface RangeAccount extends PartitionRange {
  landedCount: bigint;
  notLanded: NotLanded;
  deadLetters: { staged: string; path: string; size: number; count: number } | null;
}

/** Somebody begins to prepare a rewrite. Its files are staged in a folder of their own until the rewrite commits. */
export interface IntentRecord extends RecordBase {
  kind: 'intent';
  operation: IntentOperation;
  /** Folder relative to the table; carries the intent's own sequence. */
  staging: string;
  /** Offsets that are nobody else's while the intent is open; null: only the files that are replaced count. */
  scope: PartitionRange | null;
  reason: string;
}

/** The intent is over: what it staged may be deleted, and a rewrite of it counts no more. */
export interface CancelRecord extends RecordBase {
  kind: 'cancel';
  intent: number;
  reason: string;
}

/** The commit point of a rewrite: `replaced` are no longer files of the table, `added` are. */
export interface RewriteRecord extends RecordBase {
  kind: 'rewrite';
  operation: RewriteOperation;
  intent: number;
  replaced: TableFile[];
  added: AddedFile[];
  /** Rows that were left out because another one has the same key. */
  deduplicated: PartitionRuns[];
  /** Dead letters that have become rows. */
  replayed: PartitionRuns[];
  /** Ranges that were read again. */
  accounts: RangeAccount[];
  /** Of a `retire` only: the rows that are no rows any more, and the hours they were of. */
  expired?: PartitionRuns[] | undefined;
  hours?: RetiredHour[] | undefined;
  /** Sequence of the rewrite that is taken back; null: none. */
  undoes: number | null;
  reason: string;
}

/** What was known of a partition when an hour was closed or found complete. */
export interface HourMark {
  topicId: string;
  partition: number;
  /** The hour is complete when the checkpoint has reached this offset. */
  end: bigint;
  /** Sequence of the partition's chain that is covered; 0 while the hour is only closed. */
  sequence: number;
}

/** The state of an hour changes. An hour without a record is open; one with later files is amended, which nobody records. */
export interface HourRecord extends RecordBase {
  kind: 'hour';
  hour: string;
  state: 'closed' | 'complete';
  marks: HourMark[];
  /** Of the manifest; 0: none yet. */
  revision: number;
  manifest: string | null;
}

/** What these rewrites replaced is about to be deleted: they cannot be undone any more. */
export interface ExpireRecord extends RecordBase {
  kind: 'expire';
  rewrites: number[];
}

/**
 * The record before it, which cannot be read, counts as never written, and no intent is open any more but those to rewind. Should it
 * have been a rewrite that had begun to move files aside: `replaced` and `added` bring those back, under new names.
 */
export interface TableRepairRecord extends RecordBase {
  kind: 'repair';
  voids: number;
  damaged: { size: number; sha256: string };
  /** Folder relative to the table that takes what the void record may have brought. */
  aside: string;
  replaced: TableFile[];
  added: AddedFile[];
  reason: string;
}

/** The last record of an era; the very first record of a chain is one, in era 0. */
export interface TableEraEndRecord extends RecordBase {
  kind: 'era-end';
  nextFolder: string;
  /** The file that keeps this era's records; null in era 0. */
  snapshot: SnapshotPointer | null;
  /** The file that keeps the state; null in era 0. */
  state: SnapshotPointer | null;
}

export type TableRecord =
  | IntentRecord
  | CancelRecord
  | RewriteRecord
  | HourRecord
  | ExpireRecord
  | TableRepairRecord
  | TableEraEndRecord;

type Body<R> = R extends TableRecord ? Omit<R, keyof RecordBase> : never;

/** A record without what the chain itself adds. */
export type TableRecordBody = Body<Exclude<TableRecord, TableEraEndRecord | TableRepairRecord>>;
