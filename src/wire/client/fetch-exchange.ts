// One Fetch request to one leader and what its answer says about which partition. No fetch sessions: every request names
// all its partitions (session id 0, epoch -1).
import {
  type DeepPartial,
  type FetchRequest,
  type FetchResponse,
  type FetchResponsePartitionData,
  zeroUuid,
} from '../index.ts';
import type { AssignedPartition } from './assigned-partition.ts';
import type { Isolation } from './cluster-offsets.ts';
import type { ClusterPartition } from './metadata-cache.ts';

export interface AskedPartition {
  state: AssignedPartition;
  /** As the metadata had it when the request was made. */
  leader: ClusterPartition;
}

export interface FetchLimits {
  maxWaitMs: number;
  minBytes: number;
  maxBytes: number;
  maxPartitionBytes: number;
  isolation: Isolation;
  /** Where we are, so that the leader can point to a replica there (KIP-392); null: not known. */
  rack: string | null;
}

/** Brokers fill the answer in the order of the request: who comes first is served first. */
export function fetchMessage(
  group: readonly AskedPartition[],
  limits: FetchLimits,
): (version: number) => DeepPartial<FetchRequest> {
  return (version) => ({
    ...(version < 15 ? { replicaId: -1 } : {}),
    maxWaitMs: limits.maxWaitMs,
    minBytes: limits.minBytes,
    maxBytes: limits.maxBytes,
    isolationLevel: limits.isolation === 'read_committed' ? 1 : 0,
    sessionId: 0,
    sessionEpoch: -1,
    ...(version >= 11 && limits.rack !== null ? { rackId: limits.rack } : {}),
    topics: [...byTopic(group)].map(([topic, asked]) => ({
      ...(version >= 13 ? { topicId: asked[0]!.state.topicId ?? zeroUuid } : { topic }),
      partitions: asked.map(({ state, leader }) => ({
        partition: state.partition,
        currentLeaderEpoch: leader.leaderEpoch,
        fetchOffset: state.position,
        partitionMaxBytes: limits.maxPartitionBytes,
      })),
    })),
  });
}

/** The partitions of the answer that were asked for, each with who asked. */
export function matchAnswers(
  group: readonly AskedPartition[],
  response: FetchResponse,
): { asked: AskedPartition; data: FetchResponsePartitionData }[] {
  const byName = new Map<string, AskedPartition>();
  for (const asked of group) {
    const { topic, topicId, partition } = asked.state;
    byName.set(`${topic}-${partition}`, asked);
    byName.set(`${topicId}-${partition}`, asked);
  }
  return response.responses.flatMap(({ topic, topicId, partitions }) =>
    partitions.flatMap((data) => {
      const asked = byName.get(`${topic === '' ? topicId : topic}-${data.partitionIndex}`);
      return asked ? [{ asked, data }] : [];
    }),
  );
}

function byTopic(group: readonly AskedPartition[]): Map<string, AskedPartition[]> {
  const topics = new Map<string, AskedPartition[]>();
  for (const asked of group) {
    const same = topics.get(asked.state.topic);
    if (same) same.push(asked);
    else topics.set(asked.state.topic, [asked]);
  }
  return topics;
}
