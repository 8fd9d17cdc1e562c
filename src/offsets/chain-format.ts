import type { WarehouseFiles } from '../warehouse/index.ts';
import type { SnapshotPointer } from './ledger-record.ts';
import type { EncodedRecord } from './sealed-record.ts';

/** What every record of every chain has. */
export interface ChainRecordHead {
  kind: string;
  era: number;
  sequence: number;
  attempt: string;
  previousHash: string;
}

/** Where a chain stands: the part of its state that numbers, hashes and eras are about. */
export interface ChainTail {
  /** The era that takes the next record, and its folder. Era 0 with folder '': the chain does not exist yet. */
  era: number;
  eraFolder: string;
  /** Folder of the era before, which ends with the closing record; null in era 0. */
  previousFolder: string | null;
  /** Sequence of the era's first record, and how many numbers (void ones too) it holds so far. */
  eraFirstSequence: number;
  eraRecordCount: number;
  /** Last record of the chain; 0 and '' before the first. */
  sequence: number;
  lastHash: string;
  /** Keeps the records of all eras before this one. */
  snapshot: SnapshotPointer | null;
}

export interface ReadRecord<R> {
  record: R;
  hash: string;
  size: number;
  /** Absolute. */
  path: string;
}

/**
 * What the two kinds of chain (a partition's, a table's) do each in its own way. Numbers, hashes, eras, snapshots and the
 * commit point are the same for both: chain-reader, chain-history, era-turn, record-appender.
 */
export interface ChainFormat<R extends ChainRecordHead, S extends ChainTail> {
  table: string;
  /** Absolute; holds the era folders, `tmp` and `snapshots`. */
  folder: string;
  /** Stands in the header of snapshots: whose chain it is. */
  identity: Record<string, string | number>;
  encode(record: R): EncodedRecord;
  decode(bytes: Buffer, path: string): { record: R; hash: string };
  /** The state before the first record. */
  empty(): S;
  /** The state after the next record; LedgerError `broken-chain` when it is not the next one. */
  apply(state: S, read: ReadRecord<R>): S;
  /** The state an era begins with. `closing` ends the era before, whose folder is `folder`. */
  begin(files: WarehouseFiles, closing: ReadRecord<R>, folder: string, signal: AbortSignal | undefined): Promise<S> | S;
  /** Name of the era folder that a record announces, when it ends an era. */
  nextFolder(record: R): string | null;
  /** Whether the record says that the one before it counts as never written. */
  isVoiding(record: R): boolean;
  /** Whether the record is of another chain. */
  isForeign(record: R): boolean;
}
