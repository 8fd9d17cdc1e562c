/**
 * Who is in a group: its members, the ids promised to members-to-be (KIP-394), which member id stands for which static
 * instance (KIP-345), and who leads. Knows no states and no time.
 *
 * Invariants: the leader is a member or null; every static instance maps to a member that names it; a pending id is never
 * a member; `pendingSync` holds members only.
 */
import { errorCodes } from '../../wire/index.ts';
import type { GroupProtocol, JoinReply, MemberIdentity, SyncReply } from './group-types.ts';

export interface GroupMember {
  memberId: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: readonly GroupProtocol[];
  assignment: Buffer;
  /** True until the first rebalance it took part in has completed: such a member does not send heartbeats yet. */
  isNew: boolean;
  sessionDeadlineMs: number;
  awaitingJoin: JoinReply | null;
  awaitingSync: SyncReply | null;
}

export class GroupRoster {
  readonly #members = new Map<string, GroupMember>();
  readonly #staticMemberIds = new Map<string, string>();
  readonly #pendingMembers = new Map<string, number>();
  readonly pendingSync = new Set<string>();
  #leader: string | null = null;

  get size(): number {
    return this.#members.size;
  }

  /** Members and promised ids together. */
  get claimedSize(): number {
    return this.#members.size + this.#pendingMembers.size;
  }

  get leader(): string | null {
    return this.#leader;
  }

  get(memberId: string): GroupMember | undefined {
    return this.#members.get(memberId);
  }

  members(): IterableIterator<GroupMember> {
    return this.#members.values();
  }

  staticMemberId(instanceId: string): string | undefined {
    return this.#staticMemberIds.get(instanceId);
  }

  /** Whether somebody is the member it says it is: NONE, FENCED_INSTANCE_ID (another one has its instance id now) or UNKNOWN_MEMBER_ID. */
  check({ memberId, instanceId }: MemberIdentity): number {
    if (instanceId !== null) {
      const current = this.#staticMemberIds.get(instanceId);
      if (current === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (current !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.#members.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
  }

  isPending(memberId: string): boolean {
    return this.#pendingMembers.has(memberId);
  }

  addPending(memberId: string, deadlineMs: number): void {
    this.#pendingMembers.set(memberId, deadlineMs);
  }

  removePending(memberId: string): boolean {
    return this.#pendingMembers.delete(memberId);
  }

  /** Drops the promised ids whose time is over; true when there were any. */
  expirePending(nowMs: number): boolean {
    let didExpire = false;
    for (const [memberId, deadlineMs] of this.#pendingMembers) {
      if (deadlineMs <= nowMs) didExpire = this.#pendingMembers.delete(memberId);
    }
    return didExpire;
  }

  shiftPending(byMs: number): void {
    for (const [memberId, deadlineMs] of this.#pendingMembers) this.#pendingMembers.set(memberId, deadlineMs + byMs);
  }

  add(member: GroupMember): void {
    this.#pendingMembers.delete(member.memberId);
    this.#members.set(member.memberId, member);
    if (member.instanceId !== null) this.#staticMemberIds.set(member.instanceId, member.memberId);
    this.#leader ??= member.memberId;
  }

  remove(memberId: string): void {
    const member = this.#members.get(memberId);
    if (!member) return;
    this.#members.delete(memberId);
    this.pendingSync.delete(memberId);
    if (member.instanceId !== null && this.#staticMemberIds.get(member.instanceId) === memberId) {
      this.#staticMemberIds.delete(member.instanceId);
    }
    if (this.#leader === memberId) this.#leader = this.#members.keys().next().value ?? null;
  }

  /** A static member came back without its id: it gets a new one and keeps place, assignment and leadership. */
  rename(member: GroupMember, newMemberId: string): void {
    const oldMemberId = member.memberId;
    this.#members.delete(oldMemberId);
    if (this.pendingSync.delete(oldMemberId)) this.pendingSync.add(newMemberId);
    member.memberId = newMemberId;
    this.#members.set(newMemberId, member);
    if (member.instanceId !== null) this.#staticMemberIds.set(member.instanceId, newMemberId);
    if (this.#leader === oldMemberId) this.#leader = newMemberId;
  }

  /** Makes sure that a member who is there to be told so leads; false when nobody awaits the join. */
  electJoinedLeader(): boolean {
    const current = this.#leader === null ? undefined : this.#members.get(this.#leader);
    if (current?.awaitingJoin) return true;
    for (const member of this.#members.values()) {
      if (!member.awaitingJoin) continue;
      this.#leader = member.memberId;
      return true;
    }
    return false;
  }

  setLeader(memberId: string | null): void {
    this.#leader = memberId !== null && this.#members.has(memberId) ? memberId : null;
  }

  haveAllJoined(): boolean {
    if (this.#pendingMembers.size > 0) return false;
    for (const member of this.#members.values()) if (!member.awaitingJoin) return false;
    return true;
  }

  maxRebalanceTimeoutMs(): number {
    let max = 0;
    for (const member of this.#members.values()) max = Math.max(max, member.rebalanceTimeoutMs);
    return max;
  }

  /** Bytes of what the group's record would hold. */
  sizeBytes(): number {
    let bytes = 0;
    for (const member of this.#members.values()) bytes += protocolBytes(member.protocols) + member.assignment.length;
    return bytes;
  }
}

export function protocolBytes(protocols: readonly GroupProtocol[]): number {
  let bytes = 0;
  for (const protocol of protocols) bytes += protocol.name.length + protocol.metadata.length;
  return bytes;
}

export function metadataOf(member: GroupMember, protocolName: string | null): Buffer {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? Buffer.alloc(0);
}

/** Same protocols in the same order with the same bytes: such a member needs no rebalance. */
export function areSameProtocols(left: readonly GroupProtocol[], right: readonly GroupProtocol[]): boolean {
  return (
    left.length === right.length &&
    left.every((protocol, i) => protocol.name === right[i]!.name && protocol.metadata.equals(right[i]!.metadata))
  );
}
