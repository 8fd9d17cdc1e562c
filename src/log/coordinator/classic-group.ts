/**
 * One consumer group under the classic protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup) as a state machine: requests
 * and time go in, replies and one `persist` effect come out. No I/O, no timers, no clock. Every request is answered exactly
 * once. Behaviour follows Apache Kafka's coordinator; KIP-345 (static members), KIP-394 (member id first), KIP-814 (skip
 * assignment).
 */
import { errorCodes } from '../../wire/index.ts';
import { describeGroup, groupMetadata, joinFailure, joinSuccess, noBytes, syncFailure } from './group-answers.ts';
import { GroupRebalance } from './group-rebalance.ts';
import { areSameProtocols, type GroupMember, type GroupRoster, protocolBytes } from './group-roster.ts';
import type {
  GroupDescription,
  GroupHooks,
  GroupLimits,
  GroupMetadata,
  GroupState,
  JoinInput,
  JoinReply,
  MemberIdentity,
  SyncInput,
  SyncReply,
} from './group-types.ts';
import { selectProtocol, sharesProtocol } from './protocol-selection.ts';

/** A member that waits for its first rebalance sends no heartbeats; after this long it is taken for dead. */
const newMemberJoinTimeoutMs = 5 * 60_000;
/** Clients offer one or two; comparing what all members offer must stay cheap. */
const maxProtocols = 50;

export class ClassicGroup {
  readonly groupId: string;
  readonly #limits: GroupLimits;
  readonly #hooks: GroupHooks;
  readonly #rebalance: GroupRebalance;
  readonly #roster: GroupRoster;

  constructor(groupId: string, limits: GroupLimits, hooks: GroupHooks) {
    this.groupId = groupId;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#rebalance = new GroupRebalance(limits, hooks);
    this.#roster = this.#rebalance.roster;
  }

  get state(): GroupState {
    return this.#rebalance.state;
  }

  get generation(): number {
    return this.#rebalance.generation;
  }

  /** Empty text for groups that only ever stored offsets. */
  get protocolType(): string {
    return this.#rebalance.protocolType;
  }

  /** True when nothing but offsets is left of it. */
  get isVacant(): boolean {
    return this.state === 'Empty' && this.#roster.claimedSize === 0;
  }

  /** Takes over what was stored before a restart; members get a full session to show up again. */
  restore(metadata: GroupMetadata, nowMs: number): void {
    this.#rebalance.restore(metadata, nowMs);
  }

  join(input: JoinInput, nowMs: number, reply: JoinReply): void {
    const refusal = this.#refuseJoin(input);
    if (refusal !== errorCodes.NONE) reply(joinFailure(refusal, input.memberId));
    else if (input.memberId !== '') this.#joinKnown(input, nowMs, reply);
    else if (input.instanceId !== null) this.#joinStatic(input, input.instanceId, nowMs, reply);
    else this.#joinDynamic(input, nowMs, reply);
  }

  #refuseJoin(input: JoinInput): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#limits;
    if (input.sessionTimeoutMs < minSessionTimeoutMs || input.sessionTimeoutMs > maxSessionTimeoutMs) {
      return errorCodes.INVALID_SESSION_TIMEOUT;
    }
    if (input.protocolType === '' || input.protocols.length === 0) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    if (input.protocols.length > maxProtocols) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    const self = this.#memberOf(input);
    const others = [...this.#roster.members()].filter((member) => member !== self);
    const isSameType = this.#roster.size === 0 || input.protocolType === this.protocolType;
    if (!isSameType || !sharesProtocol(others, input.protocols)) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
    return this.#hasRoomFor(input, self) ? errorCodes.NONE : errorCodes.GROUP_MAX_SIZE_REACHED;
  }

  /** The member that a request comes from, if it is one. */
  #memberOf({ memberId, instanceId }: MemberIdentity): GroupMember | undefined {
    const ofInstance = instanceId === null ? undefined : this.#roster.staticMemberId(instanceId);
    return this.#roster.get(ofInstance ?? memberId);
  }

  #hasRoomFor(input: JoinInput, self: GroupMember | undefined): boolean {
    const isNew = !self && !this.#roster.isPending(input.memberId);
    if (isNew && this.#roster.claimedSize >= this.#limits.maxGroupSize) return false;
    const otherBytes = this.#roster.sizeBytes() - (self ? protocolBytes(self.protocols) : 0);
    return otherBytes + protocolBytes(input.protocols) <= this.#limits.maxGroupBytes;
  }

  #joinKnown(input: JoinInput, nowMs: number, reply: JoinReply): void {
    if (this.#roster.isPending(input.memberId)) {
      this.#addMember(input.memberId, input, nowMs, reply);
      return;
    }
    const refusal = this.#roster.check(input);
    if (refusal !== errorCodes.NONE) reply(joinFailure(refusal, input.memberId));
    else this.#rejoin(this.#roster.get(input.memberId)!, input, nowMs, reply);
  }

  #joinStatic(input: JoinInput, instanceId: string, nowMs: number, reply: JoinReply): void {
    const memberId = this.#hooks.newMemberId(instanceId);
    const known = this.#memberOf(input);
    if (known) this.#replaceStaticMember(known, memberId, input, nowMs, reply);
    else this.#addMember(memberId, input, nowMs, reply);
  }

  #joinDynamic(input: JoinInput, nowMs: number, reply: JoinReply): void {
    const memberId = this.#hooks.newMemberId(input.clientId);
    if (!input.requiresKnownMemberId) {
      this.#addMember(memberId, input, nowMs, reply);
      return;
    }
    this.#roster.addPending(memberId, nowMs + input.sessionTimeoutMs);
    reply(joinFailure(errorCodes.MEMBER_ID_REQUIRED, memberId));
  }

  #addMember(memberId: string, input: JoinInput, nowMs: number, reply: JoinReply): void {
    const member: GroupMember = {
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
    };
    this.#rebalance.add(member, input.protocolType, nowMs);
  }

  /** A member that the group knows sends another JoinGroup. */
  #rejoin(member: GroupMember, input: JoinInput, nowMs: number, reply: JoinReply): void {
    const isUnchanged = areSameProtocols(member.protocols, input.protocols);
    const isLeader = member.memberId === this.#roster.leader;
    // A leader that joins again while all is stable wants a new assignment; a follower has probably lost our answer.
    const needsRebalance = this.state === 'PreparingRebalance' || !isUnchanged || (this.state === 'Stable' && isLeader);
    if (!needsRebalance) {
      touch(member, nowMs);
      reply(joinSuccess(this.#rebalance, member, this.state === 'CompletingRebalance' && isLeader));
      return;
    }
    update(member, input, reply);
    this.#rebalance.proceed(nowMs);
  }

  /** KIP-345: the instance restarted and lost its member id. Its old self is fenced; a stable group stays stable. */
  #replaceStaticMember(
    member: GroupMember,
    newMemberId: string,
    input: JoinInput,
    nowMs: number,
    reply: JoinReply,
  ): void {
    const oldLeader = this.#roster.leader;
    member.awaitingJoin?.(joinFailure(errorCodes.FENCED_INSTANCE_ID, member.memberId));
    member.awaitingJoin = null;
    this.#rebalance.answerSync(member, errorCodes.FENCED_INSTANCE_ID);
    this.#roster.rename(member, newMemberId);
    update(member, input, reply);
    touch(member, nowMs);
    const staysStable =
      this.state === 'Stable' && selectProtocol([...this.#roster.members()]) === this.#rebalance.protocolName;
    if (staysStable) this.#answerReturned(member, input, oldLeader, reply);
    else this.#rebalance.proceed(nowMs);
  }

  /** The new member id is durable before it is told. */
  #answerReturned(member: GroupMember, input: JoinInput, oldLeader: string | null, reply: JoinReply): void {
    const { generation } = this;
    this.#hooks.persist(this.metadata(), (errorCode) => {
      // A rebalance that began meanwhile answers the join itself.
      if (member.awaitingJoin !== reply || this.state !== 'Stable' || this.generation !== generation) return;
      member.awaitingJoin = null;
      if (errorCode !== errorCodes.NONE) {
        reply(joinFailure(errorCode, ''));
        return;
      }
      const skipAssignment = input.supportsSkippingAssignment && this.#roster.leader === member.memberId;
      const result = joinSuccess(this.#rebalance, member, skipAssignment);
      // Before v9 a returning leader must not think that it leads: nobody would get the assignment that it makes.
      const leader = input.supportsSkippingAssignment ? result.leader : (oldLeader ?? '');
      reply({ ...result, leader, skipAssignment });
    });
  }

  sync(input: SyncInput, nowMs: number, reply: SyncReply): void {
    const refusal = this.#refuseSync(input);
    if (refusal !== errorCodes.NONE) {
      reply(syncFailure(refusal));
      return;
    }
    const member = this.#roster.get(input.memberId)!;
    touch(member, nowMs);
    this.#rebalance.answerSync(member, errorCodes.REBALANCE_IN_PROGRESS);
    member.awaitingSync = reply;
    this.#rebalance.sync(member, input, nowMs);
  }

  #refuseSync(input: SyncInput): number {
    const refusal = this.#roster.check(input);
    if (refusal !== errorCodes.NONE) return refusal;
    if (input.generation !== this.generation) return errorCodes.ILLEGAL_GENERATION;
    if (this.state === 'PreparingRebalance') return errorCodes.REBALANCE_IN_PROGRESS;
    const isOtherType = input.protocolType !== null && input.protocolType !== this.protocolType;
    const isOtherName = input.protocolName !== null && input.protocolName !== this.#rebalance.protocolName;
    return isOtherType || isOtherName ? errorCodes.INCONSISTENT_GROUP_PROTOCOL : errorCodes.NONE;
  }

  heartbeat(identity: MemberIdentity, generation: number, nowMs: number): number {
    const refusal = this.#checkMember(identity, generation, nowMs);
    if (refusal !== errorCodes.NONE) return refusal;
    return this.state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /** Whether these may commit offsets now. A generation below zero means somebody outside the group: only while it is empty. */
  checkCommit(identity: MemberIdentity, generation: number, nowMs: number): number {
    if (generation < 0 && this.state === 'Empty') return errorCodes.NONE;
    const refusal = this.#checkMember(identity, generation, nowMs);
    if (refusal !== errorCodes.NONE) return refusal;
    // The assignment of this generation is not out yet, so the member cannot own what it commits.
    return this.state === 'CompletingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /** A member of this generation has shown that it lives. */
  #checkMember(identity: MemberIdentity, generation: number, nowMs: number): number {
    const refusal = this.#roster.check(identity);
    if (refusal !== errorCodes.NONE) return refusal;
    if (generation !== this.generation) return errorCodes.ILLEGAL_GENERATION;
    touch(this.#roster.get(identity.memberId)!, nowMs);
    return errorCodes.NONE;
  }

  /** One error code for each of `identities`. A static member may be named by its instance alone. */
  leave(identities: readonly MemberIdentity[], nowMs: number): number[] {
    return identities.map((identity) => this.#leaveOne(identity, nowMs));
  }

  #leaveOne(identity: MemberIdentity, nowMs: number): number {
    if (this.#roster.removePending(identity.memberId)) {
      if (this.state === 'PreparingRebalance') this.#rebalance.proceed(nowMs);
      return errorCodes.NONE;
    }
    const isByInstance = identity.memberId === '' && identity.instanceId !== null;
    const memberId = isByInstance ? (this.#memberOf(identity)?.memberId ?? '') : identity.memberId;
    const refusal = this.#roster.check({ ...identity, memberId });
    if (refusal === errorCodes.NONE) this.#removeMember(memberId, nowMs);
    return refusal;
  }

  #removeMember(memberId: string, nowMs: number): void {
    const member = this.#roster.get(memberId);
    if (!member) return;
    this.#roster.remove(memberId);
    member.awaitingJoin?.(joinFailure(errorCodes.UNKNOWN_MEMBER_ID, memberId));
    member.awaitingJoin = null;
    this.#rebalance.answerSync(member, errorCodes.UNKNOWN_MEMBER_ID);
    this.#rebalance.proceed(nowMs);
  }

  /** Acts on every deadline that has passed. */
  tick(nowMs: number): void {
    if (this.isVacant) return;
    const didExpirePending = this.#roster.expirePending(nowMs);
    for (const member of [...this.#roster.members()]) {
      const isWaiting = (member.awaitingJoin !== null && !member.isNew) || member.awaitingSync !== null;
      if (!isWaiting && member.sessionDeadlineMs <= nowMs) this.#removeMember(member.memberId, nowMs);
    }
    if (didExpirePending && this.state === 'PreparingRebalance') this.#rebalance.proceed(nowMs);
    for (const memberId of this.#rebalance.tick(nowMs)) this.#removeMember(memberId, nowMs);
  }

  /** Moves every deadline: the process itself stood still for `byMs`, which is not the members' fault. */
  shiftDeadlines(byMs: number): void {
    for (const member of this.#roster.members()) member.sessionDeadlineMs += byMs;
    this.#roster.shiftPending(byMs);
    this.#rebalance.shiftDeadlines(byMs);
  }

  /** Answers everybody who waits, for a coordinator that stops. */
  abandon(errorCode: number): void {
    for (const member of this.#roster.members()) {
      member.awaitingJoin?.(joinFailure(errorCode, member.memberId));
      member.awaitingJoin = null;
      this.#rebalance.answerSync(member, errorCode);
    }
  }

  metadata(): GroupMetadata {
    return groupMetadata(this.#rebalance);
  }

  describe(): GroupDescription {
    return describeGroup(this.#rebalance);
  }
}

function touch(member: GroupMember, nowMs: number): void {
  member.sessionDeadlineMs = nowMs + member.sessionTimeoutMs;
}

/** What a JoinGroup says anew of a member that waits for the answer from now on. */
function update(member: GroupMember, input: JoinInput, reply: JoinReply): void {
  member.awaitingJoin?.(joinFailure(errorCodes.REBALANCE_IN_PROGRESS, member.memberId));
  member.awaitingJoin = reply;
  member.protocols = input.protocols;
  member.rebalanceTimeoutMs = input.rebalanceTimeoutMs;
  member.sessionTimeoutMs = input.sessionTimeoutMs;
  member.clientId = input.clientId;
  member.clientHost = input.clientHost;
}
