import type { AssignorName } from './assignors/index.ts';
import type { TopicPartition } from './consumer-protocol.ts';
import type { KafkaCluster } from './kafka-cluster.ts';

/**
 * The callbacks are called one after the other and awaited, each for at most the rebalance timeout; heartbeats go on
 * meanwhile. One that throws is fatal for the membership.
 */
export interface GroupCallbacks {
  /** Partitions that are ours from now on. The signal is aborted when the membership is lost or closed, or takes too long. */
  onAssigned(partitions: TopicPartition[], generation: number, signal: AbortSignal): Promise<void> | void;
  /** Partitions to give up in good order: they go to others when this returns, or when the time is over. */
  onRevoked(partitions: TopicPartition[], signal: AbortSignal): Promise<void> | void;
  /** Partitions that others may own already: we were fenced, out of touch for too long, or too slow to give them up. */
  onLost(partitions: TopicPartition[]): Promise<void> | void;
  /** The group will not have us, and trying again would not help. The member has stopped; everything it owned is lost. */
  onFatal?(error: Error): void;
}

export interface GroupMemberOptions extends GroupCallbacks {
  cluster: KafkaCluster;
  groupId: string;
  topics: readonly string[];
  /** Without a heartbeat for so long the coordinator gives our partitions to others; 45 s when left out. */
  sessionTimeoutMs?: number;
  /** How long members have to give up partitions and rejoin; 60 s when left out. */
  rebalanceTimeoutMs?: number;
  /** A third of the session timeout, but at most 3 s, when left out. */
  heartbeatIntervalMs?: number;
  /** How often the leader looks whether topics or partitions were added; 30 s when left out. */
  metadataRefreshMs?: number;
  /** `cooperative-sticky` when left out. All members of a group must have one in common. */
  assignor?: AssignorName;
  /** Static membership (KIP-345): a restart within the session timeout keeps the partitions; close() does not leave the group. */
  instanceId?: string;
}
