import { randomUUID } from 'node:crypto';
import { encodeBatch } from '../../src/wire/index.ts';

/** A plausible request of each API that our broker offers, in each version, about topic `t`; what a version does not have is left out. */
export function sampleRequests(topicId: string): Record<string, (version: number) => object> {
  const text = (value: string) => Buffer.from(value);
  const batch = (value: string) => encodeBatch([{ value, key: 'k' }], { timestampMs: 5n });
  const named = (version: number, firstIdVersion: number) => (version >= firstIdVersion ? { topicId } : { name: 't' });
  return {
    Produce: (v) => ({
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ ...named(v, 13), partitionData: [{ index: 0, records: batch('v') }] }],
    }),
    Fetch: (v) => ({
      maxWaitMs: 0,
      minBytes: 1,
      topics: [
        {
          ...(v >= 13 ? { topicId } : { topic: 't' }),
          partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }],
        },
      ],
    }),
    ListOffsets: () => ({
      replicaId: -1,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    }),
    Metadata: () => ({ topics: [{ name: 't' }] }),
    OffsetCommit: (v) => ({
      groupId: 'simple',
      topics: [{ ...named(v, 10), partitions: [{ partitionIndex: 0, committedOffset: 1n }] }],
    }),
    OffsetFetch: (v) =>
      v < 8
        ? { groupId: 'simple', topics: [{ name: 't', partitionIndexes: [0] }] }
        : { groups: [{ groupId: 'simple', topics: [{ ...named(v, 10), partitionIndexes: [0] }] }] },
    FindCoordinator: (v) => (v < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }),
    JoinGroup: () => ({
      groupId: `g-${randomUUID()}`,
      sessionTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: text('m') }],
    }),
    SyncGroup: () => ({ groupId: 'none', generationId: 1, memberId: 'm' }),
    Heartbeat: () => ({ groupId: 'none', generationId: 1, memberId: 'm' }),
    LeaveGroup: (v) => (v < 3 ? { groupId: 'none', memberId: 'm' } : { groupId: 'none', members: [{ memberId: 'm' }] }),
    DescribeGroups: () => ({ groups: ['simple', 'none'] }),
    ListGroups: () => ({}),
    ApiVersions: (v) => (v < 3 ? {} : { clientSoftwareName: 'raw', clientSoftwareVersion: '1.0' }),
    CreateTopics: (v) => ({
      topics: [{ name: `created-${v}`, numPartitions: 2, replicationFactor: 1 }],
      timeoutMs: 1000,
    }),
    DeleteTopics: (v) => (v < 6 ? { topicNames: ['nowhere'] } : { topics: [{ name: 'nowhere' }] }),
    DeleteRecords: () => ({ topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 0n }] }] }),
    InitProducerId: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    DescribeConfigs: () => ({ resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }] }),
    AlterConfigs: () => ({
      resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', value: '86400000' }] }],
    }),
    IncrementalAlterConfigs: () => ({
      resources: [
        {
          resourceType: 2,
          resourceName: 't',
          configs: [{ name: 'segment.ms', configOperation: 0, value: '86400000' }],
        },
      ],
    }),
    OffsetForLeaderEpoch: (v) => ({
      ...(v >= 3 ? { replicaId: -1 } : {}),
      topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }],
    }),
    DescribeProducers: () => ({ topics: [{ name: 't', partitionIndexes: [0] }] }),
    CreatePartitions: (v) => ({ topics: [{ name: 't', count: 2 + v, assignments: null }], timeoutMs: 1000 }),
    DeleteGroups: () => ({ groupsNames: ['none'] }),
    OffsetDelete: () => ({ groupId: 'simple', topics: [] }),
    DescribeCluster: () => ({}),
  };
}
