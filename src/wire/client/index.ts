// The door of the Kafka client: connections, a cluster's metadata and administration, raw-batch fetching, group
// membership, producing. Nothing here knows the built-in broker; it speaks TCP to whatever answers.
export type { ApiKey, RequestMessage, RequestOf, ResponseOf } from './api-table.ts';
export { appendBatch, newProducerIdentity } from './append-batch.ts';
export type { AssignOptions } from './assigned-partition.ts';
export type { AssignorName } from './assignors/index.ts';
export { BackOff, untilAborted } from './back-off.ts';
export { BatchFetcher, type BatchFetcherOptions, type PartitionProgress } from './batch-fetcher.ts';
export type { ClusterOptions, ClusterRequestOptions, Target } from './cluster-core.ts';
export type { CommittedOffset, Committer, DescribedGroup, ListedGroup, OffsetToCommit } from './cluster-groups.ts';
export type { EpochEndOffset, Isolation, ListedOffset, ListOffsetsOptions, OffsetAt } from './cluster-offsets.ts';
export type { NewTopic, TopicConfigEntry } from './cluster-topics.ts';
export type { TopicPartition } from './consumer-protocol.ts';
export type { FetchedBatch, FetchedPartition } from './fetched-partition.ts';
export { GroupMember } from './group-member.ts';
export type { GroupCallbacks, GroupMemberOptions } from './group-options.ts';
export { KafkaCluster } from './kafka-cluster.ts';
export { type Authenticator, type ConnectionOptions, KafkaConnection } from './kafka-connection.ts';
export {
  AuthenticationError,
  BrokerUnreachableError,
  ConnectionError,
  isKafkaError,
  KafkaError,
  LogTruncatedError,
} from './kafka-error.ts';
export type { ClusterPartition, ClusterTopic } from './metadata-cache.ts';
export { murmur2, partitionForKey } from './partitioner.ts';
export type { Delivery, DeliveryCallbacks, ProducerIdentity } from './producer-batch.ts';
export { type Acks, ProducerClient, type ProducerOptions, type SendOptions } from './producer-client.ts';
export { type ClientConfig, type ClientConfigSource, readClientConfig } from './security/client-config.ts';
export { resolveReferences, systemSources } from './security/properties-file.ts';
export { Slots } from './slots.ts';
export type { Transport } from './transport.ts';
