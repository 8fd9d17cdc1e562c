/**
 * The coordinator of all groups: the classic protocol for each of them, their committed offsets, and both on stable
 * storage. A commit is answered, and shown to anybody, only when it is durable; so committed offsets survive a crash and
 * never go back. Answers are Kafka error codes; nothing here throws for what a client has sent.
 *
 * `#groups` are the running state machines, `#store` what the log says of them. A group of which nothing is stored and that has
 * no members is forgotten.
 */
import { type Clock, describeError, type Logger } from '../../shared/index.ts';
import { errorCodes } from '../../wire/index.ts';
import type { PartitionLog } from '../storage/log-types.ts';
import { ClassicGroup } from './classic-group.ts';
import type { CommittedOffset, CommittedOffsets } from './committed-offsets.ts';
import type { CoordinatorFact } from './coordinator-records.ts';
import { joinFailure, syncFailure } from './group-answers.ts';
import type { GroupConfig } from './group-config.ts';
import { GroupStore, groupDeletion, offsetDeletion } from './group-store.ts';
import type {
  GroupDescription,
  GroupHooks,
  GroupMetadata,
  GroupState,
  JoinInput,
  JoinResult,
  MemberIdentity,
  SyncInput,
  SyncResult,
} from './group-types.ts';

export interface GroupCoordinatorOptions {
  /** The only partition of `__consumer_offsets`. */
  readonly log: PartitionLog;
  readonly config: GroupConfig;
  readonly clock: Clock;
  readonly randomUuid: () => string;
  /** The id that the topic has now; undefined when there is no such topic. */
  readonly topicIdOf: (topic: string) => string | undefined;
  /** Whether the group's offsets hold records of the topic past retention: they do not expire then. Nothing is, when left out. */
  readonly isPinned?: (groupId: string, topic: string) => boolean;
  readonly logger: Logger;
}

export interface OffsetToCommit {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: GroupState;
}

const tickIntervalMs = 100;
/** A tick that comes this much too late means that the process stood still. */
const standstillMs = 1_000;

export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #store: GroupStore;
  readonly #groups = new Map<string, ClassicGroup>();
  #timer: NodeJS.Timeout | null = null;
  #lastTickMs = 0;
  #nextExpiryMs = 0;
  #isClosed = false;

  private constructor(options: GroupCoordinatorOptions) {
    const { log, clock, logger, config } = options;
    this.#options = options;
    this.#store = new GroupStore({
      log,
      logger,
      nowMs: () => clock.nowMs(),
      snapshotBytes: config.snapshotBytes,
      batchBytes: config.batchBytes,
      onApplied: (groupId, isKnown) => this.#onApplied(groupId, isKnown),
    });
  }

  /** Reads the state from the log. Call `start` to let time pass. */
  static async open(options: GroupCoordinatorOptions): Promise<GroupCoordinator> {
    const coordinator = new GroupCoordinator(options);
    await coordinator.#load();
    return coordinator;
  }

  async #load(): Promise<void> {
    const { clock, logger, topicIdOf } = this.#options;
    const facts = await this.#store.load();
    const nowMs = clock.monotonicMs();
    for (const [groupId, stored] of this.#store.storedGroups()) this.#groups.get(groupId)!.restore(stored, nowMs);
    // Topics that were deleted, or made anew, while there was no time to delete their offsets.
    const lost = this.#store.tombstonesOfLostTopics(topicIdOf);
    if (lost.length > 0) logger.warn({ offsets: lost.length }, 'OffsetsOfDeletedTopicsDropped');
    await this.#append(lost);
    logger.info({ facts, groups: this.#groups.size }, 'GroupsLoaded');
  }

  start(): void {
    const { clock, config } = this.#options;
    this.#lastTickMs = clock.monotonicMs();
    this.#nextExpiryMs = this.#lastTickMs + config.offsetsRetentionCheckIntervalMs;
    this.#timer = setInterval(() => this.tick(), tickIntervalMs).unref();
  }

  /** Lets the groups act on deadlines that have passed; the timer calls it. */
  tick(): void {
    const { clock, config, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    const gapMs = nowMs - this.#lastTickMs - tickIntervalMs;
    this.#lastTickMs = nowMs;
    for (const [groupId, group] of this.#groups) {
      // Heartbeats that came while we stood still are not read yet: the members must not pay for it.
      if (gapMs > standstillMs) group.shiftDeadlines(gapMs);
      group.tick(nowMs);
      this.#onApplied(groupId, this.#store.has(groupId));
    }
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = nowMs + config.offsetsRetentionCheckIntervalMs;
    this.expireOffsets().catch((error) => logger.error({ cause: describeError(error) }, 'OffsetExpiryFailed'));
  }

  /** Answers everybody who waits for a rebalance; later calls are refused, so that clients look for the coordinator again. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    for (const group of this.#groups.values()) group.abandon(errorCodes.COORDINATOR_NOT_AVAILABLE);
  }

  // ---- membership

  join(groupId: string, input: JoinInput): Promise<JoinResult> {
    const refuse = (errorCode: number) => Promise.resolve(joinFailure(errorCode, input.memberId));
    const refusal = this.#refuse(groupId);
    if (refusal !== errorCodes.NONE) return refuse(refusal);
    let group = this.#groups.get(groupId);
    if (!group) {
      if (input.memberId !== '') return refuse(errorCodes.UNKNOWN_MEMBER_ID);
      if (this.#isFull) return refuse(errorCodes.GROUP_MAX_SIZE_REACHED);
      group = this.#newGroup(groupId);
    }
    return new Promise((resolve) => group.join(input, this.#nowMs(), resolve));
  }

  sync(groupId: string, input: SyncInput): Promise<SyncResult> {
    const refusal = this.#refuse(groupId);
    if (refusal !== errorCodes.NONE) return Promise.resolve(syncFailure(refusal));
    const group = this.#groups.get(groupId);
    if (!group) return Promise.resolve(syncFailure(errorCodes.UNKNOWN_MEMBER_ID));
    return new Promise((resolve) => group.sync(input, this.#nowMs(), resolve));
  }

  heartbeat(groupId: string, identity: MemberIdentity, generation: number): number {
    const refusal = this.#refuse(groupId);
    if (refusal !== errorCodes.NONE) return refusal;
    const group = this.#groups.get(groupId);
    return group ? group.heartbeat(identity, generation, this.#nowMs()) : errorCodes.UNKNOWN_MEMBER_ID;
  }

  /** An error for the whole request, or one code for each member. */
  leave(groupId: string, identities: readonly MemberIdentity[]): { errorCode: number; memberCodes: number[] } {
    const refusal = this.#refuse(groupId);
    if (refusal !== errorCodes.NONE) return { errorCode: refusal, memberCodes: [] };
    const memberCodes =
      this.#groups.get(groupId)?.leave(identities, this.#nowMs()) ??
      identities.map((): number => errorCodes.UNKNOWN_MEMBER_ID);
    return { errorCode: errorCodes.NONE, memberCodes };
  }

  // ---- offsets

  /** Commits all of them, and resolves when that is durable, or none. A generation below zero: from outside the group. */
  async commitOffsets(
    groupId: string,
    identity: MemberIdentity,
    generation: number,
    offsets: readonly OffsetToCommit[],
  ): Promise<number> {
    if (this.#isClosed) return errorCodes.COORDINATOR_NOT_AVAILABLE;
    let group = this.#groups.get(groupId);
    if (!group) {
      if (generation >= 0) return errorCodes.ILLEGAL_GENERATION;
      if (this.#isFull) return errorCodes.GROUP_MAX_SIZE_REACHED;
      group = this.#newGroup(groupId);
    }
    const refusal = group.checkCommit(identity, generation, this.#nowMs());
    if (refusal !== errorCodes.NONE) return refusal;
    const commitTimestampMs = BigInt(this.#options.clock.nowMs());
    const facts = offsets.map(({ topic, partition, ...commit }): CoordinatorFact => {
      return { kind: 'offset', group: groupId, topic, partition, commit: { ...commit, commitTimestampMs } };
    });
    return await this.#append(facts);
  }

  isMetadataTooLong(metadata: string | null): boolean {
    return metadata !== null && Buffer.byteLength(metadata) > this.#options.config.maxOffsetMetadataBytes;
  }

  committedOffset(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#store.offsets(groupId).get(topic, partition);
  }

  committedOffsets(groupId: string): CommittedOffsets {
    return this.#store.offsets(groupId);
  }

  async deleteOffsets(groupId: string, partitions: readonly { topic: string; partition: number }[]): Promise<number> {
    return await this.#append(partitions.map(({ topic, partition }) => offsetDeletion(groupId, topic, partition)));
  }

  /** A topic is gone: what was committed for it must not count for a new topic of the same name. */
  async forgetTopic(topic: string): Promise<void> {
    await this.#append([...this.#groups.keys()].flatMap((groupId) => this.#store.tombstones(groupId, topic)));
  }

  /** Drops the offsets of groups that have been without members for longer than the retention time, and empty groups. */
  async expireOffsets(): Promise<void> {
    const { clock, config, logger } = this.#options;
    const beforeMs = BigInt(clock.nowMs() - config.offsetsRetentionMs);
    const beingStored = this.#store.groupsBeingStored();
    const facts = [...this.#groups]
      .filter(([groupId, group]) => group.isVacant && !beingStored.has(groupId))
      .flatMap(([groupId]) => this.#expired(groupId, beforeMs));
    if (facts.length > 0) logger.info({ facts: facts.length }, 'OffsetsExpired');
    await this.#append(facts);
  }

  #expired(groupId: string, beforeMs: bigint): CoordinatorFact[] {
    const stored = this.#store.stored(groupId);
    const entries = [...this.#store.offsets(groupId).entries()];
    const isGroupOver = (stored?.sinceMs ?? -1n) < beforeMs;
    const isPinned = this.#options.isPinned ?? (() => false);
    const over = entries.filter(
      ({ topic, commit }) => isGroupOver && commit.commitTimestampMs < beforeMs && !isPinned(groupId, topic),
    );
    const facts = over.map(({ topic, partition }) => offsetDeletion(groupId, topic, partition));
    return stored && over.length === entries.length ? [...facts, groupDeletion(groupId)] : facts;
  }

  // ---- groups

  list(): GroupListing[] {
    return [...this.#groups].map(([groupId, { protocolType, state }]) => ({ groupId, protocolType, state }));
  }

  describe(groupId: string): GroupDescription | undefined {
    return this.#groups.get(groupId)?.describe();
  }

  /** Removes a group that has no members, with its offsets. */
  async deleteGroup(groupId: string): Promise<number> {
    const refusal = this.#refuse(groupId);
    if (refusal !== errorCodes.NONE) return refusal;
    const group = this.#groups.get(groupId);
    if (!group) return errorCodes.GROUP_ID_NOT_FOUND;
    if (!group.isVacant) return errorCodes.NON_EMPTY_GROUP;
    return await this.#append([...this.#store.tombstones(groupId), groupDeletion(groupId)]);
  }

  // ---- inside

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  get #isFull(): boolean {
    return this.#groups.size >= this.#options.config.maxGroups;
  }

  #refuse(groupId: string): number {
    if (this.#isClosed) return errorCodes.COORDINATOR_NOT_AVAILABLE;
    return groupId === '' ? errorCodes.INVALID_GROUP_ID : errorCodes.NONE;
  }

  #newGroup(groupId: string): ClassicGroup {
    const { config, randomUuid } = this.#options;
    const hooks: GroupHooks = {
      newMemberId: (prefix) => `${prefix}-${randomUuid()}`,
      persist: (metadata, done) => this.#persist(groupId, metadata, done),
    };
    const group = new ClassicGroup(groupId, config, hooks);
    this.#groups.set(groupId, group);
    return group;
  }

  #persist(groupId: string, metadata: GroupMetadata, done: (errorCode: number) => void): void {
    const stored = { ...metadata, sinceMs: BigInt(this.#options.clock.nowMs()) };
    void this.#append([{ kind: 'group', group: groupId, stored }]).then(done);
  }

  async #append(facts: readonly CoordinatorFact[]): Promise<number> {
    try {
      await this.#store.append(facts);
      return errorCodes.NONE;
    } catch (error) {
      this.#options.logger.error({ cause: describeError(error), facts: facts.length }, 'GroupStoreFailed');
      return errorCodes.COORDINATOR_NOT_AVAILABLE;
    }
  }

  /** A group may have been forgotten, looking vacant, while its first commit was on its way; or the last of it is gone now. */
  #onApplied(groupId: string, isKnown: boolean): void {
    const group = this.#groups.get(groupId);
    if (isKnown && !group) this.#newGroup(groupId);
    if (!isKnown && group?.isVacant) this.#groups.delete(groupId);
  }
}
