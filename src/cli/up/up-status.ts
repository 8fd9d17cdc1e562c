import type { CommitSummary, LoadProgress } from '../../loader/index.ts';
import { larger } from '../../shared/index.ts';

/** Where one partition stands, for people. */
export interface PartitionStatus {
  topic: string;
  partition: number;
  checkpoint: bigint | null;
  logEnd: bigint | null;
  /** First offset that is in no file and no open roll yet. */
  encoded: bigint | null;
  worker: number | null;
  lastCause: string | null;
  lastCommitMs: number | null;
}

export interface LandedFile {
  table: string;
  path: string;
  rowCount: number;
  size: number;
}

const newestFileCount = 5;

/** Everything the live view and the closing summary show, gathered from the feed and from the loader's progress. */
export class UpStatus {
  sentCount = 0;
  acknowledgedCount = 0;
  landedCount = 0n;
  deadCount = 0n;
  fileCount = 0;
  fileBytes = 0;
  /** Newest first. */
  readonly newestFiles: LandedFile[] = [];
  readonly #partitions = new Map<string, PartitionStatus>();

  partitions(): PartitionStatus[] {
    return [...this.#partitions.values()].sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  }

  /** Records that lie in the log and have not been committed to the warehouse; null before anything is known. */
  get lag(): bigint | null {
    const known = this.partitions().filter((p) => p.logEnd !== null && p.checkpoint !== null);
    return known.length === 0 ? null : known.reduce((sum, p) => sum + larger(p.logEnd! - p.checkpoint!, 0n), 0n);
  }

  apply(progress: LoadProgress, nowMs: number): void {
    switch (progress.kind) {
      case 'committed':
        this.#addCommit(progress.commit, nowMs);
        break;
      case 'positions':
        for (const position of progress.partitions) {
          const status = this.#partition(position.topic, position.partition);
          status.checkpoint = position.checkpoint;
          status.logEnd = position.logEnd;
        }
        break;
      case 'status':
        for (const owner of progress.status.owners)
          this.#partition(owner.topic, owner.partition).encoded = owner.encoded;
        break;
      case 'owned': {
        const status = this.#partition(progress.topic, progress.partition);
        status.worker = progress.worker;
        status.checkpoint = progress.checkpoint;
        break;
      }
      case 'disowned': {
        const status = this.#partition(progress.topic, progress.partition);
        if (status.worker === progress.worker) status.worker = null;
        break;
      }
      case 'worker-restarted':
        break;
    }
  }

  #addCommit(commit: CommitSummary, nowMs: number): void {
    const status = this.#partition(commit.topic, commit.partition);
    status.checkpoint = commit.next;
    status.logEnd = larger(status.logEnd ?? 0n, commit.next);
    status.lastCause = commit.cause;
    status.lastCommitMs = nowMs;
    this.landedCount += commit.landedCount;
    this.deadCount += commit.deadCount;
    for (const file of commit.files) {
      this.fileCount++;
      this.fileBytes += file.size;
      this.newestFiles.unshift({ table: commit.topic, ...file });
    }
    this.newestFiles.length = Math.min(this.newestFiles.length, newestFileCount);
  }

  #partition(topic: string, partition: number): PartitionStatus {
    const key = `${topic}/${partition}`;
    let status = this.#partitions.get(key);
    if (!status) {
      const unknown = {
        checkpoint: null,
        logEnd: null,
        encoded: null,
        worker: null,
        lastCause: null,
        lastCommitMs: null,
      };
      status = { topic, partition, ...unknown };
      this.#partitions.set(key, status);
    }
    return status;
  }
}
