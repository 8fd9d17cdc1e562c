import type { KafkaCluster } from '../wire/client/index.ts';
import { BatchFetcher } from '../wire/client/index.ts';
import { knownTopic } from './topic-id.ts';

/** What the log of one partition holds at the moment: [start, end). */
export interface LogBounds {
  topic: string;
  /** As the ledger writes it: the cluster's own id, or a hash where the cluster gives none. */
  topicId: string;
  partition: number;
  start: bigint;
  /** High watermark. */
  end: bigint;
}

/** Bounds of all partitions of those of the topics that exist. */
export async function readLogBounds(
  cluster: KafkaCluster,
  topics: readonly string[],
  signal?: AbortSignal,
): Promise<LogBounds[]> {
  const options = { isolation: 'read_uncommitted', signal } as const;
  const clusterId = await cluster.clusterId({ signal });
  const bounds: LogBounds[] = [];
  for (const found of await cluster.topics({ signal })) {
    if (!topics.includes(found.name)) continue;
    const { name, topicId, partitions } = knownTopic(found, clusterId);
    const starts = await cluster.listOffsets(name, partitions, 'earliest', options);
    const ends = await cluster.listOffsets(name, partitions, 'latest', options);
    for (const partition of partitions) {
      const [start, end] = [starts.get(partition)!.offset, ends.get(partition)!.offset];
      bounds.push({ topic: name, topicId, partition, start, end });
    }
  }
  return bounds;
}

const patienceMs = 5000;

/**
 * Time (epoch ms) of the record at each position, which is how old the lag is: from the header of its batch, so it may be
 * early by what one batch spans. Partitions that do not answer in time are left out. Keys: `<topic>/<partition>`.
 */
export async function readTimesAt(
  cluster: KafkaCluster,
  positions: readonly { topic: string; partition: number; offset: bigint }[],
  signal?: AbortSignal,
): Promise<Map<string, bigint>> {
  const times = new Map<string, bigint>();
  if (positions.length === 0) return times;
  const fetcher = new BatchFetcher({ cluster, isolation: 'read_uncommitted', maxPartitionBytes: 1, maxWaitMs: 200 });
  const deadlineMs = cluster.clock.monotonicMs() + patienceMs;
  try {
    for (const { topic, partition, offset } of positions) fetcher.assign(topic, partition, offset);
    while (times.size < positions.length && cluster.clock.monotonicMs() < deadlineMs) {
      for (const { topic, partition, batches } of await fetcher.poll(signal ? { signal } : {})) {
        fetcher.unassign(topic, partition);
        if (batches[0]) times.set(`${topic}/${partition}`, batches[0].header.baseTimestamp);
      }
    }
    return times;
  } finally {
    await fetcher.close();
  }
}
