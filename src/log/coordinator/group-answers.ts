/** The answers to JoinGroup and SyncGroup, and what a group stores and shows of itself. */
import { errorCodes } from '../../wire/index.ts';
import { type GroupMember, type GroupRoster, metadataOf } from './group-roster.ts';
import type { GroupDescription, GroupMetadata, GroupState, JoinResult, SyncResult } from './group-types.ts';

export const noBytes = Buffer.alloc(0);

/** What all members of a generation have in common. */
export interface GroupHead {
  readonly state: GroupState;
  readonly generation: number;
  readonly protocolType: string;
  readonly protocolName: string | null;
  readonly roster: GroupRoster;
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

/** `withMembers`: for the leader, who needs them to make an assignment. */
export function joinSuccess(head: GroupHead, member: GroupMember, withMembers: boolean): JoinResult {
  const { generation, protocolType, protocolName, roster } = head;
  return {
    errorCode: errorCodes.NONE,
    generation,
    protocolType,
    protocolName,
    leader: roster.leader ?? '',
    skipAssignment: false,
    memberId: member.memberId,
    members: withMembers
      ? [...roster.members()].map((other) => ({
          memberId: other.memberId,
          instanceId: other.instanceId,
          metadata: metadataOf(other, protocolName),
        }))
      : [],
  };
}

export function syncFailure(errorCode: number): SyncResult {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}

/** What is stored; `assigned` are assignments that are to come into force when it is. */
export function groupMetadata(head: GroupHead, assigned: ReadonlyMap<string, Buffer> | null = null): GroupMetadata {
  return {
    protocolType: head.protocolType,
    generation: head.generation,
    protocolName: head.protocolName,
    leader: head.roster.leader,
    members: [...head.roster.members()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.sessionTimeoutMs,
      subscription: metadataOf(member, head.protocolName),
      assignment: assigned?.get(member.memberId) ?? member.assignment,
    })),
  };
}

/** What anybody may see; subscriptions and assignments only while they are in force. */
export function describeGroup(head: GroupHead): GroupDescription {
  const isStable = head.state === 'Stable';
  return {
    state: head.state,
    protocolType: head.protocolType,
    protocolName: isStable ? (head.protocolName ?? '') : '',
    members: [...head.roster.members()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataOf(member, head.protocolName) : noBytes,
      assignment: isStable ? member.assignment : noBytes,
    })),
  };
}
