/**
 * One consumer group under the classic protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup) as a state machine: requests
 * and time go in, replies and one `persist` effect come out. No I/O, no timers, no clock.
 *
 *     Empty -> PreparingRebalance -> CompletingRebalance -> Stable
 *       ^            |    ^                 |                  |
 *       |____________|    |_________________|__________________|   (a member joins, leaves, dies, or changes)
 *      (nobody is left)
 *
 * PreparingRebalance ends when all members have joined again or the rebalance timeout is over; CompletingRebalance ends
 * when the leader's assignment is durable. Replies are given exactly once. Behaviour follows Apache Kafka's coordinator;
 * KIP-345 (static members), KIP-394 (member id first), KIP-814 (skip assignment).
 */
import { errorCodes } from '../../wire/index.ts';
import { areSameProtocols, type GroupMember, GroupRoster, metadataOf, protocolBytes } from './group-roster.ts';
import type {
  GroupDescription,
  GroupHooks,
  GroupLimits,
  GroupMetadata,
  GroupState,
  JoinInput,
  JoinReply,
  JoinResult,
  MemberIdentity,
  SyncInput,
  SyncReply,
} from './group-types.ts';
import { selectProtocol, sharesProtocol } from './protocol-selection.ts';

/** A member that waits for its first rebalance sends no heartbeats; after this long it is taken for dead. */
const newMemberJoinTimeoutMs = 5 * 60_000;
const noBytes = Buffer.alloc(0);

export class ClassicGroup {
  readonly groupId: string;
  readonly #limits: GroupLimits;
  readonly #hooks: GroupHooks;
  readonly #roster = new GroupRoster();
  #state: GroupState = 'Empty';
  #generation = 0;
  #protocolType = '';
  #protocolName: string | null = null;
  /** Set in PreparingRebalance only. */
  #joinDeadlineMs = Number.POSITIVE_INFINITY;
  /** The first rebalance of an empty group: not before `untilMs`; each newcomer prolongs it, within `leftMs`. */
  #initialDelay: { untilMs: number; leftMs: number; hasNewMember: boolean } | null = null;
  /** Set in CompletingRebalance and Stable while members have not asked for their assignment. */
  #syncDeadlineMs = Number.POSITIVE_INFINITY;
  /** True between the leader's assignment and its being durable. */
  #isAssignmentPending = false;

  constructor(groupId: string, limits: GroupLimits, hooks: GroupHooks) {
    this.groupId = groupId;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  get state(): GroupState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Empty text for groups that only ever stored offsets. */
  get protocolType(): string {
    return this.#protocolType;
  }

  /** True when nothing but offsets is left of it. */
  get isVacant(): boolean {
    return this.#state === 'Empty' && this.#roster.claimedSize === 0;
  }

  /** Takes over what was stored before a restart; members get a full session to show up again. */
  restore(metadata: GroupMetadata, nowMs: number): void {
    this.#protocolType = metadata.protocolType;
    this.#generation = metadata.generation;
    this.#protocolName = metadata.protocolName;
    for (const member of metadata.members) {
      const protocols = [{ name: metadata.protocolName ?? '', metadata: member.subscription }];
      const sessionDeadlineMs = nowMs + member.sessionTimeoutMs;
      this.#roster.add({
        ...member,
        protocols,
        isNew: false,
        sessionDeadlineMs,
        awaitingJoin: null,
        awaitingSync: null,
      });
    }
    if (metadata.members.length > 0) this.#roster.setLeader(metadata.leader);
    this.#state = metadata.members.length > 0 ? 'Stable' : 'Empty';
  }

  // ---- JoinGroup

  join(input: JoinInput, nowMs: number, reply: JoinReply): void {
    const refusal = this.#refuseJoin(input);
    if (refusal !== errorCodes.NONE) {
      reply(joinFailure(refusal, input.memberId));
      return;
    }
    if (input.memberId === '') {
      this.#joinUnknown(input, nowMs, reply);
      return;
    }
    if (this.#roster.isPending(input.memberId)) {
      this.#addMember(input.memberId, input, nowMs, reply);
      return;
    }
    const identity = this.#checkIdentity(input);
    if (identity !== errorCodes.NONE) {
      reply(joinFailure(identity, input.memberId));
      return;
    }
    this.#rejoin(this.#roster.get(input.memberId)!, input, nowMs, reply);
  }

  #refuseJoin(input: JoinInput): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#limits;
    if (input.sessionTimeoutMs < minSessionTimeoutMs || input.sessionTimeoutMs > maxSessionTimeoutMs) {
      return errorCodes.INVALID_SESSION_TIMEOUT;
    }
    if (input.protocolType === '' || input.protocols.length === 0) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    if (this.#roster.size > 0) {
      const isSameType = input.protocolType === this.#protocolType;
      const others = [...this.#roster.members()].filter((member) => !isSameMember(member, input));
      if (!isSameType || !sharesProtocol(others, input.protocols)) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    }
    return this.#hasRoomFor(input) ? errorCodes.NONE : errorCodes.GROUP_MAX_SIZE_REACHED;
  }

  #hasRoomFor(input: JoinInput): boolean {
    const isKnown =
      this.#roster.get(input.memberId) !== undefined ||
      this.#roster.isPending(input.memberId) ||
      (input.instanceId !== null && this.#roster.staticMemberId(input.instanceId) !== undefined);
    if (!isKnown && this.#roster.claimedSize >= this.#limits.maxGroupSize) return false;
    return this.#roster.sizeBytes() + protocolBytes(input.protocols) <= this.#limits.maxGroupBytes;
  }

  #joinUnknown(input: JoinInput, nowMs: number, reply: JoinReply): void {
    if (input.instanceId !== null) {
      const memberId = this.#hooks.newMemberId(input.instanceId);
      const known = this.#roster.staticMemberId(input.instanceId);
      if (known === undefined) {
        this.#addMember(memberId, input, nowMs, reply);
        return;
      }
      this.#replaceStaticMember(this.#roster.get(known)!, memberId, input, nowMs, reply);
      return;
    }
    const memberId = this.#hooks.newMemberId(input.clientId);
    if (!input.requiresKnownMemberId) {
      this.#addMember(memberId, input, nowMs, reply);
      return;
    }
    this.#roster.addPending(memberId, nowMs + input.sessionTimeoutMs);
    reply(joinFailure(errorCodes.MEMBER_ID_REQUIRED, memberId));
  }

  #addMember(memberId: string, input: JoinInput, nowMs: number, reply: JoinReply): void {
    if (this.#roster.size === 0) this.#protocolType = input.protocolType;
    this.#roster.add({
      memberId,
      instanceId: input.instanceId,
      clientId: input.clientId,
      clientHost: input.clientHost,
      rebalanceTimeoutMs: input.rebalanceTimeoutMs,
      sessionTimeoutMs: input.sessionTimeoutMs,
      protocols: input.protocols,
      assignment: noBytes,
      isNew: true,
      sessionDeadlineMs: nowMs + newMemberJoinTimeoutMs,
      awaitingJoin: reply,
      awaitingSync: null,
    });
    if (this.#initialDelay) this.#initialDelay.hasNewMember = true;
    this.#rebalance(nowMs);
  }

  /** A member that the group knows sends another JoinGroup. */
  #rejoin(member: GroupMember, input: JoinInput, nowMs: number, reply: JoinReply): void {
    const isUnchanged = areSameProtocols(member.protocols, input.protocols);
    const isLeader = member.memberId === this.#roster.leader;
    // A leader that joins again while all is stable wants a new assignment; a follower has probably lost our answer.
    const needsRebalance =
      this.#state === 'PreparingRebalance' || !isUnchanged || (this.#state === 'Stable' && isLeader);
    if (!needsRebalance) {
      this.#touch(member, nowMs);
      reply(this.#joinSuccess(member, this.#state === 'CompletingRebalance' && isLeader));
      return;
    }
    this.#update(member, input, reply);
    this.#rebalance(nowMs);
  }

  #update(member: GroupMember, input: JoinInput, reply: JoinReply): void {
    member.awaitingJoin?.(joinFailure(errorCodes.REBALANCE_IN_PROGRESS, member.memberId));
    member.awaitingJoin = reply;
    member.protocols = input.protocols;
    member.rebalanceTimeoutMs = input.rebalanceTimeoutMs;
    member.sessionTimeoutMs = input.sessionTimeoutMs;
    member.clientId = input.clientId;
    member.clientHost = input.clientHost;
  }

  /** KIP-345: the instance restarted and lost its member id. Its old self is fenced; a stable group stays stable. */
  #replaceStaticMember(
    member: GroupMember,
    newMemberId: string,
    input: JoinInput,
    nowMs: number,
    reply: JoinReply,
  ): void {
    const oldMemberId = member.memberId;
    const oldLeader = this.#roster.leader;
    member.awaitingJoin?.(joinFailure(errorCodes.FENCED_INSTANCE_ID, oldMemberId));
    member.awaitingJoin = null;
    this.#answerSync(member, errorCodes.FENCED_INSTANCE_ID);
    const wasAwaitingSync = this.#roster.pendingSync.has(oldMemberId);
    this.#roster.rename(member, newMemberId);
    if (wasAwaitingSync) this.#roster.pendingSync.add(newMemberId);
    this.#update(member, input, reply);
    if (this.#state !== 'Stable' || selectProtocol([...this.#roster.members()]) !== this.#protocolName) {
      this.#rebalance(nowMs);
      return;
    }
    const generation = this.#generation;
    this.#touch(member, nowMs);
    this.#hooks.persist(this.metadata(), (errorCode) => {
      // A rebalance that began meanwhile answers the join itself.
      if (member.awaitingJoin !== reply || this.#state !== 'Stable' || this.#generation !== generation) return;
      member.awaitingJoin = null;
      if (errorCode !== errorCodes.NONE) {
        reply(joinFailure(errorCode, ''));
        return;
      }
      const isLeader = this.#roster.leader === member.memberId;
      const result = this.#joinSuccess(member, isLeader && input.supportsSkippingAssignment);
      // Before v9 a returning leader must not think that it leads: nobody would get the assignment that it makes.
      const leader = input.supportsSkippingAssignment ? result.leader : (oldLeader ?? '');
      reply({ ...result, leader, skipAssignment: isLeader && input.supportsSkippingAssignment });
    });
  }

  #joinSuccess(member: GroupMember, withMembers: boolean): JoinResult {
    return {
      errorCode: errorCodes.NONE,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#roster.leader ?? '',
      skipAssignment: false,
      memberId: member.memberId,
      members: withMembers
        ? [...this.#roster.members()].map((other) => ({
            memberId: other.memberId,
            instanceId: other.instanceId,
            metadata: metadataOf(other, this.#protocolName),
          }))
        : [],
    };
  }

  // ---- rebalance

  /** Starts a rebalance, or looks whether the one under way can complete. */
  #rebalance(nowMs: number): void {
    if (this.#state !== 'PreparingRebalance') {
      if (this.#state === 'CompletingRebalance') this.#dropAssignments(errorCodes.REBALANCE_IN_PROGRESS);
      const timeoutMs = this.#roster.maxRebalanceTimeoutMs();
      const delayMs = Math.min(this.#limits.initialRebalanceDelayMs, timeoutMs);
      if (this.#state === 'Empty' && delayMs > 0) {
        this.#initialDelay = { untilMs: nowMs + delayMs, leftMs: timeoutMs - delayMs, hasNewMember: false };
      }
      this.#state = 'PreparingRebalance';
      this.#isAssignmentPending = false;
      this.#roster.pendingSync.clear();
      this.#syncDeadlineMs = Number.POSITIVE_INFINITY;
      this.#joinDeadlineMs = nowMs + timeoutMs;
    }
    if (!this.#initialDelay && this.#roster.haveAllJoined()) this.#completeJoin(nowMs);
  }

  #dropAssignments(errorCode: number): void {
    for (const member of this.#roster.members()) {
      member.assignment = noBytes;
      this.#answerSync(member, errorCode);
    }
  }

  /** All have joined, or time is over: whoever did not come (and is not static) is out, the others get a new generation. */
  #completeJoin(nowMs: number): void {
    for (const member of [...this.#roster.members()]) {
      if (!member.awaitingJoin && member.instanceId === null) this.#roster.remove(member.memberId);
    }
    this.#initialDelay = null;
    if (this.#roster.size > 0 && !this.#roster.electJoinedLeader()) {
      // Only static members are left and none of them is back: they have until their sessions end.
      this.#joinDeadlineMs = nowMs + this.#roster.maxRebalanceTimeoutMs();
      return;
    }
    this.#joinDeadlineMs = Number.POSITIVE_INFINITY;
    this.#generation = this.#generation === 0x7fff_ffff ? 1 : this.#generation + 1;
    if (this.#roster.size === 0) {
      this.#becomeEmpty();
      return;
    }
    this.#protocolName = selectProtocol([...this.#roster.members()]);
    this.#state = 'CompletingRebalance';
    this.#syncDeadlineMs = nowMs + this.#roster.maxRebalanceTimeoutMs();
    for (const member of this.#roster.members()) {
      member.isNew = false;
      this.#roster.pendingSync.add(member.memberId);
      this.#touch(member, nowMs);
      const reply = member.awaitingJoin;
      member.awaitingJoin = null;
      reply?.(this.#joinSuccess(member, member.memberId === this.#roster.leader));
    }
  }

  #becomeEmpty(): void {
    this.#state = 'Empty';
    this.#protocolName = null;
    this.#hooks.persist(this.metadata(), () => {});
  }

  // ---- SyncGroup

  sync(input: SyncInput, nowMs: number, reply: SyncReply): void {
    const refusal = this.#refuseSync(input);
    if (refusal !== errorCodes.NONE) {
      reply(syncFailure(refusal));
      return;
    }
    const member = this.#roster.get(input.memberId)!;
    this.#touch(member, nowMs);
    this.#roster.pendingSync.delete(member.memberId);
    if (this.#roster.pendingSync.size === 0) this.#syncDeadlineMs = Number.POSITIVE_INFINITY;
    this.#answerSync(member, errorCodes.REBALANCE_IN_PROGRESS);
    member.awaitingSync = reply;
    if (this.#state === 'Stable') {
      this.#answerSync(member, errorCodes.NONE);
      return;
    }
    if (member.memberId === this.#roster.leader && !this.#isAssignmentPending) this.#assign(input, nowMs);
  }

  #refuseSync(input: SyncInput): number {
    const identity = this.#checkIdentity(input);
    if (identity !== errorCodes.NONE) return identity;
    if (input.generation !== this.#generation) return errorCodes.ILLEGAL_GENERATION;
    if (this.#state === 'Empty') return errorCodes.UNKNOWN_MEMBER_ID;
    if (this.#state === 'PreparingRebalance') return errorCodes.REBALANCE_IN_PROGRESS;
    const isOtherType = input.protocolType !== null && input.protocolType !== this.#protocolType;
    const isOtherName = input.protocolName !== null && input.protocolName !== this.#protocolName;
    return isOtherType || isOtherName ? errorCodes.INCONSISTENT_GROUP_PROTOCOL : errorCodes.NONE;
  }

  /** The leader's assignment counts, and is told to anybody, only once it is durable. */
  #assign(input: SyncInput, nowMs: number): void {
    const given = new Map(input.assignments.map((each) => [each.memberId, each.assignment]));
    const assigned = new Map([...this.#roster.members()].map((m) => [m.memberId, given.get(m.memberId) ?? noBytes]));
    const generation = this.#generation;
    this.#isAssignmentPending = true;
    this.#hooks.persist(this.#metadataWith(assigned), (errorCode) => {
      if (this.#state !== 'CompletingRebalance' || this.#generation !== generation) return;
      this.#isAssignmentPending = false;
      if (errorCode !== errorCodes.NONE) {
        this.#dropAssignments(errorCode);
        this.#rebalance(nowMs);
        return;
      }
      this.#state = 'Stable';
      for (const member of this.#roster.members()) {
        member.assignment = assigned.get(member.memberId) ?? noBytes;
        this.#answerSync(member, errorCodes.NONE);
      }
    });
  }

  #answerSync(member: GroupMember, errorCode: number): void {
    const reply = member.awaitingSync;
    if (!reply) return;
    member.awaitingSync = null;
    if (errorCode !== errorCodes.NONE) {
      reply(syncFailure(errorCode));
      return;
    }
    const { assignment } = member;
    reply({ errorCode, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment });
  }

  // ---- Heartbeat, LeaveGroup, OffsetCommit

  heartbeat(identity: MemberIdentity, generation: number, nowMs: number): number {
    const refusal = this.#checkIdentity(identity);
    if (refusal !== errorCodes.NONE) return refusal;
    if (generation !== this.#generation) return errorCodes.ILLEGAL_GENERATION;
    this.#touch(this.#roster.get(identity.memberId)!, nowMs);
    return this.#state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /** Whether these may commit offsets now. A generation below zero means somebody outside the group: only while it is empty. */
  checkCommit(identity: MemberIdentity, generation: number, nowMs: number): number {
    if (generation < 0 && this.#state === 'Empty') return errorCodes.NONE;
    const refusal = this.#checkIdentity(identity);
    if (refusal !== errorCodes.NONE) return refusal;
    if (generation !== this.#generation) return errorCodes.ILLEGAL_GENERATION;
    this.#touch(this.#roster.get(identity.memberId)!, nowMs);
    // The assignment of this generation is not out yet, so the member cannot own what it commits.
    return this.#state === 'CompletingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /** One error code for each of `identities`. A static member may be named by its instance alone. */
  leave(identities: readonly MemberIdentity[], nowMs: number): number[] {
    return identities.map((identity) => {
      if (identity.memberId === '' && identity.instanceId !== null) {
        const memberId = this.#roster.staticMemberId(identity.instanceId);
        if (memberId === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
        this.#removeMember(memberId, nowMs);
        return errorCodes.NONE;
      }
      if (this.#roster.removePending(identity.memberId)) {
        if (this.#state === 'PreparingRebalance') this.#rebalance(nowMs);
        return errorCodes.NONE;
      }
      const refusal = this.#checkIdentity(identity);
      if (refusal === errorCodes.NONE) this.#removeMember(identity.memberId, nowMs);
      return refusal;
    });
  }

  #checkIdentity({ memberId, instanceId }: MemberIdentity): number {
    if (instanceId !== null) {
      const current = this.#roster.staticMemberId(instanceId);
      if (current === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (current !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.#roster.get(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
  }

  #removeMember(memberId: string, nowMs: number): void {
    const member = this.#roster.get(memberId);
    if (!member) return;
    this.#roster.remove(memberId);
    member.awaitingJoin?.(joinFailure(errorCodes.UNKNOWN_MEMBER_ID, memberId));
    member.awaitingJoin = null;
    this.#answerSync(member, errorCodes.UNKNOWN_MEMBER_ID);
    if (this.#state !== 'Empty') this.#rebalance(nowMs);
  }

  #touch(member: GroupMember, nowMs: number): void {
    member.sessionDeadlineMs = nowMs + member.sessionTimeoutMs;
  }

  // ---- time

  /** Acts on every deadline that has passed. */
  tick(nowMs: number): void {
    if (this.#roster.claimedSize === 0 && this.#state === 'Empty') return;
    const didExpirePending = this.#roster.expirePending(nowMs);
    for (const member of [...this.#roster.members()]) {
      const isWaiting = (member.awaitingJoin !== null && !member.isNew) || member.awaitingSync !== null;
      if (!isWaiting && member.sessionDeadlineMs <= nowMs) this.#removeMember(member.memberId, nowMs);
    }
    if (didExpirePending && this.#state === 'PreparingRebalance') this.#rebalance(nowMs);
    this.#tickInitialDelay(nowMs);
    if (this.#state === 'PreparingRebalance' && this.#joinDeadlineMs <= nowMs) this.#completeJoin(nowMs);
    if (this.#syncDeadlineMs <= nowMs) this.#expirePendingSync(nowMs);
  }

  #tickInitialDelay(nowMs: number): void {
    const delay = this.#initialDelay;
    if (!delay || nowMs < delay.untilMs) return;
    const againMs = Math.min(this.#limits.initialRebalanceDelayMs, delay.leftMs);
    if (delay.hasNewMember && againMs > 0) {
      this.#initialDelay = { untilMs: nowMs + againMs, leftMs: delay.leftMs - againMs, hasNewMember: false };
      return;
    }
    this.#initialDelay = null;
    if (this.#state === 'PreparingRebalance') this.#rebalance(nowMs);
  }

  #expirePendingSync(nowMs: number): void {
    this.#syncDeadlineMs = Number.POSITIVE_INFINITY;
    const late = [...this.#roster.pendingSync];
    for (const memberId of late) this.#removeMember(memberId, nowMs);
  }

  /** Moves every deadline: the process itself stood still for `byMs`, which is not the members' fault. */
  shiftDeadlines(byMs: number): void {
    for (const member of this.#roster.members()) member.sessionDeadlineMs += byMs;
    this.#roster.shiftPending(byMs);
    this.#joinDeadlineMs += byMs;
    this.#syncDeadlineMs += byMs;
  }

  /** Answers everybody who waits, for a coordinator that stops. */
  abandon(errorCode: number): void {
    for (const member of this.#roster.members()) {
      member.awaitingJoin?.(joinFailure(errorCode, member.memberId));
      member.awaitingJoin = null;
      this.#answerSync(member, errorCode);
    }
  }

  // ---- views

  metadata(): GroupMetadata {
    return this.#metadataWith(null);
  }

  #metadataWith(assigned: ReadonlyMap<string, Buffer> | null): GroupMetadata {
    return {
      protocolType: this.#protocolType,
      generation: this.#generation,
      protocolName: this.#protocolName,
      leader: this.#roster.leader,
      members: [...this.#roster.members()].map((member) => ({
        memberId: member.memberId,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        sessionTimeoutMs: member.sessionTimeoutMs,
        subscription: metadataOf(member, this.#protocolName),
        assignment: assigned?.get(member.memberId) ?? member.assignment,
      })),
    };
  }

  describe(): GroupDescription {
    const isStable = this.#state === 'Stable';
    return {
      state: this.#state,
      protocolType: this.#protocolType,
      protocolName: isStable ? (this.#protocolName ?? '') : '',
      members: [...this.#roster.members()].map((member) => ({
        memberId: member.memberId,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        metadata: isStable ? metadataOf(member, this.#protocolName) : noBytes,
        assignment: isStable ? member.assignment : noBytes,
      })),
    };
  }
}

function isSameMember(member: GroupMember, input: JoinInput): boolean {
  return input.instanceId !== null ? member.instanceId === input.instanceId : member.memberId === input.memberId;
}

export function joinFailure(errorCode: number, memberId: string): JoinResult {
  return {
    errorCode,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  };
}

export function syncFailure(errorCode: number): {
  errorCode: number;
  protocolType: null;
  protocolName: null;
  assignment: Buffer;
} {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}
