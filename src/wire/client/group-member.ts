import { describeError, type Logger, SluiceError } from '../../shared/index.ts';
import { errorCodes, type JoinGroupResponse } from '../index.ts';
import { type Assignment, type Assignor, assignors } from './assignors/index.ts';
import { BackOff, untilAborted } from './back-off.ts';
import type { ClusterCore } from './cluster-core.ts';
import { commitOffsets, type OffsetToCommit } from './cluster-groups.ts';
import { decodeAssignment, encodeSubscription, type TopicPartition } from './consumer-protocol.ts';
import { CallbackError } from './group-callbacks.ts';
import { GroupLeader } from './group-leader.ts';
import type { GroupMemberOptions } from './group-options.ts';
import { GroupOwnership } from './group-ownership.ts';
import { GroupRequests, isFatalForGroup } from './group-requests.ts';
import { GroupSession } from './group-session.ts';
import { isKafkaError, type KafkaError, throwIfError } from './kafka-error.ts';
import { Waker } from './waker.ts';

/** A cluster's first group finds no coordinator for a second or two; who owns nothing can wait that long in silence. */
const WORTH_A_WARNING = 8;

/**
 * One member of a consumer group, by the classic protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup).
 *
 *   stopped --start--> joining --> stable --(rebalance)--> joining ...
 *   any --(UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, session over without contact)--> lost --> joining
 *   any --close--> stopped       any --(FENCED_INSTANCE_ID, not authorized, ...)--> stopped, onFatal
 *
 * Invariants:
 * - Two loops: `#run` joins and calls the callbacks, one at a time; `#beat` sends heartbeats, whatever `#run` waits for.
 * - `#beat` never touches what we own: it ends the session, and `#run` finds out by the session's signal.
 * - The session's generation is what we tell the coordinator, from the answer to JoinGroup on. `generation` is the last one
 *   whose assignment has arrived; only then is a partition ours.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #core: ClusterCore;
  readonly #logger: Logger;
  readonly #assignor: Assignor;
  readonly #requests: GroupRequests;
  readonly #leader: GroupLeader;
  readonly #session: GroupSession;
  readonly #ownership: GroupOwnership;
  readonly #rebalanceTimeoutMs: number;
  readonly #heartbeatIntervalMs: number;
  readonly #metadataRefreshMs: number;
  readonly #runWaker: Waker;
  /** Ends `#run`; heartbeats go on until what we own was given up. */
  readonly #closing = new AbortController();
  readonly #ended = new AbortController();
  #isLeader = false;
  #rejoinReason: string | null = null;
  /** Set from the sending of JoinGroup to the answer of SyncGroup. */
  #joining: Promise<void> | null = null;
  #isJoinPending = false;
  #fatal: Error | null = null;
  #running: Promise<unknown> | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: GroupMemberOptions) {
    const sessionTimeoutMs = options.sessionTimeoutMs ?? 45_000;
    this.#options = options;
    this.#core = options.cluster.core;
    this.#logger = this.#core.logger.child({ group: options.groupId });
    this.#assignor = assignors[options.assignor ?? 'cooperative-sticky'];
    this.#rebalanceTimeoutMs = options.rebalanceTimeoutMs ?? 60_000;
    this.#heartbeatIntervalMs = options.heartbeatIntervalMs ?? Math.min(3_000, sessionTimeoutMs / 3);
    this.#metadataRefreshMs = options.metadataRefreshMs ?? 30_000;
    this.#requests = new GroupRequests(this.#core, {
      groupId: options.groupId,
      instanceId: options.instanceId ?? null,
      protocol: this.#assignor.name,
      sessionTimeoutMs,
      rebalanceTimeoutMs: this.#rebalanceTimeoutMs,
    });
    this.#leader = new GroupLeader(this.#core, this.#assignor);
    this.#runWaker = new Waker(this.#core.clock);
    this.#session = new GroupSession(this.#core.clock, sessionTimeoutMs, () => this.#runWaker.wake());
    this.#ownership = new GroupOwnership({
      callbacks: options,
      session: this.#session,
      timeoutMs: this.#rebalanceTimeoutMs,
      hurry: this.#closing.signal,
      logger: this.#logger,
    });
  }

  start(): void {
    if (this.#closing.signal.aborted) throw new SluiceError('closed', 'the group member was closed');
    if (this.#running) return;
    this.#running = this.#run();
    void this.#beat();
  }

  /** Empty before the first join and after the coordinator has forgotten us. */
  get memberId(): string {
    return this.#session.memberId;
  }

  /** Of the assignment we hold; -1: none. */
  get generation(): number {
    return this.#ownership.generation;
  }

  get assignment(): readonly TopicPartition[] {
    return this.#ownership.partitions;
  }

  /**
   * True while nothing is certain: the last heartbeat that was answered is longer ago than the session timeout, e.g. right
   * after a frozen process woke up. The next answer settles it, one way or the other.
   */
  get isSuspect(): boolean {
    return this.#session.isOverdue;
  }

  /**
   * Asks the coordinator, now: are we in the group, and have we been without a break since `generation`? During a rebalance
   * the answer is yes for those who still have their place. Throws a retriable error when nobody can be asked.
   */
  async isMember(generation: number, { signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#core.retrying(signal, async () => {
      while (this.#session.isUnbrokenSince(generation)) {
        if (await this.#heartbeat(signal)) return this.#session.isUnbrokenSince(generation);
        await this.#untilJoined(signal);
      }
      return false;
    });
  }

  /**
   * Commits positions of partitions that we own, waiting out a rebalance. Throws `not-owned` for others, and the KafkaError
   * when the coordinator has fenced us.
   */
  async commit(offsets: readonly OffsetToCommit[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const deadlineMs = this.#core.clock.monotonicMs() + this.#rebalanceTimeoutMs;
    for (;;) {
      this.#ownership.check(offsets);
      const { memberId, generation } = this.#session;
      try {
        const committer = { memberId, generation, instanceId: this.#options.instanceId };
        await commitOffsets(this.#core, this.#options.groupId, offsets, {
          committer,
          signal,
          lane: this.#requests.lane,
        });
        return;
      } catch (error) {
        const isMoving = isKafkaError(error, errorCodes.REBALANCE_IN_PROGRESS) || this.#hasMovedOn(generation);
        if (!isMoving || this.#core.clock.monotonicMs() > deadlineMs) {
          this.#noteGroupError(error, generation);
          throw error;
        }
        if (!this.#joining) this.#requestRejoin('the group rebalances');
        await this.#core.clock.sleep(50, signal);
        await this.#untilJoined(signal);
      }
    }
  }

  /** Gives up what we own in good order, leaves the group (static members stay in it) and closes. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  leave(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const backOff = new BackOff({ firstMs: 100, maxMs: 1000, random: this.#core.random });
    let failedJoins = 0;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#rebalance();
        backOff.reset();
        failedJoins = 0;
        await this.#untilRebalance();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (this.#fatal || isFatalForGroup(error) || error instanceof CallbackError) {
          await this.#die(this.#fatal ?? (error as Error));
          return;
        }
        await this.#recover(error, ++failedJoins);
        await this.#runWaker.sleep(backOff.nextMs(), this.#closing.signal).catch(() => {}); // the loop looks at the signal
      }
    }
  }

  async #recover(error: unknown, failedJoins: number): Promise<void> {
    this.#noteGroupError(error, this.#session.generation);
    if (this.#session.isOverdue) this.#session.lose('no contact for the session timeout', { forgetMember: false });
    const event = this.#session.isLost ? 'MembershipLost' : 'GroupJoinFailed';
    const partitions = this.#ownership.partitions.length;
    const level = partitions === 0 && failedJoins < WORTH_A_WARNING ? 'debug' : 'warn';
    this.#logger[level]({ error: describeError(error), partitions, failedJoins }, event);
    await this.#ownership.handOverLost().catch((failure: Error) => this.#die(failure));
  }

  /** Heartbeats, as long as there is a generation to confirm. */
  async #beat(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#core.clock.sleep(this.#heartbeatIntervalMs, signal).catch(() => {}); // the loop looks at the signal
      if (signal.aborted || this.#session.generation < 0 || this.#isJoinPending) continue;
      try {
        await this.#heartbeat(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug({ error: describeError(error) }, 'HeartbeatFailed');
        if (this.#session.isOverdue && !this.#joining) {
          this.#session.lose('no contact with the coordinator for the session timeout', { forgetMember: false });
        }
      }
    }
  }

  /** True: we have our place in the group. False: a join under way will tell, or the session is lost now. */
  async #heartbeat(signal: AbortSignal | undefined): Promise<boolean> {
    const { memberId, generation } = this.#session;
    const sentAtMs = this.#core.clock.monotonicMs();
    try {
      await this.#requests.heartbeat(memberId, generation, signal);
    } catch (error) {
      if (!isKafkaError(error, errorCodes.REBALANCE_IN_PROGRESS)) {
        if (isMembershipError(error) && this.#hasMovedOn(generation)) return false;
        this.#noteGroupError(error, generation);
        if (this.#session.isLost) return false;
        throw error;
      }
      if (!this.#hasMovedOn(generation)) this.#requestRejoin('the group rebalances');
    }
    this.#session.confirm(sentAtMs);
    return true;
  }

  async #rebalance(): Promise<void> {
    const reason = this.#rejoinReason ?? 'joining';
    this.#rejoinReason = null;
    if (!this.#assignor.isCooperative) await this.#ownership.giveUpAll();
    this.#session.lostSignal.throwIfAborted();
    const joining = this.#joinAndSync(reason);
    this.#joining = joining.then(
      () => {},
      () => {},
    );
    const assigned = await joining.finally(() => (this.#joining = null));
    const givenUp = await this.#ownership.take(assigned, this.#session.generation);
    if (givenUp > 0) this.#requestRejoin(`gave up ${givenUp} partitions`); // KIP-429: only now others may have them
  }

  async #joinAndSync(reason: string): Promise<TopicPartition[]> {
    const { signal } = this.#closing;
    const joined = await this.#join(reason, signal);
    this.#session.join(joined.memberId, joined.generationId);
    this.#isLeader = joined.leader === joined.memberId;
    let assignment: Assignment = new Map();
    if (this.#isLeader && !joined.skipAssignment) assignment = await this.#leader.assign(joined.members, signal);
    else if (this.#isLeader) await this.#leader.watch(joined.members, signal);
    const sentAtMs = this.#core.clock.monotonicMs();
    const bytes = await this.#requests.sync(joined.memberId, joined.generationId, assignment, signal);
    this.#session.confirm(sentAtMs);
    this.#rejoinReason = null;
    return decodeAssignment(bytes);
  }

  async #join(reason: string, signal: AbortSignal): Promise<JoinGroupResponse> {
    const metadata = encodeSubscription({
      topics: this.#options.topics,
      ownedPartitions: this.#ownership.partitions,
      generation: this.#ownership.generation,
      rack: this.#core.rack,
    });
    this.#isJoinPending = true;
    try {
      const answer = await this.#requests.join(this.#session.memberId, metadata, reason, signal);
      if (answer.errorCode !== errorCodes.MEMBER_ID_REQUIRED) return answer;
      this.#session.useMemberId(answer.memberId); // KIP-394
      const second = await this.#requests.join(answer.memberId, metadata, reason, signal);
      throwIfError(second.errorCode, `JoinGroup of group "${this.#options.groupId}"`);
      return second;
    } finally {
      this.#isJoinPending = false;
    }
  }

  /** Returns when the group has to be joined again; throws when the membership is lost. */
  async #untilRebalance(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#rejoinReason === null) {
      await this.#runWaker.sleep(this.#metadataRefreshMs, signal);
      this.#session.lostSignal.throwIfAborted();
      if (this.#rejoinReason !== null || !this.#isLeader) continue;
      try {
        if (await this.#leader.sawChange(signal)) this.#requestRejoin('topics or partitions were added or removed');
      } catch (error) {
        if (!signal.aborted) this.#logger.debug({ error: describeError(error) }, 'MetadataRefreshFailed');
      }
    }
    this.#session.lostSignal.throwIfAborted();
  }

  #requestRejoin(reason: string): void {
    this.#rejoinReason ??= reason;
    this.#runWaker.wake();
  }

  async #untilJoined(signal: AbortSignal | undefined): Promise<void> {
    if (this.#joining) await untilAborted(this.#joining, signal);
  }

  #hasMovedOn(generation: number): boolean {
    return this.#joining !== null || this.#session.generation !== generation;
  }

  /** Ends the session when the coordinator said, about that generation, that we are not who we think we are. */
  #noteGroupError(error: unknown, generation: number): void {
    if (!isMembershipError(error) || this.#session.generation !== generation) return;
    if (error.kafkaCode === errorCodes.FENCED_INSTANCE_ID) this.#fatal = error;
    this.#session.lose(error.message, { forgetMember: error.kafkaCode === errorCodes.UNKNOWN_MEMBER_ID });
  }

  async #die(error: Error): Promise<void> {
    this.#logger.error({ error: describeError(error) }, 'GroupMemberFailed');
    this.#session.lose(error.message, { forgetMember: true });
    this.#closing.abort(error);
    this.#ended.abort(error);
    await this.#ownership.handOverLost().catch((failure: unknown) => {
      this.#logger.error({ error: describeError(failure) }, 'GroupMemberFailed');
    });
    this.#requests.close();
    this.#options.onFatal?.(error);
  }

  async #close(): Promise<void> {
    const reason = new SluiceError('closed', 'the group member was closed');
    this.#closing.abort(reason);
    // Only #beat goes on now; it ends with #ended.
    await this.#running;
    try {
      await this.#ownership.handOverLost();
      await this.#ownership.giveUpAll();
    } finally {
      this.#ended.abort(reason);
      await this.#maybeLeave();
      this.#requests.close();
      this.#ownership.forget();
    }
  }

  /** Static members keep their place until the session timeout, so that a quick restart moves nothing (KIP-345). */
  async #maybeLeave(): Promise<void> {
    const { memberId } = this.#session;
    if (memberId === '' || this.#options.instanceId !== undefined) return;
    try {
      await this.#requests.leave(memberId, 'the member was closed');
    } catch (error) {
      this.#logger.debug({ error: describeError(error) }, 'LeaveGroupFailed'); // the session timeout does the same, later
    }
  }
}

function isMembershipError(error: unknown): error is KafkaError {
  return isKafkaError(
    error,
    errorCodes.UNKNOWN_MEMBER_ID,
    errorCodes.ILLEGAL_GENERATION,
    errorCodes.FENCED_INSTANCE_ID,
  );
}
