/**
 * Records of a partition's chain, one JSON file each:
 *   <table>/_sluice/ledger/<topic id>/<partition>/<era folder>/<sequence, 20 digits>.json
 * The era folder is `<era, 10 digits>-<random>`; only era 0, which never holds more than the record that opens the chain
 * and is never removed, has a plain number. Sequences run on over the eras. All offsets, timestamps and counts that may pass 2^53 are decimal strings in the JSON and bigint here. Intervals are
 * [first, next): `next` is exclusive.
 */
export const ledgerFormatVersion = 1;

/** Who writes: enough to tell one incarnation of a process from another. */
export interface LedgerOwner {
  /** Kafka cluster id; another cluster's topic of the same id cannot continue the chain. */
  clusterId: string;
  /** Consumer group, or `job:<id>` for a bounded load outside a group. */
  group: string;
  /** Member id within the group; random and new for every incarnation. */
  member: string;
  /** Generation of the group; -1 outside a group. */
  generation: number;
  /** host:pid:thread, for people. */
  host: string;
}

/** A file of a commit: first uploaded to `staged`, visible at `path` once the moves are done. Paths are relative to the table. */
export interface LedgerFile {
  staged: string;
  path: string;
  size: number;
  /** Inclusive. */
  firstOffset: bigint;
  lastOffset: bigint;
  rowCount: number;
  minTimeMs: bigint;
  maxTimeMs: bigint;
  contentHash: string;
  schemaId: number;
}

/** A run of offsets [first, next) that landed nowhere, and why. */
export interface OffsetRun {
  first: bigint;
  next: bigint;
}

/** Offsets of [first, next) that are not rows, by class; everything else in the range landed. */
export interface NotLanded {
  dead: OffsetRun[];
  filtered: OffsetRun[];
  /** Transaction markers, aborted records, and offsets that compaction took. */
  control: OffsetRun[];
  gaps: OffsetRun[];
}

export type RollCause =
  | 'bytes'
  | 'age'
  | 'end-of-input'
  | 'memory'
  | 'revoked'
  | 'shutdown'
  | 'schema'
  | 'requested'
  | 'records'
  | 'schedule'
  | 'freshness'
  | 'folders';

interface RecordBase {
  formatVersion: number;
  era: number;
  sequence: number;
  topic: string;
  /** 32 hex digits. */
  topicId: string;
  partition: number;
  owner: LedgerOwner;
  /** Random id of this attempt to append: tells a lost answer of our own from another's record. */
  attempt: string;
  /** Epoch ms of the warehouse's clock, for people and for ages. */
  writtenAtMs: number;
  /** SHA-256 of the bytes of the record before, hex; empty for the first of a chain. */
  previousHash: string;
  /** All files of commits up to and including this sequence were visible when the record was written. */
  publishedThrough: number;
}

/** The partition's owner changes; nothing lands. Offsets continue at `next`. */
export interface ClaimRecord extends RecordBase {
  kind: 'claim';
  next: bigint;
  /** Whose claim was overruled and why, when it was not the holder's own group that claimed. */
  takeOver: string | null;
}

/** The commit point of a roll. */
export interface CommitRecord extends RecordBase {
  kind: 'commit';
  first: bigint;
  next: bigint;
  files: LedgerFile[];
  /** Dead-letter file of this commit, when there is one (staged and moved like the others). */
  deadLetters: { staged: string; path: string; size: number; count: number } | null;
  notLanded: NotLanded;
  landedCount: bigint;
  cause: RollCause;
  /** Leader epoch of the last record read (KIP-320); -1 unknown. */
  leaderEpoch: number;
}

/** The owner ends in good order: nobody owns the partition, the next claimant need not prove anything. */
export interface ReleaseRecord extends RecordBase {
  kind: 'release';
  next: bigint;
}

/** Offsets [first, next) that the log no longer had; the operator allowed it. */
export interface GapRecord extends RecordBase {
  kind: 'gap';
  first: bigint;
  next: bigint;
  reason: string;
}

/** Who holds a partition: the claim that is in force. */
export interface LedgerHolder {
  owner: LedgerOwner;
  /** Sequence of the claim; the staging folder of its files carries it. */
  claimSequence: number;
  claimedAtMs: number;
}

/** What people want to know of the last commit, carried over the end of an era. */
export interface LastCommit {
  sequence: number;
  writtenAtMs: number;
  cause: RollCause;
  next: bigint;
  /** Largest event time of its files, epoch ms; null when nothing landed in it. */
  maxTimeMs: bigint | null;
}

/** Offsets by class since the chain began; with `files` the number of files made visible. */
export interface LedgerTotals {
  landed: bigint;
  dead: bigint;
  filtered: bigint;
  control: bigint;
  gaps: bigint;
  files: number;
}

/**
 * The last record of an era: the cumulative state, so that start-up reads this and one era. The era's folder may be removed
 * as a whole once the next era has begun. The next era's folder exists before this record names it, under a name that
 * nobody ever creates again: a removed era stays closed to late renames. The very first record of a chain is one of these,
 * in era 0.
 */
export interface EraEndRecord extends RecordBase {
  kind: 'era-end';
  /** First offset of the whole chain, and the next one to land. */
  first: bigint;
  next: bigint;
  /** Name of the next era's folder. */
  nextFolder: string;
  /** The holder stays the holder. */
  holder: LedgerHolder | null;
  lastCommit: LastCommit | null;
  leaderEpoch: number;
  /** The file that keeps this era's records (and leads on to those of the eras before), relative to the table, and its hash. */
  snapshot: SnapshotPointer | null;
  totals: LedgerTotals;
  /** Commits and gaps that rewinds have taken back; left out when there are none. */
  retractions?: SequenceRange[] | undefined;
}

export interface SnapshotPointer {
  path: string;
  sha256: string;
}

/**
 * An operator's word that the record before, which cannot be read, counts as never written (`sluice offsets repair`). Its
 * number is two above the last readable record, whose hash it carries. Nobody owns the partition afterwards. Whatever the
 * void record may have staged or published is moved to `aside`, by the repairer or by the next claimant; the log still
 * has its offsets, and they are loaded again.
 */
export interface RepairRecord extends RecordBase {
  kind: 'repair';
  next: bigint;
  /** Sequence of the void record. */
  voids: number;
  /** What was found there. */
  damaged: { size: number; sha256: string };
  /** Folder, relative to the table. */
  aside: string;
  reason: string;
}

/**
 * An operator's word that offsets [next, from) are to be loaded again (`sluice offsets rewind`): the checkpoint goes back to a
 * commit boundary, and the commits and gaps from there on count as never made. Their files are moved to `aside`, by the
 * rewinder or by the next claimant.
 */
export interface RewindRecord extends RecordBase {
  kind: 'rewind';
  /** The checkpoint before. */
  from: bigint;
  /** The checkpoint from here on. */
  next: bigint;
  retracts: SequenceRange;
  /** Files of the retracted commits, dead letters too, relative to the table. */
  files: { path: string; size: number }[];
  /** What the retracted records had added to the totals. */
  totals: LedgerTotals;
  /** Of the record before `next`; -1 unknown. */
  leaderEpoch: number;
  /** Folder, relative to the table. */
  aside: string;
  reason: string;
}

/** Records of one chain, both ends included. */
export interface SequenceRange {
  first: number;
  last: number;
}

export type LedgerRecord =
  | ClaimRecord
  | CommitRecord
  | ReleaseRecord
  | GapRecord
  | EraEndRecord
  | RepairRecord
  | RewindRecord;
