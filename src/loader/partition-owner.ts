import { FencedError, LedgerError, PartitionChain, type RollCause } from '../offsets/index.ts';
import { describeError, type Logger, SluiceError } from '../shared/index.ts';
import { isWarehouseError, SchemaConflictError } from '../warehouse/index.ts';
import { BackOff, type FetchedPartition, LogTruncatedError } from '../wire/client/index.ts';
import type { PartitionPosition } from './load-progress.ts';
import type { OwnedPartition, OwnerContext, TableContext } from './owner-context.ts';
import { claimPartition, PartitionStoppedError } from './partition-claim.ts';
import { PartitionInbox } from './partition-inbox.ts';
import { PartitionRolls } from './partition-rolls.ts';
import { openRollRequest, requestRoll } from './roll-request.ts';
import { waitOut } from './wait-out.ts';
import { WakeUp } from './wake-up.ts';

/**
 * What an owner is doing. Every state may be entered again at any time, and begins by looking at what is there:
 *
 *   starting  reads the chain
 *   claiming  makes itself the owner in the ledger, before it fetches
 *   waiting   a live owner of another group or job has the partition: asks it for a roll and looks again
 *   running   takes records in until something is due
 *   rolling   sends what is open on its way into the ledger
 *   fenced    somebody else wrote the next number: has dropped everything, and asks its group by claiming again
 *   stopping  commits what is open and releases the partition
 *   stopped   the end
 */
export type OwnerState =
  | 'starting'
  | 'claiming'
  | 'waiting'
  | 'running'
  | 'rolling'
  | 'fenced'
  | 'stopping'
  | 'stopped';

/** Why an owner has stopped. */
export type OwnerEnd =
  /** The end of a bounded load is committed, by us or by somebody else. */
  | { reason: 'complete'; checkpoint: bigint }
  /** Asked to stop, and did so in good order. */
  | { reason: 'revoked' | 'shutdown' }
  /** Has nothing to say any more: what was open is dropped, and is read again by whoever owns the partition. */
  | { reason: 'lost' }
  | { reason: 'failed'; error: string };

const inboxBytes = 8 * 1024 * 1024;
const maxUnexpectedErrors = 3;
const heldPatienceMs = 60_000;

/** Owns one partition from its claim to its release. One coroutine does everything but the commit that is under way. */
export class PartitionOwner {
  readonly partition: OwnedPartition;
  readonly #context: OwnerContext;
  readonly #table: TableContext;
  readonly #logger: Logger;
  readonly #scratch: string;
  readonly #lost = new AbortController();
  readonly #wake = new WakeUp();
  readonly #backOff = new BackOff({ firstMs: 200, maxMs: 15_000 });
  readonly #inbox: PartitionInbox;
  #state: OwnerState = 'starting';
  #end: OwnerEnd | null = null;
  #chain: PartitionChain | null = null;
  #rolls: PartitionRolls | null = null;
  /** What is being taken in, batch by batch. */
  #current: { fetched: FetchedPartition; index: number } | null = null;
  /** Where the fetcher goes on; an answer from elsewhere belongs to an assignment that is over. */
  #fetchPosition = -1n;
  #isFetching = false;
  #stopCause: 'revoked' | 'shutdown' | null = null;
  #dueCause: RollCause | null = null;
  #isMemoryAsked = false;
  #requestedUpTo: bigint | null = null;
  #checkedAtMs = 0;
  #unexpectedErrors = 0;
  #heldSinceMs: number | null = null;
  #logEnd = -1n;

  constructor(options: { partition: OwnedPartition; context: OwnerContext; table: TableContext; scratch: string }) {
    this.partition = options.partition;
    this.#context = options.context;
    this.#table = options.table;
    this.#scratch = options.scratch;
    const { topic, partition } = options.partition;
    this.#logger = options.context.logger.child({ topic, partition });
    this.#inbox = new PartitionInbox({
      maxBytes: inboxBytes,
      onPause: () => this.#isFetching && this.#context.fetching.pause(topic, partition),
      onResume: () => this.#isFetching && this.#context.fetching.resume(topic, partition),
    });
  }

  get state(): OwnerState {
    return this.#state;
  }

  /** Bytes held in memory for this partition. */
  get memoryBytes(): number {
    return this.#inbox.bytes + (this.#rolls?.memoryBytes ?? 0);
  }

  /** What a roll would free; 0 while nothing is open. */
  get rollableBytes(): number {
    return this.#rolls && !this.#rolls.isEmpty ? this.#rolls.memoryBytes : 0;
  }

  /** Memory comes back without more being asked: a roll was asked for or is under way, or fetched batches wait for their turn. */
  get isFreeing(): boolean {
    return this.#isMemoryAsked || (this.#rolls?.isCommitting ?? false) || this.#inbox.bytes > 0;
  }

  /** Null before it has been claimed. */
  get position(): PartitionPosition | null {
    const checkpoint = this.#chain?.checkpoint;
    if (checkpoint === null || checkpoint === undefined || !this.#rolls) return null;
    const { topic, partition } = this.partition;
    const seen = this.#context.fetching.progress(topic, partition)?.lastStableOffset ?? -1n;
    if (seen > this.#logEnd) this.#logEnd = seen;
    const position = larger(this.#rolls.position, checkpoint);
    return { topic, partition, checkpoint, position, logEnd: larger(this.#logEnd, position) };
  }

  /** Takes what the fetcher has for us. */
  offer(fetched: FetchedPartition): void {
    if (!this.#isFetching || fetched.fetchOffset !== this.#fetchPosition) return;
    this.#fetchPosition = fetched.nextOffset;
    this.#inbox.push(fetched);
    this.#wake.call();
  }

  /** The memory budget is spent and this partition holds the most. */
  askForMemory(): void {
    this.#isMemoryAsked = true;
    this.#wake.call();
  }

  /**
   * Ends in good order: commits what is open and releases. After `graceMs` what is open is dropped instead. Whoever has not
   * begun to fetch ends at once: it may be asking the group, which waits for us.
   */
  stop(cause: 'revoked' | 'shutdown', graceMs: number): void {
    this.#stopCause ??= cause;
    this.#wake.call();
    const hasData = this.#state === 'running' || this.#state === 'rolling' || this.#state === 'stopping';
    if (!hasData) {
      this.abandon();
      return;
    }
    this.#context.clock.sleep(graceMs, this.#lost.signal).then(
      () => this.abandon(),
      () => {},
    );
  }

  /** The group gave the partition to somebody else: nothing may be committed any more. */
  abandon(): void {
    this.#lost.abort(new SluiceError('partition-lost', 'the partition was lost'));
    this.#wake.call();
  }

  /** Runs until the partition is stopped; never rejects. */
  async run(): Promise<OwnerEnd> {
    while (this.#state !== 'stopped') {
      try {
        this.#state = await this.#enter(this.#state);
      } catch (error) {
        this.#state = await this.#afterError(error);
      }
    }
    this.#stopFetching();
    await this.#rolls?.close().catch((error: unknown) => {
      this.#logger.warn({ reason: describeError(error) }, 'ScratchLeft');
    });
    this.#lost.abort(new SluiceError('stopped', 'the partition has stopped'));
    return this.#end ?? { reason: 'lost' };
  }

  async #enter(state: OwnerState): Promise<OwnerState> {
    this.#lost.signal.throwIfAborted();
    switch (state) {
      case 'starting':
        return await this.#start();
      case 'claiming':
        return await this.#claim();
      case 'waiting':
        return await this.#waitForHolder();
      case 'running':
        return await this.#runUntilDue();
      case 'rolling':
        return await this.#roll();
      case 'fenced':
        return await this.#pause('claiming');
      case 'stopping':
        return await this.#stopInOrder();
      case 'stopped':
        return 'stopped';
    }
  }

  async #start(): Promise<OwnerState> {
    const { files, clock } = this.#context;
    const { topic, topicId, partition } = this.partition;
    const id = { table: this.#table.table, topicId, partition, topic };
    const options = { clock, logger: this.#logger, signal: this.#lost.signal };
    this.#chain = await this.#waitOut('LedgerNotRead', () => PartitionChain.open(files, id, options));
    this.#rolls = new PartitionRolls({
      context: this.#context,
      table: this.#table,
      partition: this.partition,
      chain: this.#chain,
      logger: this.#logger,
      signal: this.#lost.signal,
      scratch: this.#scratch,
      onCommitEnded: () => this.#wake.call(),
    });
    return 'claiming';
  }

  async #claim(): Promise<OwnerState> {
    const chain = this.#chain!;
    const { endOffset } = this.partition;
    if (this.#stopCause) return this.#finish({ reason: this.#stopCause });
    const { cluster, membership, clock, settings } = this.#context;
    const { onGap, takeOver } = settings;
    const { topic, partition } = this.partition;
    const signal = this.#lost.signal;
    const start = await claimPartition({
      topic,
      partition,
      endOffset,
      chain,
      cluster,
      membership,
      clock,
      onGap,
      takeOver,
      signal,
    });
    if (start === 'complete') return this.#finish({ reason: 'complete', checkpoint: chain.checkpoint! });
    if (start === 'held') return 'waiting';
    this.#backOff.reset();
    this.#heldSinceMs = null;
    this.#context.onOwned(topic, partition, start);
    await this.#beginAt(start);
    return 'running';
  }

  /** Everything fetched or open before is void. */
  async #beginAt(start: bigint): Promise<void> {
    this.#stopFetching();
    await this.#rolls!.begin(start);
    const { topic, ownId, partition } = this.partition;
    const { leaderEpoch, next } = this.#chain!.state;
    const isEpochKnown = leaderEpoch >= 0 && next === start;
    this.#fetchPosition = start;
    this.#isFetching = true;
    this.#checkedAtMs = this.#context.clock.monotonicMs();
    this.#context.fetching.assign(topic, partition, start, {
      ...(ownId === null ? {} : { topicId: ownId }),
      ...(isEpochKnown ? { leaderEpoch } : {}),
    });
  }

  #stopFetching(): void {
    if (this.#isFetching) this.#context.fetching.unassign(this.partition.topic, this.partition.partition);
    this.#isFetching = false;
    this.#isMemoryAsked = false;
    this.#inbox.clear();
    this.#current = null;
  }

  async #waitForHolder(): Promise<OwnerState> {
    const { endOffset, topicId, partition } = this.partition;
    const place = { table: this.#table.table, topicId, partition };
    if (endOffset !== null) {
      await this.#waitOut('RollNotRequested', () =>
        requestRoll(this.#context.files, place, endOffset, this.#lost.signal),
      );
    }
    await this.#wake.sleep(this.#context.clock, Math.min(2000, this.#context.settings.ownerCheckMs), this.#lost.signal);
    return 'claiming';
  }

  async #runUntilDue(): Promise<OwnerState> {
    const rolls = this.#rolls!;
    for (;;) {
      this.#lost.signal.throwIfAborted();
      if (await rolls.settleIfEnded()) this.#unexpectedErrors = 0;
      if (this.#stopCause) return 'stopping';
      this.#dueCause = rolls.due({ memory: this.#isMemoryAsked, requestedUpTo: this.#requestedUpTo });
      if (this.#dueCause) return 'rolling';
      if (this.#isAtEnd() && !rolls.isCommitting) return 'stopping';
      if (this.#msUntilCheck() <= 0) await this.#checkInbetween();
      else if (!(await this.#takeInNext())) await this.#sleepUntilDue();
    }
  }

  #isAtEnd(): boolean {
    const { endOffset } = this.partition;
    return endOffset !== null && this.#rolls!.position >= endOffset;
  }

  /** Takes in one batch; false when there is none. */
  async #takeInNext(): Promise<boolean> {
    if (!this.#current) {
      const fetched = this.#inbox.shift();
      if (!fetched) return false;
      this.#current = { fetched, index: 0 };
      if (fetched.lastStableOffset > this.#logEnd) this.#logEnd = fetched.lastStableOffset;
    }
    const { fetched, index } = this.#current;
    const batch = fetched.batches[index];
    if (batch) {
      await this.#rolls!.absorb(batch);
      if (this.#current) this.#current.index++;
      return true;
    }
    this.#current = null;
    this.#rolls!.skipTo(fetched.nextOffset);
    if (fetched.error) await this.#afterFetchError(fetched.error);
    return true;
  }

  /** What was read before the error is good data, unless the log that it came from is gone. */
  async #afterFetchError(error: NonNullable<FetchedPartition['error']>): Promise<never> {
    const { topic, partition } = this.partition;
    if (!(error instanceof LogTruncatedError)) {
      await this.#rolls!.roll('records');
      await this.#rolls!.settle();
      if (error.kafkaName === 'OFFSET_OUT_OF_RANGE')
        throw new SluiceError('position-gone', error.message, { isRetriable: true });
    }
    throw new PartitionStoppedError('fetch-failed', `${topic}-${partition}: ${error.message}`, { cause: error });
  }

  #msUntilCheck(): number {
    return this.#checkedAtMs + this.#context.settings.ownerCheckMs - this.#context.clock.monotonicMs();
  }

  /** An owner without traffic must notice too that it was replaced, and that somebody waits for a roll. */
  async #checkInbetween(): Promise<void> {
    const { files, clock } = this.#context;
    const { topicId, partition } = this.partition;
    const signal = this.#lost.signal;
    this.#checkedAtMs = clock.monotonicMs();
    if (this.#rolls!.isCommitting) return; // the commit finds out by itself
    const chain = this.#chain!;
    try {
      if (await chain.hasSuccessor({ signal }))
        throw new FencedError('another owner wrote to the chain', chain.state.holder);
      const place = { table: this.#table.table, topicId, partition };
      this.#requestedUpTo = await openRollRequest(files, place, chain.checkpoint!, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof LedgerError || !isWarehouseError(error)) throw error;
      this.#logger.warn({ reason: describeError(error) }, 'OwnershipNotChecked');
    }
  }

  async #sleepUntilDue(): Promise<void> {
    const ms = Math.min(this.#rolls!.msUntilAge(), this.#msUntilCheck());
    await this.#wake.sleep(this.#context.clock, ms, this.#lost.signal);
  }

  async #roll(): Promise<OwnerState> {
    this.#isMemoryAsked = false;
    try {
      await this.#rolls!.roll(this.#dueCause!);
    } catch (error) {
      if (!(error instanceof SchemaConflictError)) throw error;
      this.#logger.info({ reason: error.message }, 'SchemaRaceLost');
      await this.#beginAt(this.#chain!.checkpoint!);
    }
    return 'running';
  }

  async #stopInOrder(): Promise<OwnerState> {
    const rolls = this.#rolls!;
    const chain = this.#chain!;
    this.#stopFetching();
    if (this.#stopCause) await rolls.roll(this.#stopCause).catch(ignoreSchemaConflict);
    await rolls.settle();
    const isComplete = this.partition.endOffset !== null && chain.checkpoint! >= this.partition.endOffset;
    try {
      await chain.release({ signal: this.#lost.signal });
    } catch (error) {
      // The next claimant has to prove that we are gone; nothing else depends on a release.
      this.#logger.warn({ reason: describeError(error) }, 'PartitionNotReleased');
    }
    return this.#finish(
      isComplete ? { reason: 'complete', checkpoint: chain.checkpoint! } : { reason: this.#stopCause! },
    );
  }

  #finish(end: OwnerEnd): OwnerState {
    this.#end = end;
    return 'stopped';
  }

  async #afterError(error: unknown): Promise<OwnerState> {
    this.#stopFetching();
    const wasStopping = this.#state === 'stopping';
    await this.#rolls?.drop();
    if (this.#lost.signal.aborted) return this.#finish({ reason: 'lost' });
    const isFenced = error instanceof FencedError || (error instanceof LedgerError && error.code === 'in-doubt');
    if (isFenced && this.#context.membership.confirm && !wasStopping) {
      this.#logger.warn({ reason: describeError(error) }, 'PartitionFenced');
      return 'fenced';
    }
    if (isFenced && wasStopping) return this.#finish({ reason: 'lost' });
    return await this.#afterFailure(error);
  }

  /** Trouble that may pass is waited out; what we did not foresee is tried a few times; the rest ends here. */
  async #afterFailure(error: unknown): Promise<OwnerState> {
    const isForeseen = error instanceof SluiceError || isShortage(error);
    const isHopeful = isForeseen ? this.#mayPass(error) : ++this.#unexpectedErrors <= maxUnexpectedErrors;
    const fields = { reason: describeError(error), state: this.#state };
    if (isHopeful && !this.#stopCause) {
      this.#logger[isForeseen ? 'warn' : 'error'](
        isForeseen ? fields : { ...fields, stack: stackOf(error) },
        'PartitionDelayed',
      );
      return await this.#pause(this.#chain ? 'claiming' : 'starting');
    }
    this.#logger.error(fields, 'PartitionStopped');
    if (this.#chain?.isOwner) await this.#chain.release({ signal: this.#lost.signal }).catch(() => {});
    return this.#finish({ reason: 'failed', error: describeError(error) });
  }

  /** A holder of another group may be dead and not yet known as such: it is given as long as a session may last. */
  #mayPass(error: unknown): boolean {
    if (!(error instanceof SluiceError)) return true;
    if (!(error instanceof LedgerError) || error.code !== 'held-by-other') return error.isRetriable;
    const nowMs = this.#context.clock.monotonicMs();
    this.#heldSinceMs ??= nowMs;
    return error.isRetriable && nowMs - this.#heldSinceMs < heldPatienceMs;
  }

  async #pause(next: OwnerState): Promise<OwnerState> {
    await this.#wake.sleep(this.#context.clock, this.#backOff.nextMs(), this.#lost.signal);
    return next;
  }

  #waitOut<T>(event: string, work: () => Promise<T>): Promise<T> {
    return waitOut(event, { clock: this.#context.clock, logger: this.#logger, signal: this.#lost.signal }, work);
  }
}

/** At the end of an ownership the rows of a lost race are simply left to the next owner. */
function ignoreSchemaConflict(error: unknown): void {
  if (!(error instanceof SchemaConflictError)) throw error;
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** The local disk is full, or there are no more file handles: somebody makes room, and the records are still in the log. */
function isShortage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EMFILE' || code === 'ENFILE') return true;
  }
  return false;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? '') : '';
}
