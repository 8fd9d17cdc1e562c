import type { CommitSummary } from './load-progress.ts';

/** What became of one partition of a load. */
export interface PartitionReport {
  topic: string;
  partition: number;
  /** Where the load found the checkpoint (null: no chain yet), and where it left it. */
  firstCheckpoint: bigint | null;
  checkpoint: bigint | null;
  /** Exclusive end of a bounded load; null: continuous. */
  endOffset: bigint | null;
  landedCount: bigint;
  deadCount: bigint;
  fileCount: number;
  commitCount: number;
  /** Why the partition stopped early; null: it did not. */
  error: string | null;
}

/** The outcome of `runLoad`. */
export interface LoadReport {
  /** complete: all that was asked landed. partial: more dead letters than allowed. failed: a partition stopped early. */
  outcome: 'complete' | 'partial' | 'failed';
  rowCount: bigint;
  deadLetterCount: bigint;
  fileCount: number;
  /** Bytes of the Parquet files. */
  fileBytes: bigint;
  commitCount: number;
  elapsedMs: number;
  rowsPerSecond: number;
  partitions: PartitionReport[];
  /** Each error once, as text. */
  errors: string[];
}

/** Adds up the commits of all workers while the load runs. */
export class LoadTally {
  readonly #partitions = new Map<string, PartitionReport>();
  #fileBytes = 0n;

  /** The partition's line, begun when it is first mentioned. */
  partition(topic: string, partition: number): PartitionReport {
    const key = `${topic}/${partition}`;
    let report = this.#partitions.get(key);
    if (!report) {
      report = {
        topic,
        partition,
        firstCheckpoint: null,
        checkpoint: null,
        endOffset: null,
        landedCount: 0n,
        deadCount: 0n,
        fileCount: 0,
        commitCount: 0,
        error: null,
      };
      this.#partitions.set(key, report);
    }
    return report;
  }

  /** Whether a partition is stopped by an error at present. */
  get hasErrors(): boolean {
    return [...this.#partitions.values()].some(({ error }) => error !== null);
  }

  addCommit(commit: CommitSummary): void {
    const report = this.partition(commit.topic, commit.partition);
    report.landedCount += commit.landedCount;
    report.deadCount += commit.deadCount;
    report.fileCount += commit.files.length;
    report.commitCount++;
    report.checkpoint = commit.next;
    for (const file of commit.files) this.#fileBytes += BigInt(file.size);
  }

  report(elapsedMs: number, options: { maxDeadLetters: number; errors: readonly string[] }): LoadReport {
    const partitions = [...this.#partitions.values()].sort(
      (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
    );
    const rowCount = partitions.reduce((sum, p) => sum + p.landedCount, 0n);
    const deadLetterCount = partitions.reduce((sum, p) => sum + p.deadCount, 0n);
    const errors = [...new Set([...options.errors, ...partitions.flatMap((p) => (p.error === null ? [] : [p.error]))])];
    const isPartial = deadLetterCount > BigInt(options.maxDeadLetters);
    return {
      outcome: errors.length > 0 ? 'failed' : isPartial ? 'partial' : 'complete',
      rowCount,
      deadLetterCount,
      fileCount: partitions.reduce((sum, p) => sum + p.fileCount, 0),
      fileBytes: this.#fileBytes,
      commitCount: partitions.reduce((sum, p) => sum + p.commitCount, 0),
      elapsedMs,
      rowsPerSecond: elapsedMs > 0 ? Math.round((Number(rowCount) * 1000) / elapsedMs) : 0,
      partitions,
      errors,
    };
  }
}
