/** The broker's own settings under Kafka's names, as DescribeConfigs shows them. */
import type { BrokerServices } from './api-handler.ts';
import { configSources, configTypes, type EffectiveConfig } from './topic-configs.ts';

export function brokerConfigs({ config, advertised }: BrokerServices): EffectiveConfig[] {
  const { groups, limits } = config;
  const { boolean, int, long, string } = configTypes;
  const rows: [name: string, value: string | number | boolean, type: number, documentation: string][] = [
    ['node.id', config.nodeId, int, 'The only broker of this cluster.'],
    [
      'advertised.listeners',
      `PLAINTEXT://${advertised.host ?? ''}:${advertised.port}`,
      string,
      'Where clients are told to connect; no host: the address they came to.',
    ],
    ['num.partitions', config.defaultPartitions, int, 'Partitions of a topic created without saying how many.'],
    ['default.replication.factor', 1, int, 'One broker, one copy.'],
    ['auto.create.topics.enable', config.autoCreateTopics, boolean, 'Whether asking for an unknown topic creates it.'],
    ['min.insync.replicas', 1, int, 'acks=all is answered when the record is synced to disk here.'],
    ['compression.type', 'producer', string, 'Batches are kept as producers compress them.'],
    [
      'log.cleaner.backoff.ms',
      config.cleanerBackoffMs,
      long,
      'How often compaction looks whether there is enough to clean.',
    ],
    ['fetch.max.bytes', config.maxFetchBytes, int, 'Upper bound of a Fetch answer; a single batch may be larger.'],
    ['socket.request.max.bytes', limits.maxFrameBytes, int, 'Largest request.'],
    ['max.connections', limits.maxConnections, int, 'Connections altogether.'],
    ['max.connections.per.ip', limits.maxConnectionsPerIp, int, 'Connections from one address.'],
    [
      'connections.max.idle.ms',
      limits.idleTimeoutMs,
      long,
      'A connection without a complete request for so long is closed.',
    ],
    [
      'group.min.session.timeout.ms',
      groups.minSessionTimeoutMs,
      int,
      'Shortest session timeout a group member may ask for.',
    ],
    [
      'group.max.session.timeout.ms',
      groups.maxSessionTimeoutMs,
      int,
      'Longest session timeout a group member may ask for.',
    ],
    [
      'group.initial.rebalance.delay.ms',
      groups.initialRebalanceDelayMs,
      int,
      'How long an empty group waits for more members.',
    ],
    ['group.max.size', groups.maxGroupSize, int, 'Members of one group.'],
    [
      'offsets.retention.minutes',
      Math.round(groups.offsetsRetentionMs / 60_000),
      int,
      'How long offsets of a group without members are kept.',
    ],
    [
      'offset.metadata.max.bytes',
      groups.maxOffsetMetadataBytes,
      int,
      'Longest text that goes with a committed offset.',
    ],
    ['offsets.topic.num.partitions', 1, int, 'Partitions of __consumer_offsets.'],
  ];
  return rows.map(([name, value, type, documentation]) => ({
    name,
    value: String(value),
    type,
    documentation,
    readOnly: true,
    configSource: configSources.staticBroker,
  }));
}
