import { BadInputError } from '../../shared/index.ts';
import { type ClusterTopic, isKafkaError, type KafkaCluster } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { type ClusterFlags, withCluster } from './with-cluster.ts';

export interface TopicsFlags extends ClusterFlags {
  internal?: boolean;
  json?: boolean;
}

export interface CreateTopicFlags extends TopicsFlags {
  partitions?: number;
  replicationFactor?: number;
  config: Record<string, string>;
  ifNotExists?: boolean;
}

interface PartitionRow {
  partition: number;
  leader: number;
  leaderEpoch: number;
  start: bigint;
  end: bigint;
  /** Offsets between start and end: an upper bound of the records. */
  records: bigint;
}

export async function listTopics(flags: TopicsFlags): Promise<number> {
  const rows = await withCluster(flags, async (cluster) => {
    const topics = (await cluster.topics()).filter((topic) => flags.internal || !topic.isInternal);
    return await Promise.all(topics.map(async (topic) => ({ topic, records: await countRecords(cluster, topic) })));
  });
  if (flags.json) {
    printJson(
      rows.map(({ topic: { name, topicId, isInternal, partitions }, records }) => ({
        topic: name,
        topicId,
        isInternal,
        partitions: partitions.length,
        records,
      })),
    );
  } else {
    printTable(rows, [
      { header: 'TOPIC', cell: ({ topic }) => topic.name },
      { header: 'PARTITIONS', cell: ({ topic }) => String(topic.partitions.length), align: 'right' },
      { header: 'RECORDS', cell: ({ records }) => formatCount(records), align: 'right' },
      { header: 'TOPIC ID', cell: ({ topic }) => topic.topicId },
    ]);
  }
  return exitCodes.complete;
}

export async function createTopic(name: string, flags: CreateTopicFlags): Promise<number> {
  const { partitions, replicationFactor, config } = flags;
  await withCluster(flags, async (cluster) => {
    try {
      await cluster.createTopics([{ name, partitions, replicationFactor, configs: config }]);
      process.stdout.write(`created topic ${name}\n`);
    } catch (error) {
      if (!flags.ifNotExists || !isKafkaError(error, errorCodes.TOPIC_ALREADY_EXISTS)) throw error;
      process.stdout.write(`topic ${name} exists\n`);
    }
  });
  return exitCodes.complete;
}

export async function deleteTopics(names: string[], flags: TopicsFlags): Promise<number> {
  await withCluster(flags, async (cluster) => {
    const existing = await cluster.topics({}, names);
    const missing = names.find((name) => !existing.some((topic) => topic.name === name));
    if (missing !== undefined)
      throw new BadInputError(`expected existing topics, got "${missing}"; nothing was deleted`);
    await cluster.deleteTopics(names);
  });
  process.stdout.write(`deleted ${names.length === 1 ? 'topic' : 'topics'} ${names.join(', ')}\n`);
  return exitCodes.complete;
}

export async function describeTopic(name: string, flags: TopicsFlags): Promise<number> {
  const { topic, rows, configs } = await withCluster(flags, async (cluster) => {
    const [found] = await cluster.topics({}, [name]);
    if (!found)
      throw new BadInputError(`expected an existing topic, got "${name}"; sluice topics list shows what there is`);
    const settings = await cluster.topicConfig(name);
    return {
      topic: found,
      rows: await partitionRows(cluster, found),
      configs: settings.filter(({ isDefault }) => !isDefault),
    };
  });
  if (flags.json) {
    const { topicId, isInternal } = topic;
    const byName = Object.fromEntries(configs.map((config) => [config.name, config.value]));
    printJson({ topic: name, topicId, isInternal, partitions: rows, configs: byName });
    return exitCodes.complete;
  }
  const settings = configs.map((config) => ` ${config.name}=${config.value}`).join('');
  process.stdout.write(`topic ${name}  id ${topic.topicId}${settings && ` ${settings}`}\n`);
  printTable(rows, [
    { header: 'PARTITION', cell: (row) => String(row.partition), align: 'right' },
    { header: 'LEADER', cell: (row) => (row.leader < 0 ? 'none' : String(row.leader)), align: 'right' },
    { header: 'EPOCH', cell: (row) => String(row.leaderEpoch), align: 'right' },
    { header: 'START', cell: (row) => row.start.toString(), align: 'right' },
    { header: 'END', cell: (row) => row.end.toString(), align: 'right' },
    { header: 'RECORDS', cell: (row) => formatCount(row.records), align: 'right' },
  ]);
  return exitCodes.complete;
}

async function countRecords(cluster: KafkaCluster, topic: ClusterTopic): Promise<bigint> {
  return (await partitionRows(cluster, topic)).reduce((sum, { records }) => sum + records, 0n);
}

async function partitionRows(cluster: KafkaCluster, { name, partitions }: ClusterTopic): Promise<PartitionRow[]> {
  const led = partitions.filter(({ leaderId }) => leaderId >= 0).map(({ partition }) => partition);
  const [starts, ends] = await Promise.all([
    cluster.listOffsets(name, led, 'earliest', { isolation: 'read_uncommitted' }),
    cluster.listOffsets(name, led, 'latest', { isolation: 'read_uncommitted' }),
  ]);
  return partitions.map(({ partition, leaderId, leaderEpoch }) => {
    const [start, end] = [starts.get(partition)?.offset ?? -1n, ends.get(partition)?.offset ?? -1n];
    return { partition, leader: leaderId, leaderEpoch, start, end, records: end - start };
  });
}
