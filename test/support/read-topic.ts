import { BatchFetcher, type KafkaCluster } from '../../src/wire/client/index.ts';
import { RecordCursor, type RecordHeader } from '../../src/wire/index.ts';

export interface TopicRecord {
  partition: number;
  offset: bigint;
  key: string | null;
  value: string;
  headers: RecordHeader[];
}

/** Every record that a topic has now, each partition in the order of its offsets. */
export async function readTopic(cluster: KafkaCluster, topic: string): Promise<TopicRecord[]> {
  const [found] = await cluster.topics({}, [topic]);
  const partitions = found!.partitions.map(({ partition }) => partition);
  const isolation = 'read_committed';
  const starts = await cluster.listOffsets(topic, partitions, 'earliest', { isolation });
  const ends = await cluster.listOffsets(topic, partitions, 'latest', { isolation });
  const records: TopicRecord[] = [];
  const open = new Set(partitions.filter((p) => starts.get(p)!.offset < ends.get(p)!.offset));
  await using fetcher = new BatchFetcher({ cluster, isolation, maxWaitMs: 100 });
  for (const partition of open) fetcher.assign(topic, partition, starts.get(partition)!.offset);
  while (open.size > 0) {
    for (const { partition, batches, nextOffset, error } of await fetcher.poll()) {
      if (error) throw error;
      for (const { bytes } of batches) {
        for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
          const { offset } = cursor;
          const value = cursor.value()?.toString('utf8') ?? '';
          records.push({
            partition,
            offset,
            key: cursor.key()?.toString('utf8') ?? null,
            value,
            headers: cursor.headers(),
          });
        }
      }
      if (nextOffset >= ends.get(partition)!.offset) open.delete(partition);
    }
  }
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}
