/** Which program loaded the topic before us. */
export type ForeignLoader = 'kafka-connect-hdfs' | 'camus' | 'gobblin';

/** Offsets [first, next) that a file of the other loader holds. */
export interface ForeignRange {
  first: bigint;
  next: bigint;
}

/** How far another loader has come in one partition. */
export interface ForeignPosition {
  partition: number;
  /** The first offset that it has not loaded. */
  next: bigint;
  /** Lowest offset in its files; null when it does not tell which offsets they hold. */
  first: bigint | null;
  /** Between `first` and `next`, in none of its files. Compaction and transactions leave such holes too. */
  holes: ForeignRange[];
  /** In two of its files. */
  overlaps: ForeignRange[];
  /** How many files (or states) said so. */
  sourceCount: number;
}

export interface ForeignPositions {
  positions: ForeignPosition[];
  /** What a person should know before going on. */
  warnings: string[];
}
