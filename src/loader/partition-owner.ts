import { FencedError, type PartitionChain, type RollCause } from '../offsets/index.ts';
import { abortScope, describeError, type Logger, SluiceError, WakeUp } from '../shared/index.ts';
import { SchemaConflictError } from '../warehouse/index.ts';
import { BackOff, type FetchedPartition, LogTruncatedError } from '../wire/client/index.ts';
import type { OwnerStatus, PartitionPosition } from './load-progress.ts';
import type { OwnedPartition, OwnerContext, TableContext } from './owner-context.ts';
import { OwnerDelays } from './owner-delays.ts';
import { OwnerFailures, stackOf } from './owner-failure.ts';
import { openHoldings } from './owner-holdings.ts';
import type { OwnerEnd, OwnerState } from './owner-state.ts';
import { ownerPosition, ownerStatus } from './owner-status.ts';
import { OwnerWatch } from './owner-watch.ts';
import { claimPartition, PartitionStoppedError } from './partition-claim.ts';
import { describePause } from './partition-control.ts';
import { PartitionFeed } from './partition-feed.ts';
import type { PartitionRolls } from './partition-rolls.ts';
import { codeOf } from './wait-out.ts';

/** How long at most before an owner that waits for another one looks at the checkpoint again. */
const holderLookMs = 2000;

/** What an error makes the owner do, in the words of the log. */
const delayEvents = { fenced: 'PartitionFenced', again: 'PartitionDelayed', stop: 'PartitionStopped' } as const;

/**
 * Owns one partition from its claim to its release: a state machine (see OwnerState) in one coroutine, which does
 * everything but the commit that is under way. What it may not do is decided by the ledger, never by what it remembers.
 */
export class PartitionOwner {
  readonly partition: OwnedPartition;
  readonly #context: OwnerContext;
  readonly #table: TableContext;
  readonly #logger: Logger;
  readonly #scratch: string;
  readonly #feed: PartitionFeed;
  readonly #failures: OwnerFailures;
  readonly #lost = abortScope();
  readonly #wake = new WakeUp();
  readonly #backOff = new BackOff({ firstMs: 200, maxMs: 15_000 });
  #state: OwnerState = 'starting';
  #end: OwnerEnd = { reason: 'lost' };
  #chain: PartitionChain | null = null;
  #rolls: PartitionRolls | null = null;
  #stopCause: 'revoked' | 'shutdown' | null = null;
  #dueCause: RollCause | null = null;
  #isMemoryAsked = false;
  readonly #watch: OwnerWatch;
  readonly #delays: OwnerDelays;
  #stateSinceMs: number;

  constructor(options: { partition: OwnedPartition; context: OwnerContext; table: TableContext; scratch: string }) {
    this.partition = options.partition;
    this.#context = options.context;
    this.#table = options.table;
    this.#scratch = options.scratch;
    const { topic, partition } = options.partition;
    this.#logger = options.context.logger.child({ topic, partition });
    this.#feed = new PartitionFeed(options.partition, options.context.fetching);
    this.#failures = new OwnerFailures(options.context.clock);
    const { files, clock, settings } = options.context;
    const common = { clock, logger: this.#logger, signal: this.#lost.signal };
    const place = { table: options.table.table, topicId: options.partition.topicId, partition };
    this.#watch = new OwnerWatch(place, { ...common, files, everyMs: settings.ownerCheckMs });
    const onDelayed = options.context.onDelayed ?? (() => {});
    this.#delays = new OwnerDelays({ ...common, onDelayed: (delay) => onDelayed(topic, partition, delay) });
    this.#stateSinceMs = clock.nowMs();
  }

  get state(): OwnerState {
    return this.#state;
  }

  /** Bytes held in memory for this partition. */
  get memoryBytes(): number {
    return this.#feed.bytes + (this.#rolls?.memoryBytes ?? 0);
  }

  /** What a roll would free; 0 while nothing is open. */
  get rollableBytes(): number {
    return this.#rolls && !this.#rolls.isEmpty ? this.#rolls.memoryBytes : 0;
  }

  /** Memory comes back without more being asked: a roll was asked for or is under way, or fetched batches wait for their turn. */
  get isFreeing(): boolean {
    return this.#isMemoryAsked || (this.#rolls?.isCommitting ?? false) || this.#feed.bytes > 0;
  }

  /** Null before it has been claimed. */
  get position(): PartitionPosition | null {
    return ownerPosition(this.partition, { chain: this.#chain, rolls: this.#rolls, feed: this.#feed });
  }

  /** What it is doing, and what it waits for. */
  get status(): OwnerStatus {
    const { pause } = this.#watch;
    const parts = { chain: this.#chain, rolls: this.#rolls, feed: this.#feed, pause, delay: this.#delays.current };
    const since = { state: this.#state, stateSinceMs: this.#stateSinceMs, memoryBytes: this.memoryBytes };
    return ownerStatus(this.partition, { ...parts, ...since });
  }

  /** Takes what the fetcher has for us. */
  offer(fetched: FetchedPartition): void {
    if (this.#feed.offer(fetched)) this.#wake.call();
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
        this.#setState(await this.#enter(this.#state));
      } catch (error) {
        this.#setState(await this.#afterError(error));
      }
    }
    this.#feed.close();
    await this.#rolls?.close().catch((error: unknown) => {
      this.#logger.warn({ reason: describeError(error) }, 'ScratchLeft');
    });
    this.#lost.abort(new SluiceError('stopped', 'the partition has stopped'));
    return this.#end;
  }

  #setState(state: OwnerState): void {
    const isSame = state === this.#state || (state === 'running' && this.#state === 'rolling');
    if (!isSame) this.#stateSinceMs = this.#context.clock.nowMs();
    this.#state = state;
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
      case 'paused':
        return await this.#stayPaused();
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
    const { chain, rolls } = await openHoldings({
      context: this.#context,
      table: this.#table,
      partition: this.partition,
      logger: this.#logger,
      signal: this.#lost.signal,
      scratch: this.#scratch,
      delays: this.#delays,
      onCommitEnded: () => this.#wake.call(),
    });
    this.#chain = chain;
    this.#rolls = rolls;
    return 'claiming';
  }

  async #claim(): Promise<OwnerState> {
    if (this.#stopCause) return this.#finish({ reason: this.#stopCause });
    const chain = this.#chain!;
    const { onGap, takeOver } = this.#context.settings;
    const { topic, partition, endOffset } = this.partition;
    const pause = await this.#delays.waitOut('RequestsNotRead', () => this.#watch.lookForPause());
    if (pause && endOffset === null) return 'paused';
    if (pause) throw new PartitionStoppedError('paused', `${topic}-${partition} is ${describePause(pause)}`);
    const start = await claimPartition({
      ...this.#context,
      ...this.partition,
      chain,
      onGap,
      takeOver,
      signal: this.#lost.signal,
    });
    if (start === 'complete') {
      await this.#rolls!.showPosition();
      return this.#finish({ reason: 'complete', checkpoint: chain.checkpoint! });
    }
    if (start === 'held') return 'waiting';
    this.#backOff.reset();
    this.#failures.noteClaim();
    this.#delays.note(null);
    this.#context.onOwned(topic, partition, start);
    await this.#beginAt(start);
    return 'running';
  }

  /** Everything fetched or open before is void. */
  async #beginAt(start: bigint): Promise<void> {
    this.#feed.close();
    await this.#rolls!.begin(start);
    const { leaderEpoch, next } = this.#chain!.state;
    this.#isMemoryAsked = false;
    this.#watch.begin();
    this.#feed.open(start, leaderEpoch >= 0 && next === start ? leaderEpoch : null);
  }

  async #waitForHolder(): Promise<OwnerState> {
    const { endOffset } = this.partition;
    const { clock, settings } = this.#context;
    if (endOffset !== null) {
      await this.#delays.waitOut('RollNotRequested', () => this.#watch.requestRoll(endOffset));
    }
    await this.#wake.sleep(clock, Math.min(holderLookMs, settings.ownerCheckMs), this.#lost.signal);
    return 'claiming';
  }

  /** Nothing is held and nothing is owned meanwhile: whoever resumes it need not be where it was paused. */
  async #stayPaused(): Promise<OwnerState> {
    await this.#wake.sleep(this.#context.clock, this.#context.settings.ownerCheckMs, this.#lost.signal);
    const pause = await this.#delays.waitOut('RequestsNotRead', () => this.#watch.lookForPause());
    return pause ? 'paused' : 'claiming';
  }

  async #runUntilDue(): Promise<OwnerState> {
    const rolls = this.#rolls!;
    for (;;) {
      this.#lost.signal.throwIfAborted();
      if (await rolls.settleIfEnded()) this.#failures.noteCommit();
      if (this.#stopCause || this.#watch.pause) return 'stopping';
      this.#dueCause = rolls.due({ memory: this.#isMemoryAsked, requestedUpTo: this.#watch.rollUpTo });
      if (this.#dueCause) return 'rolling';
      if (this.#isAtEnd() && !rolls.isCommitting) return 'stopping';
      if (this.#watch.msUntilDue <= 0) await this.#lookAround();
      else if (!(await this.#takeInNext())) await this.#sleepUntilDue();
    }
  }

  #isAtEnd(): boolean {
    const { endOffset } = this.partition;
    return endOffset !== null && this.#rolls!.position >= endOffset;
  }

  /** Takes in one batch, or the end of an answer; false when there is nothing. */
  async #takeInNext(): Promise<boolean> {
    const item = this.#feed.next();
    if (!item) return false;
    if (item.kind === 'batch') await this.#rolls!.absorb(item.batch);
    else {
      this.#rolls!.skipTo(item.nextOffset);
      if (item.error) await this.#afterFetchError(item.error);
    }
    return true;
  }

  /** What was read before the error is good data, unless the log that it came from is gone. */
  async #afterFetchError(error: NonNullable<FetchedPartition['error']>): Promise<never> {
    const { topic, partition } = this.partition;
    if (!(error instanceof LogTruncatedError)) {
      await this.#rolls!.roll('records');
      await this.#rolls!.settle();
      if (error.kafkaName === 'OFFSET_OUT_OF_RANGE') {
        throw new SluiceError('position-gone', error.message, { isRetriable: true });
      }
    }
    throw new PartitionStoppedError('fetch-failed', `${topic}-${partition}: ${error.message}`, { cause: error });
  }

  /** A commit under way finds out by itself whether we are still the owner. */
  async #lookAround(): Promise<void> {
    if (this.#rolls!.isCommitting) return this.#watch.begin();
    await this.#watch.look(this.#chain!);
    void this.#rolls!.showPosition(); // a group that does not answer must not hold up what is being read
  }

  async #sleepUntilDue(): Promise<void> {
    const ms = Math.min(this.#rolls!.msUntilAge(), this.#watch.msUntilDue);
    await this.#wake.sleep(this.#context.clock, ms, this.#lost.signal);
  }

  async #roll(): Promise<OwnerState> {
    this.#isMemoryAsked = false;
    // This roll is the answer; should it not be committed, the next look finds the request again.
    const { rollUpTo } = this.#watch;
    if (rollUpTo !== null && this.#rolls!.position >= rollUpTo) this.#watch.rollUpTo = null;
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
    this.#feed.close();
    const isPaused = this.#stopCause === null && this.#watch.pause !== null;
    const cause = this.#stopCause ?? (isPaused ? 'requested' : null);
    if (cause) await rolls.roll(cause).catch(ignoreSchemaConflict);
    await rolls.settle();
    await rolls.showPosition();
    await rolls.tidyStaging();
    try {
      await chain.release({ signal: this.#lost.signal });
    } catch (error) {
      // The next claimant has to prove that we are gone; nothing else depends on a release.
      this.#logger.warn({ reason: describeError(error) }, 'PartitionNotReleased');
    }
    const checkpoint = chain.checkpoint!;
    const { endOffset } = this.partition;
    if (endOffset !== null && checkpoint >= endOffset) return this.#finish({ reason: 'complete', checkpoint });
    return isPaused ? 'claiming' : this.#finish({ reason: this.#stopCause! });
  }

  async #afterError(error: unknown): Promise<OwnerState> {
    this.#feed.close();
    this.#isMemoryAsked = false;
    await this.#rolls?.drop();
    if (this.#lost.signal.aborted) return this.#finish({ reason: 'lost' });
    const verdict = this.#failures.judge(error);
    if (verdict === 'fenced' && this.#state === 'stopping' && !this.#watch.pause)
      return this.#finish({ reason: 'lost' });
    // Another attempt of a job has taken over: there is no group that could give the partition back.
    const isReplaced = error instanceof FencedError && !this.#context.membership.confirm;
    this.#delays.note({ event: delayEvents[verdict], attempt: 1, reason: describeError(error), code: codeOf(error) });
    if (verdict === 'fenced' && !isReplaced) {
      this.#logger.warn({ reason: describeError(error) }, 'PartitionFenced');
      return 'fenced';
    }
    if (verdict === 'again' && !this.#stopCause) {
      this.#logger.warn(
        { reason: describeError(error), state: this.#state, stack: stackOf(error) },
        'PartitionDelayed',
      );
      return await this.#pause(this.#chain ? 'claiming' : 'starting');
    }
    return await this.#fail(error);
  }

  async #fail(error: unknown): Promise<OwnerState> {
    this.#logger.error({ reason: describeError(error), state: this.#state, stack: stackOf(error) }, 'PartitionStopped');
    if (this.#chain?.isOwner) await this.#chain.release({ signal: this.#lost.signal }).catch(() => {});
    return this.#finish({ reason: 'failed', error: describeError(error) });
  }

  #finish(end: OwnerEnd): OwnerState {
    this.#end = end;
    return 'stopped';
  }

  async #pause(next: OwnerState): Promise<OwnerState> {
    await this.#wake.sleep(this.#context.clock, this.#backOff.nextMs(), this.#lost.signal);
    return next;
  }
}

/** At the end of an ownership the rows of a lost race are simply left to the next owner. */
function ignoreSchemaConflict(error: unknown): void {
  if (!(error instanceof SchemaConflictError)) throw error;
}
