/** What the audit found of one partition's chain. Offsets and counts since the chain began. */
export interface PartitionAudit {
  table: string;
  topic: string;
  topicId: string;
  partition: number;
  /** The ledger covers [first, next). Of it, by what became of each offset, later rewrites of the table included: */
  first: bigint;
  next: bigint;
  /** Rows that are in the table now. */
  landed: bigint;
  dead: bigint;
  filtered: bigint;
  control: bigint;
  gaps: bigint;
  /** Rows that a compaction left out because another one has the same key. */
  deduplicated: bigint;
  /** Rows of hours that were past the table's retention. */
  expired: bigint;
  /** Offsets outside [first, next) that a backfill brought; they are in the classes above as well. */
  backfilled: bigint;
  /** Dead letters that have become rows; `landed` counts them, or `expired`. */
  replayed: bigint;
  /** Exact offsets, rising, at most `maxNamedOffsets`; only `deep` can tell. */
  missing: bigint[];
  double: bigint[];
}

/** One difference, in words. */
export interface AuditProblem {
  table: string;
  /** Null: about the table as a whole. */
  topic: string | null;
  partition: number | null;
  message: string;
}

export interface AuditReport {
  /** No problems. */
  ok: boolean;
  partitions: PartitionAudit[];
  problems: AuditProblem[];
  /** Parquet files looked at. */
  fileCount: number;
}

/** More offsets than this are counted, not named. */
export const maxNamedOffsets = 10_000;

/** Collects problems; the first of each kind are kept in full so that a ruined table does not fill the memory. */
export class ProblemList {
  readonly problems: AuditProblem[] = [];
  #more = 0;
  readonly #limit: number;

  constructor(limit = 1000) {
    this.#limit = limit;
  }

  add(place: { table: string; topic?: string; partition?: number }, message: string): void {
    const { table, topic = null, partition = null } = place;
    if (this.problems.length < this.#limit) this.problems.push({ table, topic, partition, message });
    else this.#more++;
  }

  addAll(other: ProblemList): void {
    for (const { table, topic, partition, message } of other.problems) {
      this.add({ table, ...(topic !== null && { topic }), ...(partition !== null && { partition }) }, message);
    }
    this.#more += other.#more;
  }

  /** All of them, with a last word about those that were only counted. */
  take(): AuditProblem[] {
    if (this.#more === 0) return this.problems;
    const last = { table: '', topic: null, partition: null, message: `and ${this.#more} more problems` };
    return [...this.problems, last];
  }
}
