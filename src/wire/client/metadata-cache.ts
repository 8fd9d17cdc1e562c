import { errorCodes, type MetadataResponse, type MetadataResponseMetadataResponseTopic, zeroUuid } from '../index.ts';
import type { Address } from './connection-pool.ts';

export interface ClusterNode extends Address {
  /** Where the node is; null: it does not say. */
  rack: string | null;
}

export interface ClusterPartition {
  partition: number;
  /** -1: none at the moment. */
  leaderId: number;
  leaderEpoch: number;
  /** Node ids of all replicas, the leader among them. */
  replicas: readonly number[];
}

export interface ClusterTopic {
  name: string;
  /** 32 hex digits; all zeros when the cluster has no topic ids. */
  topicId: string;
  isInternal: boolean;
  /** In order of the partition number. */
  partitions: ClusterPartition[];
}

/**
 * What the client knows of the cluster: nodes, and topics it has asked about. An answer replaces what is known of the
 * topics in it; but a partition's leader is never replaced by one of an older leader epoch, because answers of brokers
 * that lag behind arrive too (KIP-320).
 */
export class MetadataCache {
  readonly #nodes = new Map<number, ClusterNode>();
  readonly #topics = new Map<string, ClusterTopic>();
  #clusterId: string | null = null;
  #controllerId = -1;

  get clusterId(): string | null {
    return this.#clusterId;
  }

  get controllerId(): number {
    return this.#controllerId;
  }

  get nodes(): ReadonlyMap<number, ClusterNode> {
    return this.#nodes;
  }

  topic(name: string): ClusterTopic | undefined {
    return this.#topics.get(name);
  }

  topicById(topicId: string): ClusterTopic | undefined {
    if (topicId === zeroUuid) return undefined;
    for (const topic of this.#topics.values()) if (topic.topicId === topicId) return topic;
    return undefined;
  }

  /** Forgets topics, so that the next question goes to a broker. */
  forget(names: Iterable<string>): void {
    for (const name of names) this.#topics.delete(name);
  }

  /** The racks that hold a replica of a partition. */
  racksOf({ replicas }: ClusterPartition): Set<string> {
    return new Set(replicas.flatMap((nodeId) => this.#nodes.get(nodeId)?.rack ?? []));
  }

  update(response: MetadataResponse): void {
    this.#clusterId = response.clusterId ?? this.#clusterId;
    this.#controllerId = response.controllerId;
    if (response.brokers.length > 0) this.#nodes.clear();
    for (const { nodeId, host, port, rack } of response.brokers) this.#nodes.set(nodeId, { host, port, rack });
    for (const topic of response.topics) this.#updateTopic(topic);
  }

  #updateTopic(answer: MetadataResponseMetadataResponseTopic): void {
    const name = answer.name ?? '';
    if (answer.errorCode !== errorCodes.NONE) {
      if (answer.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) this.#topics.delete(name);
      return;
    }
    const before = this.#topics.get(name);
    const known = before?.topicId === answer.topicId ? before.partitions : [];
    const partitions = answer.partitions.map((found): ClusterPartition => {
      const { partitionIndex, leaderId, leaderEpoch, replicaNodes: replicas } = found;
      const old = known.find((candidate) => candidate.partition === partitionIndex);
      return old && old.leaderEpoch > leaderEpoch
        ? old
        : { partition: partitionIndex, leaderId, leaderEpoch, replicas };
    });
    partitions.sort((a, b) => a.partition - b.partition);
    this.#topics.set(name, { name, topicId: answer.topicId, isInternal: answer.isInternal, partitions });
  }
}
