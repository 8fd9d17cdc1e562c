import type { Clock, Logger } from '../../shared/index.ts';
import { errorCodes } from '../index.ts';
import type { ApiKey, RequestMessage, ResponseOf } from './api-table.ts';
import { ClusterCore, type ClusterOptions, type ClusterRequestOptions, type Target } from './cluster-core.ts';
import {
  type CommittedOffset,
  type Committer,
  commitOffsets,
  type DescribedGroup,
  deleteGroup,
  describeGroup,
  fetchOffsets,
  type ListedGroup,
  listGroups,
  type OffsetToCommit,
} from './cluster-groups.ts';
import {
  type EpochEndOffset,
  endOffsetForEpoch,
  type ListedOffset,
  type ListOffsetsOptions,
  listOffsets,
  type OffsetAt,
} from './cluster-offsets.ts';
import {
  createTopics,
  deleteTopics,
  describeTopicConfig,
  listTopics,
  type NewTopic,
  type TopicConfigEntry,
} from './cluster-topics.ts';
import type { TopicPartition } from './consumer-protocol.ts';
import { KafkaError } from './kafka-error.ts';
import type { ClusterTopic } from './metadata-cache.ts';

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/**
 * A client's view of a Kafka cluster: Apache Kafka's or the built-in broker's. Connects when it is first asked something.
 *
 * Every method but `request` is patient: it retries what Kafka calls retriable (a leader that moved, a coordinator that is
 * loading, a broker that restarts) for up to `retryTimeoutMs` and then throws the last error: a KafkaError with the
 * broker's code, a ConnectionError, or a BrokerUnreachableError (`broker-unreachable`) that names every address tried.
 */
export class KafkaCluster {
  /** What the fetcher, the group member and the producer of this folder work with. */
  readonly core: ClusterCore;

  constructor(options: ClusterOptions) {
    this.core = new ClusterCore(options);
  }

  get clock(): Clock {
    return this.core.clock;
  }

  get logger(): Logger {
    return this.core.logger;
  }

  /** One attempt at one request, in the newest version that both sides know. */
  request<K extends ApiKey>(
    target: Target,
    apiKey: K,
    message: RequestMessage<K>,
    options: ClusterRequestOptions = {},
  ): Promise<ResponseOf<K>> {
    return this.core.request(target, apiKey, message, options);
  }

  /** Makes sure that somebody answers; throws BrokerUnreachableError. */
  async reach({ signal }: CallOptions = {}): Promise<void> {
    await this.core.retrying(signal, () => this.core.refreshMetadata([], signal));
  }

  async clusterId({ signal }: CallOptions = {}): Promise<string> {
    if (this.core.metadata.clusterId === null) {
      await this.core.retrying(signal, () => this.core.refreshMetadata([], signal));
    }
    const clusterId = this.core.metadata.clusterId;
    if (clusterId === null)
      throw new KafkaError(errorCodes.UNSUPPORTED_VERSION, 'cluster id', { detail: 'the cluster has none' });
    return clusterId;
  }

  /** All topics, or those of `names` that exist. Always asks a broker; never creates a topic. */
  topics(options: CallOptions = {}, names?: readonly string[]): Promise<ClusterTopic[]> {
    return listTopics(this.core, names ?? null, options);
  }

  /** One offset per partition; see OffsetAt. Throws when a partition does not exist. */
  listOffsets(
    topic: string,
    partitions: readonly number[],
    at: OffsetAt,
    options: ListOffsetsOptions,
  ): Promise<Map<number, ListedOffset>> {
    return listOffsets(this.core, topic, partitions, at, options);
  }

  /** Where a leader epoch ends in the leader's log (KIP-320): a position beyond it was read from a log that is gone. */
  endOffsetForEpoch(
    topic: string,
    partition: number,
    leaderEpoch: number,
    options: CallOptions = {},
  ): Promise<EpochEndOffset> {
    return endOffsetForEpoch(this.core, topic, partition, leaderEpoch, options.signal);
  }

  createTopics(topics: readonly NewTopic[], options: CallOptions & { validateOnly?: boolean } = {}): Promise<void> {
    return createTopics(this.core, topics, options);
  }

  deleteTopics(names: readonly string[], options: CallOptions = {}): Promise<void> {
    return deleteTopics(this.core, names, options);
  }

  topicConfig(topic: string, options: CallOptions = {}): Promise<TopicConfigEntry[]> {
    return describeTopicConfig(this.core, topic, options);
  }

  listGroups(options: CallOptions = {}): Promise<ListedGroup[]> {
    return listGroups(this.core, options);
  }

  describeGroup(group: string, options: CallOptions = {}): Promise<DescribedGroup> {
    return describeGroup(this.core, group, options);
  }

  deleteGroup(group: string, options: CallOptions = {}): Promise<void> {
    return deleteGroup(this.core, group, options);
  }

  /** Commits as a member of the group, or without a committer as an administrator of a group without members. */
  commitOffsets(
    group: string,
    offsets: readonly OffsetToCommit[],
    options: ClusterRequestOptions & { committer?: Committer | undefined } = {},
  ): Promise<void> {
    return commitOffsets(this.core, group, offsets, options);
  }

  fetchOffsets(
    group: string,
    partitions: readonly TopicPartition[] | null = null,
    options: CallOptions = {},
  ): Promise<CommittedOffset[]> {
    return fetchOffsets(this.core, group, partitions, options);
  }

  /** Whether the brokers answer this API at all, judged by one of them. */
  async supports(apiKey: ApiKey, { signal }: CallOptions = {}): Promise<boolean> {
    const connection = await this.core.retrying(signal, () => this.core.connection('any', 'main', signal));
    return connection.supports(apiKey);
  }

  /** Waits for the answers under way and closes every connection. Calls after that fail. */
  close(): Promise<void> {
    return this.core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
