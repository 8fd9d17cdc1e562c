/**
 * The coordinator of all groups: the classic protocol for each of them, their committed offsets, and both on stable
 * storage. A commit is answered, and shown to anybody, only when it is durable; so committed offsets survive a crash and
 * never go back.
 *
 * Three maps: `#groups` the running state machines, `#stored` the durable record of each group, `#offsets` the durable
 * commits. The last two are what the log says, and nothing else.
 */
import { type Clock, describeError, type Logger } from '../../shared/index.ts';
import { errorCodes } from '../../wire/index.ts';
import type { PartitionLog } from '../storage/log-types.ts';
import { ClassicGroup } from './classic-group.ts';
import { type CommittedOffset, CommittedOffsets } from './committed-offsets.ts';
import { CoordinatorLog } from './coordinator-log.ts';
import type { CoordinatorFact, StoredGroup } from './coordinator-records.ts';
import { joinFailure, syncFailure } from './group-answers.ts';
import type {
  GroupDescription,
  GroupHooks,
  GroupLimits,
  GroupMetadata,
  GroupState,
  JoinInput,
  JoinResult,
  MemberIdentity,
  SyncInput,
  SyncResult,
} from './group-types.ts';

export interface GroupConfig extends GroupLimits {
  /** Groups altogether; more are refused, so that nobody can fill the memory with names. */
  readonly maxGroups: number;
  /** How long the offsets of a group without members are kept. */
  readonly offsetsRetentionMs: number;
  readonly offsetsRetentionCheckIntervalMs: number;
  /** Longest metadata text of a commit, in bytes. */
  readonly maxOffsetMetadataBytes: number;
  /** The log of the coordinator is written anew when it has grown by so much. */
  readonly snapshotBytes: number;
  readonly batchBytes: number;
}

export const defaultGroupConfig: GroupConfig = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 30 * 60_000,
  initialRebalanceDelayMs: 250,
  maxGroupSize: 1_000,
  maxGroupBytes: 8 * 1024 * 1024,
  maxGroups: 100_000,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  offsetsRetentionCheckIntervalMs: 10 * 60_000,
  maxOffsetMetadataBytes: 4096,
  snapshotBytes: 16 * 1024 * 1024,
  batchBytes: 512 * 1024,
};

export interface GroupCoordinatorOptions {
  /** The only partition of `__consumer_offsets`. */
  readonly log: PartitionLog;
  readonly config: GroupConfig;
  readonly clock: Clock;
  readonly randomUuid: () => string;
  /** The id that the topic has now; undefined when there is no such topic. */
  readonly topicIdOf: (topic: string) => string | undefined;
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
const noOffsets = new CommittedOffsets();

export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #log: CoordinatorLog;
  readonly #groups = new Map<string, ClassicGroup>();
  readonly #stored = new Map<string, StoredGroup>();
  readonly #offsets = new Map<string, CommittedOffsets>();
  #timer: NodeJS.Timeout | null = null;
  #lastTickMs = 0;
  #nextExpiryMs = 0;
  #isClosed = false;

  private constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
    this.#log = new CoordinatorLog({
      log: options.log,
      apply: (fact) => this.#apply(fact),
      liveFacts: () => this.#liveFacts(),
      nowMs: () => options.clock.nowMs(),
      logger: options.logger,
      snapshotBytes: options.config.snapshotBytes,
      batchBytes: options.config.batchBytes,
    });
  }

  /** Reads the state from the log. Call `start` to let time pass. */
  static async open(options: GroupCoordinatorOptions): Promise<GroupCoordinator> {
    const coordinator = new GroupCoordinator(options);
    const { facts } = await coordinator.#log.replay();
    const nowMs = options.clock.monotonicMs();
    for (const [groupId, stored] of coordinator.#stored) coordinator.#groups.get(groupId)!.restore(stored, nowMs);
    await coordinator.#dropOffsetsOfLostTopics();
    options.logger.info({ facts, groups: coordinator.#groups.size }, 'GroupsLoaded');
    return coordinator;
  }

  start(): void {
    const { clock, config } = this.#options;
    this.#lastTickMs = clock.monotonicMs();
    this.#nextExpiryMs = this.#lastTickMs + config.offsetsRetentionCheckIntervalMs;
    this.#timer = setInterval(() => this.tick(), tickIntervalMs).unref();
  }

  /** Lets the groups act on deadlines that have passed; the timer calls it. */
  tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const gapMs = nowMs - this.#lastTickMs - tickIntervalMs;
    this.#lastTickMs = nowMs;
    for (const [groupId, group] of this.#groups) {
      // Heartbeats that came while we stood still are not read yet: the members must not pay for it.
      if (gapMs > standstillMs) group.shiftDeadlines(gapMs);
      group.tick(nowMs);
      this.#dropIfNothingIsLeft(groupId);
    }
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = nowMs + this.#options.config.offsetsRetentionCheckIntervalMs;
    this.expireOffsets().catch((error) =>
      this.#options.logger.error({ cause: describeError(error) }, 'OffsetExpiryFailed'),
    );
  }

  // ---- membership

  join(groupId: string, input: JoinInput): Promise<JoinResult> {
    const refusal = this.#refuseGroup(groupId);
    if (refusal !== errorCodes.NONE) return Promise.resolve(joinFailure(refusal, input.memberId));
    let group = this.#groups.get(groupId);
    if (!group) {
      if (input.memberId !== '') return Promise.resolve(joinFailure(errorCodes.UNKNOWN_MEMBER_ID, input.memberId));
      if (this.#groups.size >= this.#options.config.maxGroups) {
        return Promise.resolve(joinFailure(errorCodes.GROUP_MAX_SIZE_REACHED, ''));
      }
      group = this.#newGroup(groupId);
    }
    return new Promise((resolve) => group.join(input, this.#nowMs(), resolve));
  }

  sync(groupId: string, input: SyncInput): Promise<SyncResult> {
    const refusal = this.#refuseGroup(groupId);
    if (refusal !== errorCodes.NONE) return Promise.resolve(syncFailure(refusal));
    const group = this.#groups.get(groupId);
    if (!group) return Promise.resolve(syncFailure(errorCodes.UNKNOWN_MEMBER_ID));
    return new Promise((resolve) => group.sync(input, this.#nowMs(), resolve));
  }

  heartbeat(groupId: string, identity: MemberIdentity, generation: number): number {
    const refusal = this.#refuseGroup(groupId);
    if (refusal !== errorCodes.NONE) return refusal;
    const group = this.#groups.get(groupId);
    return group ? group.heartbeat(identity, generation, this.#nowMs()) : errorCodes.UNKNOWN_MEMBER_ID;
  }

  /** An error for the whole request, or one code for each member. */
  leave(groupId: string, identities: readonly MemberIdentity[]): { errorCode: number; memberCodes: number[] } {
    const refusal = this.#refuseGroup(groupId);
    if (refusal !== errorCodes.NONE) return { errorCode: refusal, memberCodes: [] };
    const group = this.#groups.get(groupId);
    const memberCodes =
      group?.leave(identities, this.#nowMs()) ?? identities.map(() => errorCodes.UNKNOWN_MEMBER_ID as number);
    return { errorCode: errorCodes.NONE, memberCodes };
  }

  // ---- offsets

  /**
   * Commits all or nothing, and resolves when that is durable. The result is one code for the whole request; metadata that is
   * too long is the caller's to check with `isMetadataTooLong`.
   */
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
      if (this.#groups.size >= this.#options.config.maxGroups) return errorCodes.GROUP_MAX_SIZE_REACHED;
      group = this.#newGroup(groupId);
    }
    const refusal = group.checkCommit(identity, generation, this.#nowMs());
    if (refusal !== errorCodes.NONE) return refusal;
    const commitTimestampMs = BigInt(this.#options.clock.nowMs());
    return await this.#store(
      offsets.map(({ topic, topicId, partition, offset, leaderEpoch, metadata }) => ({
        kind: 'offset',
        group: groupId,
        topic,
        partition,
        commit: { offset, leaderEpoch, metadata, commitTimestampMs, topicId },
      })),
    );
  }

  isMetadataTooLong(metadata: string | null): boolean {
    return metadata !== null && Buffer.byteLength(metadata) > this.#options.config.maxOffsetMetadataBytes;
  }

  committedOffset(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(groupId)?.get(topic, partition);
  }

  committedOffsets(groupId: string): CommittedOffsets {
    return this.#offsets.get(groupId) ?? noOffsets;
  }

  /** Forgets commits. Codes per partition are the caller's: it knows which topics exist; `isSubscribed` tells what is in use. */
  async deleteOffsets(groupId: string, partitions: readonly { topic: string; partition: number }[]): Promise<number> {
    return await this.#store(
      partitions.map(({ topic, partition }) => ({ kind: 'offset', group: groupId, topic, partition, commit: null })),
    );
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
    const refusal = this.#refuseGroup(groupId);
    if (refusal !== errorCodes.NONE) return refusal;
    const group = this.#groups.get(groupId);
    if (!group) return errorCodes.GROUP_ID_NOT_FOUND;
    if (!group.isVacant) return errorCodes.NON_EMPTY_GROUP;
    return await this.#store([...this.#tombstones(groupId), { kind: 'group', group: groupId, stored: null }]);
  }

  /** A topic is gone: what was committed for it must not count for a new topic of the same name. */
  async forgetTopic(topic: string): Promise<void> {
    const facts: CoordinatorFact[] = [];
    for (const groupId of this.#groups.keys()) facts.push(...this.#tombstones(groupId, topic));
    await this.#store(facts);
  }

  /** Drops the offsets of groups that have been without members for longer than the retention time, and empty groups. */
  async expireOffsets(): Promise<void> {
    const { clock, config } = this.#options;
    const beforeMs = BigInt(clock.nowMs() - config.offsetsRetentionMs);
    const facts: CoordinatorFact[] = [];
    const groupsBeingStored = new Set([...this.#log.pendingFacts()].map((fact) => fact.group));
    for (const [groupId, group] of this.#groups) {
      if (!group.isVacant || groupsBeingStored.has(groupId)) continue;
      const sinceMs = this.#stored.get(groupId)?.sinceMs ?? -1n;
      let kept = 0;
      for (const { topic, partition, commit } of this.committedOffsets(groupId).entries()) {
        const isOver = sinceMs < beforeMs && commit.commitTimestampMs < beforeMs;
        if (isOver) facts.push({ kind: 'offset', group: groupId, topic, partition, commit: null });
        else kept++;
      }
      if (kept === 0 && this.#stored.has(groupId)) facts.push({ kind: 'group', group: groupId, stored: null });
    }
    if (facts.length > 0) this.#options.logger.info({ facts: facts.length }, 'OffsetsExpired');
    await this.#store(facts);
  }

  /** Answers everybody who waits for a rebalance; later calls are refused, so that clients look for the coordinator again. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    for (const group of this.#groups.values()) group.abandon(errorCodes.COORDINATOR_NOT_AVAILABLE);
  }

  // ---- inside

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #refuseGroup(groupId: string): number {
    if (this.#isClosed) return errorCodes.COORDINATOR_NOT_AVAILABLE;
    return groupId === '' ? errorCodes.INVALID_GROUP_ID : errorCodes.NONE;
  }

  #newGroup(groupId: string): ClassicGroup {
    const { config, randomUuid } = this.#options;
    const hooks: GroupHooks = {
      newMemberId: (prefix) => `${prefix}-${randomUuid()}`,
      persist: (metadata, done) => this.#persistGroup(groupId, metadata, done),
    };
    const group = new ClassicGroup(groupId, config, hooks);
    this.#groups.set(groupId, group);
    return group;
  }

  #persistGroup(groupId: string, metadata: GroupMetadata, done: (errorCode: number) => void): void {
    const stored = { ...metadata, sinceMs: BigInt(this.#options.clock.nowMs()) };
    void this.#store([{ kind: 'group', group: groupId, stored }]).then(done);
  }

  async #store(facts: CoordinatorFact[]): Promise<number> {
    try {
      await this.#log.append(facts);
      return errorCodes.NONE;
    } catch (error) {
      this.#options.logger.error({ cause: describeError(error), facts: facts.length }, 'GroupStoreFailed');
      return errorCodes.COORDINATOR_NOT_AVAILABLE;
    }
  }

  #apply(fact: CoordinatorFact): void {
    if (fact.kind === 'group') this.#applyGroup(fact.group, fact.stored);
    else this.#applyCommit(fact.group, fact.topic, fact.partition, fact.commit);
    // A group that looked vacant while its first commit was on its way may have been dropped meanwhile.
    const isKnown = this.#stored.has(fact.group) || this.#offsets.has(fact.group);
    if (isKnown && !this.#groups.has(fact.group)) this.#newGroup(fact.group);
    this.#dropIfNothingIsLeft(fact.group);
  }

  #applyGroup(groupId: string, stored: StoredGroup | null): void {
    if (stored) this.#stored.set(groupId, stored);
    else this.#stored.delete(groupId);
  }

  #applyCommit(groupId: string, topic: string, partition: number, commit: CommittedOffset | null): void {
    let offsets = this.#offsets.get(groupId);
    if (commit) {
      if (!offsets) this.#offsets.set(groupId, (offsets = new CommittedOffsets()));
      offsets.set(topic, partition, commit);
    } else if (offsets?.delete(topic, partition) && offsets.isEmpty) {
      this.#offsets.delete(groupId);
    }
  }

  #dropIfNothingIsLeft(groupId: string): void {
    if (this.#stored.has(groupId) || this.#offsets.has(groupId)) return;
    if (this.#groups.get(groupId)?.isVacant) this.#groups.delete(groupId);
  }

  *#liveFacts(): Generator<CoordinatorFact> {
    for (const [group, stored] of this.#stored) yield { kind: 'group', group, stored };
    for (const [group, offsets] of this.#offsets) {
      for (const entry of offsets.entries()) yield { kind: 'offset', group, ...entry };
    }
  }

  /** Deletions for every commit of a group (in one topic), also for those that are on their way to the disk. */
  #tombstones(groupId: string, topic?: string): CoordinatorFact[] {
    const keys = new Map<string, CoordinatorFact>();
    const add = (name: string, partition: number): void => {
      if (topic !== undefined && topic !== name) return;
      keys.set(`${partition} ${name}`, { kind: 'offset', group: groupId, topic: name, partition, commit: null });
    };
    for (const entry of this.committedOffsets(groupId).entries()) add(entry.topic, entry.partition);
    for (const fact of this.#log.pendingFacts()) {
      if (fact.kind === 'offset' && fact.group === groupId) add(fact.topic, fact.partition);
    }
    return [...keys.values()];
  }

  /** Topics that were deleted, or made anew, while their offsets could not be deleted any more. */
  async #dropOffsetsOfLostTopics(): Promise<void> {
    const facts: CoordinatorFact[] = [];
    for (const [group, offsets] of this.#offsets) {
      for (const { topic, partition, commit } of offsets.entries()) {
        if (this.#options.topicIdOf(topic) === commit.topicId) continue;
        facts.push({ kind: 'offset', group, topic, partition, commit: null });
      }
    }
    if (facts.length > 0) this.#options.logger.warn({ offsets: facts.length }, 'OffsetsOfDeletedTopicsDropped');
    await this.#store(facts);
  }
}
