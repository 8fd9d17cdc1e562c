import { mkdir, rm } from 'node:fs/promises';
import { maxRunsPerCommit, type PartitionChain, type RollCause } from '../offsets/index.ts';
import { describeError, faultPoint, type Logger } from '../shared/index.ts';
import type { TableEncoder } from '../warehouse/index.ts';
import type { FetchedBatch } from '../wire/client/index.ts';
import { DeadLetterSpool } from './dead-letter-spool.ts';
import { FailedUploads } from './failed-uploads.ts';
import { OpenRoll, type SealedRoll } from './open-roll.ts';
import type { OwnedPartition, OwnerContext, TableContext } from './owner-context.ts';
import { RollClock } from './roll-clock.ts';
import { type CommitContext, commitRoll, deleteLocalFiles } from './roll-commit.ts';
import { dueRoll } from './roll-policy.ts';
import { RollSteps, type RollTrace } from './roll-trace.ts';
import { ShownPosition } from './shown-position.ts';
import { checkSkipBudget } from './skip-budget.ts';
import { type Delay, waitOut } from './wait-out.ts';

interface PendingCommit {
  /** Never rejects. */
  ended: Promise<void>;
  isEnded: boolean;
  error: unknown;
}

/**
 * The data side of a partition's owner: one open roll that grows, and at most one finished roll on its way into the ledger.
 * So fetching and encoding go on while a roll is uploaded, and never more than two rolls exist.
 */
export class PartitionRolls {
  readonly #context: OwnerContext;
  readonly #table: TableContext;
  readonly #partition: OwnedPartition;
  readonly #chain: PartitionChain;
  readonly #signal: AbortSignal;
  readonly #logger: Logger;
  readonly #failed = new FailedUploads();
  readonly #position: ShownPosition;
  readonly #scratch: string;
  readonly #onCommitEnded: () => void;
  readonly #onDelay: (delay: Delay | null) => void;
  readonly #rollClock: RollClock;
  #open: OpenRoll | null = null;
  #openedAtEpochMs = 0;
  #pending: PendingCommit | null = null;
  /** A batch of which some records need wider columns than the open rows have: they come in after the roll. */
  #rest: FetchedBatch | null = null;
  #hasLanded = false;

  constructor(options: {
    context: OwnerContext;
    table: TableContext;
    partition: OwnedPartition;
    chain: PartitionChain;
    logger: Logger;
    signal: AbortSignal;
    /** A private local folder; created and removed here. */
    scratch: string;
    onCommitEnded: () => void;
    /** A step failed and is tried again; null: it has worked. */
    onDelay: (delay: Delay | null) => void;
  }) {
    this.#context = options.context;
    this.#table = options.table;
    this.#partition = options.partition;
    this.#chain = options.chain;
    this.#position = new ShownPosition({ ...options.context, ...options.partition, chain: options.chain });
    this.#logger = options.logger;
    this.#signal = options.signal;
    this.#scratch = options.scratch;
    this.#onCommitEnded = options.onCommitEnded;
    this.#onDelay = options.onDelay;
    const { rollAgeMs, rollEveryMs, freshnessMs } = options.context.settings;
    const rollTimes = { ageMs: rollAgeMs, everyMs: rollEveryMs, freshnessMs };
    this.#rollClock = new RollClock(options.context.clock, rollTimes, options.table.times.zone);
  }

  /** First offset not yet taken in. */
  get position(): bigint {
    return this.#open?.next ?? 0n;
  }

  get isEmpty(): boolean {
    return this.#open?.isEmpty ?? true;
  }

  get isCommitting(): boolean {
    return this.#pending !== null;
  }

  get memoryBytes(): number {
    return this.#open?.memoryBytes ?? 0;
  }

  get encodedBytes(): number {
    return this.#open?.encodedBytes ?? 0;
  }

  /** Epoch ms of the first record that is not on its way into the ledger; null while there is none. */
  get openSinceMs(): number | null {
    return this.isEmpty ? null : this.#openedAtEpochMs;
  }

  /** Starts, or starts over, at the checkpoint; whatever was open is dropped. */
  async begin(at: bigint): Promise<void> {
    this.#rest = null;
    if (this.#open) return await this.#open.restartAt(at);
    await mkdir(this.#scratch, { recursive: true });
    const { topic, partition } = this.#partition;
    this.#open = new OpenRoll({
      openEncoder: (batch) => this.#openEncoder(batch),
      spool: new DeadLetterSpool({ directory: this.#scratch, topic, partition }),
      first: at,
    });
  }

  async absorb(batch: FetchedBatch): Promise<void> {
    const open = this.#open!;
    if (open.isEmpty) this.#noteOpened();
    faultPoint('loader.commit.1-fetched');
    const isWhole = await open.absorb(batch, this.#partition.endOffset, this.#signal);
    this.#rest = isWhole ? null : batch;
    faultPoint('loader.commit.2-decoded');
  }

  /** Moves on to where the fetcher goes on, over offsets that hold nothing for us. */
  skipTo(next: bigint): void {
    const open = this.#open!;
    const { endOffset } = this.#partition;
    if (open.isEmpty) this.#noteOpened();
    open.skipTo(endOffset !== null && endOffset < next ? endOffset : next);
  }

  #noteOpened(): void {
    this.#rollClock.begin();
    this.#openedAtEpochMs = this.#context.clock.nowMs();
  }

  due(asked: { memory: boolean; requestedUpTo: bigint | null }): RollCause | null {
    const open = this.#open;
    if (!open) return null;
    if (this.#rest !== null && open.rowCount > 0) return 'schema';
    const { rollBytes, rollRecords, maxFolders } = this.#context.settings;
    const { isEmpty, next, encodedBytes, runCount, rowCount, folderCount } = open;
    const { endOffset } = this.#partition;
    return dueRoll(
      { isEmpty, next, encodedBytes, rowCount, folderCount, runCount, timer: this.#rollClock.next() },
      { rollBytes, rollRecords, maxFolders, maxRuns: maxRunsPerCommit / 4, endOffset },
      asked,
    );
  }

  /** Until the open roll is of age; infinite while it is empty. */
  msUntilAge(): number {
    if (this.isEmpty) return Number.POSITIVE_INFINITY;
    return this.#rollClock.next()?.inMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Finishes the open roll and sends it on its way; the commit before it has ended by then. Throws what that one failed
   * with, SchemaConflictError, or PartitionStoppedError for a roll beyond the skip budget.
   */
  async roll(cause: RollCause): Promise<void> {
    await this.settle();
    const open = this.#open!;
    if (open.isEmpty) return;
    const { encoder } = open;
    checkSkipBudget(open, { ...this.#partition, ...this.#context.settings, hasLanded: this.#hasLanded });
    if (encoder && encoder.rowCount > 0)
      await this.#waitOut('SchemaNotKept', () => this.#table.schemas.settle(encoder, this.#signal));
    const steps = new RollSteps(this.#context.clock);
    steps.note('fetch', this.#openedAtEpochMs);
    const roll = await steps.time('seal', () => open.seal(cause, this.#signal));
    faultPoint('loader.commit.3-encoded');
    this.#hasLanded ||= roll.landedCount > 0n;
    const pending: PendingCommit = { ended: Promise.resolve(), isEnded: false, error: null };
    const beganMs = this.#context.clock.monotonicMs();
    pending.ended = commitRoll(roll, this.#commitContext(steps))
      .catch(async (error: unknown) => {
        pending.error = error ?? new Error('the commit failed');
        await deleteLocalFiles(roll, this.#logger);
      })
      .finally(() => {
        pending.isEnded = true;
        this.#rollClock.noteCommit(this.#context.clock.monotonicMs() - beganMs);
        this.#context.onRolled?.(traceOf(roll, this.#partition, steps, pending.error));
        this.#onCommitEnded();
      });
    this.#pending = pending;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null && cause !== 'revoked' && cause !== 'shutdown') await this.absorb(rest);
  }

  /** Waits for the commit under way; throws what it failed with, once. */
  async settle(): Promise<void> {
    const pending = this.#pending;
    if (!pending) return;
    await pending.ended;
    this.#pending = null;
    if (pending.error) throw pending.error;
  }

  /** Like `settle`, for a commit that has ended already; false when there is none. */
  async settleIfEnded(): Promise<boolean> {
    if (!this.#pending?.isEnded) return false;
    await this.settle();
    return true;
  }

  /** Drops everything: the open roll, and the outcome of a commit under way. */
  async drop(): Promise<void> {
    this.#rest = null;
    await this.settle().catch(() => {});
    await this.#open?.restartAt(0n);
  }

  /** Deletes what uploads have left in staging that failed; no commit may be under way. */
  async tidyStaging(): Promise<void> {
    await this.#failed.deleteAll({ files: this.#context.files, logger: this.#logger, signal: this.#signal });
  }

  /** Shows the checkpoint to the group where that is still to be done. Never rejects. */
  showPosition(): Promise<void> {
    return this.#position.show();
  }

  async close(): Promise<void> {
    await this.settle().catch(() => {});
    await this.#open?.close();
    this.#open = null;
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #openEncoder(batch: Buffer): Promise<TableEncoder> {
    const { settings, engine } = this.#context;
    const { topic, topicId, partition } = this.#partition;
    const { writer = {} } = this.#table;
    const schema = await this.#waitOut('SchemaNotRead', () => this.#table.schemas.forEncoder(batch, this.#signal));
    return await engine.openEncoder({
      topic,
      topicId,
      partition,
      schema,
      scratchDirectory: this.#scratch,
      codec: writer.codec ?? settings.codec,
      rowGroupRows: writer.rowGroupRows ?? settings.rowGroupRows,
      writer,
      timeField: settings.timeField,
      maxFutureMs: settings.maxFutureMs,
      layout: this.#table.layout,
      partitionColumns: this.#table.partitionColumns,
      decode: this.#table.decode,
      rules: this.#table.rules,
      widens: true,
      footerMetadata: { 'sluice.topic': topic, 'sluice.topic.id': topicId, 'sluice.partition': String(partition) },
    });
  }

  #waitOut<T>(event: string, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    return waitOut(event, { clock, logger: this.#logger, signal: this.#signal, onDelay: this.#onDelay }, work);
  }

  #commitContext(steps: RollSteps): CommitContext {
    const { files, clock, onCommitted } = this.#context;
    const { topic, topicId, partition } = this.#partition;
    return {
      topic,
      topicId,
      partition,
      files,
      paths: this.#table.paths,
      chain: this.#chain,
      failed: this.#failed,
      position: this.#position,
      clock,
      logger: this.#logger,
      signal: this.#signal,
      onCommitted,
      onDelay: this.#onDelay,
      steps,
    };
  }
}

function traceOf(
  roll: SealedRoll,
  { topic, partition }: OwnedPartition,
  { steps }: RollSteps,
  error: unknown,
): RollTrace {
  const { first, next, cause, landedCount, deadCount, files } = roll;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const counts = { rowCount: landedCount, deadCount, fileCount: files.length, bytes };
  return { topic, partition, first, next, cause, ...counts, steps, error: error ? describeError(error) : null };
}
