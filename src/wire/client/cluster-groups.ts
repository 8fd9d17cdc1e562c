// Consumer groups as an administrator sees them, and the offsets they committed.
import {
  apiKeys,
  errorCodes,
  type OffsetFetchResponseOffsetFetchResponseTopic,
  type OffsetFetchResponseOffsetFetchResponseTopics,
} from '../index.ts';
import type { ClusterCore, ClusterRequestOptions } from './cluster-core.ts';
import { comparePartitions, decodeAssignment, groupByTopic, type TopicPartition } from './consumer-protocol.ts';
import { throwIfError } from './kafka-error.ts';

export interface ListedGroup {
  groupId: string;
  protocolType: string;
  /** Kafka's word: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead; empty text when the broker does not tell. */
  state: string;
}

export interface DescribedGroup {
  groupId: string;
  state: string;
  protocolType: string;
  /** The assignor. */
  protocol: string;
  members: {
    memberId: string;
    instanceId: string | null;
    clientId: string;
    clientHost: string;
    partitions: TopicPartition[];
  }[];
}

export interface CommittedOffset extends TopicPartition {
  offset: bigint;
  /** Of the last record before `offset`; -1: not known. */
  leaderEpoch: number;
  metadata: string;
}

export interface OffsetToCommit extends TopicPartition {
  /** The next offset to read. */
  offset: bigint;
  leaderEpoch?: number | undefined;
  metadata?: string | undefined;
}

/** Who commits. Without it, as an administrator: allowed only while the group has no members. */
export interface Committer {
  generation: number;
  memberId: string;
  instanceId?: string | undefined;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** The groups of all nodes, in order of their ids. */
export async function listGroups(core: ClusterCore, { signal }: CallOptions): Promise<ListedGroup[]> {
  return await core.retrying(signal, async () => {
    await core.refreshMetadata([], signal);
    const groups = new Map<string, ListedGroup>();
    for (const nodeId of core.metadata.nodes.keys()) {
      const response = await core.request(nodeId, apiKeys.ListGroups, {}, { signal });
      throwIfError(response.errorCode, `groups of node ${nodeId}`);
      for (const { groupId, protocolType, groupState } of response.groups) {
        groups.set(groupId, { groupId, protocolType, state: groupState });
      }
    }
    return [...groups.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
  });
}

/** Throws GROUP_ID_NOT_FOUND for a group that is not there; older brokers describe such a group as Dead. */
export async function describeGroup(
  core: ClusterCore,
  group: string,
  { signal }: CallOptions,
): Promise<DescribedGroup> {
  return await core.retrying(signal, async () => {
    const response = await core.request(
      { coordinatorOf: group },
      apiKeys.DescribeGroups,
      { groups: [group] },
      { signal },
    );
    const answer = response.groups[0];
    core.throwIfGroupError(group, answer?.errorCode ?? -1, `group "${group}"`, answer?.errorMessage);
    const { groupState, protocolType, protocolData, members } = answer!;
    return {
      groupId: group,
      state: groupState,
      protocolType,
      protocol: protocolData,
      members: members.map(({ memberId, groupInstanceId, clientId, clientHost, memberAssignment }) => ({
        memberId,
        instanceId: groupInstanceId,
        clientId,
        clientHost: clientHost.replace(/^\//, ''),
        partitions: protocolType === 'consumer' ? decodeAssignment(memberAssignment) : [],
      })),
    };
  });
}

/** Deletes a group with its committed offsets; throws NON_EMPTY_GROUP while it has members. */
export async function deleteGroup(core: ClusterCore, group: string, { signal }: CallOptions): Promise<void> {
  await core.retrying(signal, async () => {
    const request = { groupsNames: [group] };
    const response = await core.request({ coordinatorOf: group }, apiKeys.DeleteGroups, request, { signal });
    const answer = response.results[0];
    core.throwIfGroupError(group, answer?.errorCode ?? -1, `group "${group}"`, answer?.errorMessage);
  });
}

/**
 * Commits positions. Throws UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION or FENCED_INSTANCE_ID when the committer no longer is
 * who it says, REBALANCE_IN_PROGRESS while the group moves; nothing has been committed for a partition that threw.
 */
export async function commitOffsets(
  core: ClusterCore,
  group: string,
  offsets: readonly OffsetToCommit[],
  options: ClusterRequestOptions & { committer?: Committer | undefined },
): Promise<void> {
  if (offsets.length === 0) return;
  const { committer } = options;
  const byKey = new Map(offsets.map((offset) => [`${offset.topic}-${offset.partition}`, offset]));
  const topics = groupByTopic(offsets).map(({ topic, partitions }) => ({
    name: topic,
    partitions: partitions.map((partition) => {
      const { offset, leaderEpoch, metadata } = byKey.get(`${topic}-${partition}`)!;
      return {
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch ?? -1,
        committedMetadata: metadata ?? '',
      };
    }),
  }));
  await core.retrying(options.signal, async () => {
    const response = await core.request(
      { coordinatorOf: group },
      apiKeys.OffsetCommit,
      (version) => ({
        groupId: group,
        generationIdOrMemberEpoch: committer?.generation ?? -1,
        memberId: committer?.memberId ?? '',
        ...(version >= 7 ? { groupInstanceId: committer?.instanceId ?? null } : {}),
        topics,
      }),
      options,
    );
    for (const topic of response.topics) {
      for (const { partitionIndex, errorCode } of topic.partitions) {
        core.throwIfGroupError(group, errorCode, `commit of ${topic.name}-${partitionIndex} by group "${group}"`);
      }
    }
  });
}

/** The committed offsets of a group: of the partitions asked for (those without one are left out), or all it has. */
export async function fetchOffsets(
  core: ClusterCore,
  group: string,
  partitions: readonly TopicPartition[] | null,
  { signal }: CallOptions,
): Promise<CommittedOffset[]> {
  const topics = partitions
    ? groupByTopic(partitions).map(({ topic, partitions: numbers }) => ({ name: topic, partitionIndexes: numbers }))
    : null;
  return await core.retrying(signal, async () => {
    const response = await core.request(
      { coordinatorOf: group },
      apiKeys.OffsetFetch,
      (version) => ({
        ...(version >= 8 ? { groups: [{ groupId: group, topics }] } : { groupId: group, topics }),
        // KIP-447: wait for open transactions that may still move these offsets.
        ...(version >= 7 ? { requireStable: true } : {}),
      }),
      { signal },
    );
    const answer = response.groups[0] ?? response;
    core.throwIfGroupError(group, answer.errorCode, `offsets of group "${group}"`);
    return committedOf(group, answer.topics);
  });
}

function committedOf(
  group: string,
  topics: readonly (OffsetFetchResponseOffsetFetchResponseTopic | OffsetFetchResponseOffsetFetchResponseTopics)[],
): CommittedOffset[] {
  const found: CommittedOffset[] = [];
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode } of partitions) {
      if (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) continue; // the topic is gone, and with it the offset
      throwIfError(errorCode, `offset of ${name}-${partitionIndex} of group "${group}"`);
      if (committedOffset < 0n) continue;
      found.push({
        topic: name,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: metadata ?? '',
      });
    }
  }
  return found.sort(comparePartitions);
}
