import type { CommitSummary, LoadProgress, OwnerStatus, WorkerStatus } from '../loader/index.ts';

/** Everything that is known of one partition while a load runs. Times are epoch ms. */
export interface PartitionView {
  topic: string;
  partition: number;
  /** The worker that is at work on it; null: nobody in this process. */
  worker: number | null;
  /** As its owner last said; null before the first word. */
  owner: OwnerStatus | null;
  checkpoint: bigint | null;
  /** When the checkpoint last moved, or was first seen. */
  movedAtMs: number;
  /** Since when there have been records behind the checkpoint without a break; null: there are none. */
  behindSinceMs: number | null;
  /** High watermark, from the log itself; null: not asked yet. */
  appended: bigint | null;
  /** Time of the oldest record that is not committed, and of the oldest not read; null: not known, or there is none. */
  oldestUncommittedMs: number | null;
  oldestUnreadMs: number | null;
  lastCommit: { atMs: number; commit: CommitSummary } | null;
  /** What stopped the partition for good, until somebody acts. */
  error: string | null;
}

/** What the log says of one partition. */
export interface LogSight {
  topic: string;
  partition: number;
  appended: bigint;
  oldestUncommittedMs: number | null;
  oldestUnreadMs: number | null;
}

/** Gathers what a load tells (its progress events) and what the log says into one picture of the present. */
export class LoadStatus {
  readonly #nowMs: () => number;
  readonly #partitions = new Map<string, PartitionView>();
  readonly #workers = new Map<number, WorkerStatus>();
  readonly startedMs: number;
  /** Since when the log has not answered, and what it said; null: it answers. */
  logProblem: { sinceMs: number; reason: string } | null = null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.startedMs = nowMs();
  }

  get partitions(): readonly PartitionView[] {
    return [...this.#partitions.values()].sort(
      (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
    );
  }

  get workers(): ReadonlyMap<number, WorkerStatus> {
    return this.#workers;
  }

  find(topic: string, partition: number): PartitionView | null {
    return this.#partitions.get(keyOf(topic, partition)) ?? null;
  }

  apply(progress: LoadProgress): void {
    switch (progress.kind) {
      case 'status':
        this.#workers.set(progress.worker, progress.status);
        for (const owner of progress.status.owners) this.#applyOwner(progress.worker, owner);
        return;
      case 'committed': {
        const view = this.#view(progress.commit.topic, progress.commit.partition);
        view.lastCommit = { atMs: this.#nowMs(), commit: progress.commit };
        this.#noteCheckpoint(view, progress.commit.next);
        return;
      }
      case 'owned': {
        const view = this.#view(progress.topic, progress.partition);
        view.worker = progress.worker;
        view.error = null;
        this.#noteCheckpoint(view, progress.checkpoint);
        return;
      }
      case 'disowned': {
        const view = this.#view(progress.topic, progress.partition);
        if (view.worker !== progress.worker) return;
        view.worker = null;
        view.owner = null;
        view.error = progress.error;
        return;
      }
      default:
        return;
    }
  }

  applyLog(sight: LogSight): void {
    const view = this.#view(sight.topic, sight.partition);
    view.appended = sight.appended;
    view.oldestUncommittedMs = sight.oldestUncommittedMs;
    view.oldestUnreadMs = sight.oldestUnreadMs;
    this.#noteLag(view);
  }

  #applyOwner(worker: number, owner: OwnerStatus): void {
    const view = this.#view(owner.topic, owner.partition);
    // The time of a pause is nobody's fault.
    if (view.owner?.pause && !owner.pause) view.movedAtMs = this.#nowMs();
    view.worker = worker;
    view.owner = owner;
    view.error = null;
    if (owner.checkpoint !== null) this.#noteCheckpoint(view, owner.checkpoint);
    this.#noteLag(view);
  }

  #noteCheckpoint(view: PartitionView, checkpoint: bigint): void {
    if (view.checkpoint === checkpoint) return;
    view.checkpoint = checkpoint;
    view.movedAtMs = this.#nowMs();
    // What is behind the new checkpoint has waited since now at the earliest.
    view.behindSinceMs = null;
    this.#noteLag(view);
  }

  #noteLag(view: PartitionView): void {
    const lag = lagOf(view);
    if (lag === null) return;
    if (lag <= 0n) view.behindSinceMs = null;
    else view.behindSinceMs ??= this.#nowMs();
  }

  #view(topic: string, partition: number): PartitionView {
    const key = keyOf(topic, partition);
    let view = this.#partitions.get(key);
    if (!view) {
      view = {
        topic,
        partition,
        worker: null,
        owner: null,
        checkpoint: null,
        movedAtMs: this.#nowMs(),
        behindSinceMs: null,
        appended: null,
        oldestUncommittedMs: null,
        oldestUnreadMs: null,
        lastCommit: null,
        error: null,
      };
      this.#partitions.set(key, view);
    }
    return view;
  }
}

/** Last offset that is in the log, exclusive, as far as anybody has seen. */
export function appendedOf({ appended, owner }: PartitionView): bigint | null {
  const seen = owner?.logEnd ?? null;
  if (appended === null || seen === null) return appended ?? seen;
  if (appended > seen) return appended;
  return seen;
}

/** Offsets appended and not committed; null: not known. */
export function lagOf(view: PartitionView): bigint | null {
  const appended = appendedOf(view);
  if (appended === null || view.checkpoint === null) return null;
  return appended > view.checkpoint ? appended - view.checkpoint : 0n;
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
