/**
 * The one loop that puts appends on disk, for all partitions of a data directory: write what is pending (one write per
 * partition, in parallel), then sync the files that somebody waits for (in parallel), and again. What arrives while a round runs
 * forms the next one, so that the more there is to do, the more each sync carries.
 *
 * A file is synced in a round when an acks=all producer or a waiting reader asked for it, when its oldest unsynced bytes are
 * `flushIntervalMs` old, or when all logs together have more than `flushBytes` unsynced.
 */
import type { Clock } from '../../shared/index.ts';
import { LogError } from './log-error.ts';

/** What the loop asks of a partition. */
export interface CommitMember {
  readonly hasPending: boolean;
  readonly hasUnsynced: boolean;
  /** Somebody waits for the sync. */
  readonly isSyncWanted: boolean;
  /** Since when the oldest unsynced bytes are written, on the monotonic clock. */
  readonly unsyncedSinceMs: number;
  writeNext(): Promise<void>;
  sync(): Promise<void>;
}

export interface GroupCommitOptions {
  clock: Clock;
  flushIntervalMs: number;
  flushBytes: number;
  /** Called once with the first failure that is not a full disk. */
  onFailure: (error: Error) => void;
}

/** What the loop needs of the writer of one partition. */
export interface CommitMember {
  readonly hasPending: boolean;
  readonly hasUnsynced: boolean;
  /** Monotonic milliseconds of the oldest byte that is written and not synced. */
  readonly unsyncedSinceMs: number;
  /** Whether somebody waits for the sync. */
  readonly isSyncWanted: boolean;
  writeNext(): Promise<void>;
  sync(): Promise<void>;
  rejectAll(error: LogError): void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  /** Partitions with something to write or to sync. */
  readonly #active = new Set<CommitMember>();
  #belowWaiters: { bytes: number; wake: () => void }[] = [];
  #idleWaiters: (() => void)[] = [];
  #pendingBytes = 0;
  #unsyncedBytes = 0;
  #isRunning = false;
  #isTimerArmed = false;
  #mustSyncAll = false;
  #hasFailed = false;
  readonly #stopTimer = new AbortController();

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** For logs that were made while another one failed. */
  assertWorking(): void {
    if (this.#hasFailed) throw new LogError('KAFKA_STORAGE_ERROR', 'the log has failed: the broker must restart');
  }

  notePending(deltaBytes: number): void {
    this.#pendingBytes += deltaBytes;
    if (deltaBytes >= 0 || this.#belowWaiters.length === 0) return;
    const due = this.#belowWaiters.filter((waiter) => this.#pendingBytes < waiter.bytes);
    this.#belowWaiters = this.#belowWaiters.filter((waiter) => !due.includes(waiter));
    for (const waiter of due) waiter.wake();
  }

  noteUnsynced(deltaBytes: number): void {
    this.#unsyncedBytes += deltaBytes;
  }

  whenPendingBelow(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.#pendingBytes < bytes) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#belowWaiters = this.#belowWaiters.filter((other) => other !== waiter);
        reject(signal!.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiter = { bytes, wake };
      this.#belowWaiters.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The round begins after the requests that the event loop has in hand, so that they share it. */
  schedule(member: CommitMember): void {
    this.#active.add(member);
    this.#start();
  }

  /** Resolves when everything appended so far is synced; rejects never: a failure was told to `onFailure`. */
  async drain(): Promise<void> {
    this.#mustSyncAll = true;
    while (this.#active.size > 0 && !this.#hasFailed) {
      const idle = new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
      this.#start();
      await idle;
    }
    this.#mustSyncAll = false;
  }

  /** Ends the loop for good. */
  stop(): void {
    this.#stopTimer.abort(new Error('the log was closed'));
  }

  fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.stop();
    this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
    this.#wakeIdle();
  }

  #start(): void {
    if (this.#isRunning || this.#hasFailed) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (await this.#round());
    } catch (error) {
      this.fail(error);
    }
    this.#isRunning = false;
    if (this.#hasFailed) return;
    // The last round ended a moment ago; somebody may have come since.
    if (this.#isWorkLeft()) this.#start();
    else this.#armTimer();
    this.#wakeIdle();
  }

  /** Returns whether there is something to do at once. */
  async #round(): Promise<boolean> {
    await allSettled([...this.#active].filter((member) => member.hasPending).map((member) => member.writeNext()));
    await allSettled([...this.#active].filter((member) => this.#isSyncDue(member)).map((member) => member.sync()));
    for (const member of this.#active) {
      if (!member.hasPending && !member.hasUnsynced) this.#active.delete(member);
    }
    return this.#isWorkLeft() && !this.#hasFailed;
  }

  #isWorkLeft(): boolean {
    for (const member of this.#active) if (member.hasPending || this.#isSyncDue(member)) return true;
    return false;
  }

  #isSyncDue(member: CommitMember): boolean {
    if (!member.hasUnsynced) return false;
    if (this.#mustSyncAll || this.#unsyncedBytes > this.#options.flushBytes || member.isSyncWanted) return true;
    return this.#options.clock.monotonicMs() - member.unsyncedSinceMs >= this.#options.flushIntervalMs;
  }

  /** What nobody asked to sync is synced when it is old enough. */
  #armTimer(): void {
    if (this.#isTimerArmed || this.#active.size === 0) return;
    const oldestMs = Math.min(...[...this.#active].map((member) => member.unsyncedSinceMs));
    const waitMs = Math.max(1, oldestMs + this.#options.flushIntervalMs - this.#options.clock.monotonicMs());
    this.#isTimerArmed = true;
    this.#options.clock.sleep(waitMs, this.#stopTimer.signal).then(
      () => {
        this.#isTimerArmed = false;
        this.#start();
      },
      () => {},
    );
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}

/** Waits for all, then throws the first failure: nothing may still be under way when the failure is told. */
async function allSettled(tasks: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
