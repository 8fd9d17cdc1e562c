import { createHash } from 'node:crypto';
import type { ClusterTopic } from '../wire/client/index.ts';
import { zeroUuid } from '../wire/index.ts';

/** A topic as the ledger knows it. */
export interface KnownTopic {
  name: string;
  /** 32 hex digits: the cluster's own, or a hash of cluster id and name where the cluster gives none. */
  topicId: string;
  /** Null where the cluster gives none. */
  ownId: string | null;
  partitions: number[];
}

export function knownTopic(topic: ClusterTopic, clusterId: string): KnownTopic {
  const ownId = topic.topicId === zeroUuid ? null : topic.topicId;
  const topicId = ownId ?? createHash('sha256').update(`${clusterId}\n${topic.name}`).digest('hex').slice(0, 32);
  const partitions = topic.partitions.map(({ partition }) => partition).sort((a, b) => a - b);
  return { name: topic.name, topicId, ownId, partitions };
}
