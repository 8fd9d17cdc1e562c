/**
 * The states of a group and the way from one to the next:
 *
 *     Empty -> PreparingRebalance -> CompletingRebalance -> Stable
 *       ^            |    ^                 |                  |
 *       |____________|    |_________________|__________________|   (a member joins, leaves, dies, or changes)
 *      (nobody is left)
 *
 * PreparingRebalance ends when all members have joined again or the rebalance timeout is over; CompletingRebalance ends
 * when the leader's assignment is durable. Who may ask for what is decided in ClassicGroup.
 */
import { errorCodes } from '../../wire/index.ts';
import { type GroupHead, groupMetadata, joinSuccess, noBytes, syncFailure } from './group-answers.ts';
import { type GroupMember, GroupRoster } from './group-roster.ts';
import type { GroupHooks, GroupLimits, GroupMetadata, GroupState, SyncInput } from './group-types.ts';
import { InitialDelay } from './initial-delay.ts';
import { selectProtocol } from './protocol-selection.ts';

const never = Number.POSITIVE_INFINITY;

export class GroupRebalance implements GroupHead {
  readonly roster = new GroupRoster();
  readonly #limits: GroupLimits;
  readonly #hooks: GroupHooks;
  #state: GroupState = 'Empty';
  #generation = 0;
  #protocolType = '';
  #protocolName: string | null = null;
  /** Set in PreparingRebalance only. */
  #joinDeadlineMs = never;
  #initialDelay: InitialDelay | null = null;
  /** Set in CompletingRebalance and Stable while members have not asked for their assignment. */
  #syncDeadlineMs = never;
  /** True between the leader's assignment and its being durable. */
  #isAssignmentPending = false;

  constructor(limits: GroupLimits, hooks: GroupHooks) {
    this.#limits = limits;
    this.#hooks = hooks;
  }

  get state(): GroupState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  get protocolType(): string {
    return this.#protocolType;
  }

  get protocolName(): string | null {
    return this.#protocolName;
  }

  /** Takes over what was stored before a restart; members get a full session to show up again. */
  restore(metadata: GroupMetadata, nowMs: number): void {
    this.#protocolType = metadata.protocolType;
    this.#generation = metadata.generation;
    this.#protocolName = metadata.protocolName;
    for (const member of metadata.members) {
      this.roster.add({
        ...member,
        protocols: [{ name: metadata.protocolName ?? '', metadata: member.subscription }],
        isNew: false,
        sessionDeadlineMs: nowMs + member.sessionTimeoutMs,
        awaitingJoin: null,
        awaitingSync: null,
      });
    }
    if (metadata.members.length > 0) this.roster.setLeader(metadata.leader);
    this.#state = metadata.members.length > 0 ? 'Stable' : 'Empty';
  }

  /** A newcomer; its protocol type becomes the group's when it is the first. */
  add(member: GroupMember, protocolType: string, nowMs: number): void {
    if (this.roster.size === 0) this.#protocolType = protocolType;
    this.roster.add(member);
    this.#initialDelay?.noteNewMember();
    this.proceed(nowMs);
  }

  /** Starts a rebalance, or looks whether the one under way can complete. */
  proceed(nowMs: number): void {
    if (this.#state !== 'PreparingRebalance') this.#begin(nowMs);
    if (!this.#initialDelay && this.roster.haveAllJoined()) this.#complete(nowMs);
  }

  #begin(nowMs: number): void {
    if (this.#state === 'CompletingRebalance') this.#dropAssignments(errorCodes.REBALANCE_IN_PROGRESS);
    const timeoutMs = this.roster.maxRebalanceTimeoutMs();
    const { initialRebalanceDelayMs } = this.#limits;
    if (this.#state === 'Empty' && initialRebalanceDelayMs > 0 && timeoutMs > 0) {
      this.#initialDelay = new InitialDelay(initialRebalanceDelayMs, timeoutMs, nowMs);
    }
    this.#state = 'PreparingRebalance';
    this.#isAssignmentPending = false;
    this.roster.pendingSync.clear();
    this.#syncDeadlineMs = never;
    this.#joinDeadlineMs = nowMs + timeoutMs;
  }

  #dropAssignments(errorCode: number): void {
    for (const member of this.roster.members()) {
      member.assignment = noBytes;
      this.answerSync(member, errorCode);
    }
  }

  /** All have joined, or time is over: whoever did not come (and is not static) is out, the others get a new generation. */
  #complete(nowMs: number): void {
    for (const member of [...this.roster.members()]) {
      if (!member.awaitingJoin && member.instanceId === null) this.roster.remove(member.memberId);
    }
    this.#initialDelay = null;
    if (this.roster.size > 0 && !this.roster.electJoinedLeader()) {
      // Only static members are left and none of them is back: they have until their sessions end.
      this.#joinDeadlineMs = nowMs + this.roster.maxRebalanceTimeoutMs();
      return;
    }
    this.#joinDeadlineMs = never;
    this.#generation = this.#generation === 0x7fff_ffff ? 1 : this.#generation + 1;
    if (this.roster.size === 0) this.#becomeEmpty();
    else this.#handOutGeneration(nowMs);
  }

  #becomeEmpty(): void {
    this.#state = 'Empty';
    this.#protocolName = null;
    this.#hooks.persist(groupMetadata(this), () => {});
  }

  #handOutGeneration(nowMs: number): void {
    this.#protocolName = selectProtocol([...this.roster.members()]);
    this.#state = 'CompletingRebalance';
    this.#syncDeadlineMs = nowMs + this.roster.maxRebalanceTimeoutMs();
    for (const member of this.roster.members()) {
      member.isNew = false;
      member.sessionDeadlineMs = nowMs + member.sessionTimeoutMs;
      this.roster.pendingSync.add(member.memberId);
      const reply = member.awaitingJoin;
      member.awaitingJoin = null;
      reply?.(joinSuccess(this, member, member.memberId === this.roster.leader));
    }
  }

  /** A member asks for its assignment; the leader brings all of them. */
  sync(member: GroupMember, input: SyncInput, nowMs: number): void {
    this.roster.pendingSync.delete(member.memberId);
    if (this.roster.pendingSync.size === 0) this.#syncDeadlineMs = never;
    if (this.#state === 'Stable') this.answerSync(member, errorCodes.NONE);
    else if (member.memberId === this.roster.leader && !this.#isAssignmentPending) this.#assign(input, nowMs);
  }

  /** The leader's assignment counts, and is told to anybody, only once it is durable. */
  #assign(input: SyncInput, nowMs: number): void {
    const given = new Map(input.assignments.map((each) => [each.memberId, each.assignment]));
    const assigned = new Map([...this.roster.members()].map((m) => [m.memberId, given.get(m.memberId) ?? noBytes]));
    const generation = this.#generation;
    this.#isAssignmentPending = true;
    this.#hooks.persist(groupMetadata(this, assigned), (errorCode) => {
      if (this.#state !== 'CompletingRebalance' || this.#generation !== generation) return;
      this.#isAssignmentPending = false;
      if (errorCode !== errorCodes.NONE) {
        this.#dropAssignments(errorCode);
        this.proceed(nowMs);
        return;
      }
      this.#state = 'Stable';
      for (const member of this.roster.members()) {
        member.assignment = assigned.get(member.memberId) ?? noBytes;
        this.answerSync(member, errorCodes.NONE);
      }
    });
  }

  answerSync(member: GroupMember, errorCode: number): void {
    const reply = member.awaitingSync;
    if (!reply) return;
    member.awaitingSync = null;
    const { assignment } = member;
    const success = { errorCode, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment };
    reply(errorCode === errorCodes.NONE ? success : syncFailure(errorCode));
  }

  /** Acts on the deadlines of the rebalance. Answers the members that have not asked for their assignment in time. */
  tick(nowMs: number): string[] {
    if (this.#initialDelay?.isOver(nowMs)) {
      this.#initialDelay = null;
      if (this.#state === 'PreparingRebalance') this.proceed(nowMs);
    }
    if (this.#joinDeadlineMs <= nowMs) this.#complete(nowMs);
    if (this.#syncDeadlineMs > nowMs) return [];
    this.#syncDeadlineMs = never;
    return [...this.roster.pendingSync];
  }

  shiftDeadlines(byMs: number): void {
    this.#joinDeadlineMs += byMs;
    this.#syncDeadlineMs += byMs;
  }
}
