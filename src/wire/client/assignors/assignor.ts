import type { Subscription, TopicPartition } from '../consumer-protocol.ts';

export type AssignorName = 'range' | 'roundrobin' | 'cooperative-sticky';

export interface GroupMemberSubscription extends Subscription {
  memberId: string;
  instanceId: string | null;
}

/** By topic; topics that do not exist are left out. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** By member id; every member is in it. */
export type Assignment = Map<string, TopicPartition[]>;

/** Distributes the partitions of a group; runs on the member that the coordinator made the leader. */
export interface Assignor {
  /** The protocol name that Kafka's own clients use for the same algorithm. */
  readonly name: AssignorName;
  /** Members keep what they own while they rejoin, and give up only what the new assignment takes from them (KIP-429). */
  readonly isCooperative: boolean;
  assign(
    members: readonly GroupMemberSubscription[],
    partitionCounts: PartitionCounts,
    racksOf?: (partition: TopicPartition) => ReadonlySet<string>,
  ): Assignment;
}

/** Static members by their instance id, before the others by their member id: the order of Kafka's own assignors. */
export function inMemberOrder(members: readonly GroupMemberSubscription[]): GroupMemberSubscription[] {
  return [...members].sort((a, b) => {
    if (a.instanceId !== null && b.instanceId !== null) return compareText(a.instanceId, b.instanceId);
    if (a.instanceId !== null || b.instanceId !== null) return a.instanceId !== null ? -1 : 1;
    return compareText(a.memberId, b.memberId);
  });
}

export function emptyAssignment(members: readonly GroupMemberSubscription[]): Assignment {
  return new Map(members.map(({ memberId }) => [memberId, []]));
}

/** Every partition that at least one member wants, by topic and number. */
export function wantedPartitions(
  members: readonly GroupMemberSubscription[],
  partitionCounts: PartitionCounts,
): TopicPartition[] {
  const topics = [...new Set(members.flatMap(({ topics }) => topics))].sort(compareText);
  return topics.flatMap((topic) =>
    Array.from({ length: partitionCounts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
