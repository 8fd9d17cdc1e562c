import { readLogBounds } from '../loader/index.ts';
import { describeOffsets, describeOwner, type PartitionOffsets } from '../offsets/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { BatchFetcher, type KafkaCluster } from '../wire/client/index.ts';

/** What a load would do with one partition. */
export interface PlannedPartition {
  topic: string;
  partition: number;
  /** Where it would begin: the checkpoint, or the log's start for a partition that was never loaded. */
  from: bigint;
  /** Exclusive: the last stable offset now. */
  to: bigint;
  /** Offsets of [from, to); null when the log has expired past the checkpoint. */
  count: bigint;
  /** Offsets between the checkpoint and the log's start: expired before they were loaded. */
  expired: bigint;
  /** Who owns it at present; a bounded load asks for an early roll and waits. */
  owner: string | null;
  /** From a sample of its first batches: bytes of a record as it lies in the log, and the hours (UTC) of its record times. */
  sample: { recordCount: number; bytesPerRecord: number; firstMs: bigint; lastMs: bigint } | null;
  /** Rolls by size that the range makes at least; files are one a roll and hour. */
  rolls: number;
  hours: number;
}

const sampleBytes = 256 * 1024;
const patienceMs = 5000;
const hourMs = 3_600_000n;

/** What a bounded load of these topics would do now. Reads only: brokers, ledger, and a few batches of each partition. */
export async function planLoad(
  cluster: KafkaCluster,
  files: WarehouseFiles,
  options: { topics: readonly string[]; rollBytes: number; signal: AbortSignal },
): Promise<PlannedPartition[]> {
  const { topics, rollBytes, signal } = options;
  const known = await describeOffsets(files, { signal });
  const bounds = await readLogBounds(cluster, topics, signal);
  const ends = new Map<string, bigint>();
  for (const topic of topics) {
    const partitions = bounds.filter((found) => found.topic === topic).map(({ partition }) => partition);
    const latest = await cluster.listOffsets(topic, partitions, 'latest', { isolation: 'read_committed', signal });
    for (const partition of partitions) ends.set(`${topic}/${partition}`, latest.get(partition)!.offset);
  }
  const planned = bounds.map(({ topic, topicId, partition, start }) => {
    const found = known.find((one) => one.topicId === topicId && one.partition === partition);
    return planOne(topic, partition, { start, end: ends.get(`${topic}/${partition}`)!, found });
  });
  const samples = await sampleBatches(
    cluster,
    planned.filter(({ count }) => count > 0n),
    signal,
  );
  return planned.map((one) => withSample(one, samples.get(`${one.topic}/${one.partition}`) ?? null, rollBytes));
}

function planOne(
  topic: string,
  partition: number,
  log: { start: bigint; end: bigint; found: PartitionOffsets | undefined },
): PlannedPartition {
  const state = log.found?.state ?? null;
  const checkpoint = state?.next ?? null;
  const from = checkpoint === null || checkpoint < log.start ? log.start : checkpoint;
  const count = log.end > from ? log.end - from : 0n;
  const expired = checkpoint !== null && checkpoint < log.start ? log.start - checkpoint : 0n;
  const owner = state?.holder ? describeOwner(state.holder.owner) : null;
  return { topic, partition, from, to: from + count, count, expired, owner, sample: null, rolls: 0, hours: 0 };
}

function withSample(
  planned: PlannedPartition,
  sample: PlannedPartition['sample'],
  rollBytes: number,
): PlannedPartition {
  if (planned.count === 0n) return planned;
  const bytes = sample ? Number(planned.count) * sample.bytesPerRecord : 0;
  const hours = sample ? Number(sample.lastMs / hourMs - sample.firstMs / hourMs) + 1 : 1;
  return { ...planned, sample, rolls: Math.max(1, Math.ceil(bytes / rollBytes)), hours };
}

/** A few batches from the begin of each range, and what they say of times and sizes. */
async function sampleBatches(
  cluster: KafkaCluster,
  planned: readonly PlannedPartition[],
  signal: AbortSignal,
): Promise<Map<string, NonNullable<PlannedPartition['sample']>>> {
  const samples = new Map<string, NonNullable<PlannedPartition['sample']>>();
  if (planned.length === 0) return samples;
  const fetcher = new BatchFetcher({
    cluster,
    isolation: 'read_committed',
    maxPartitionBytes: sampleBytes,
    maxWaitMs: 200,
  });
  const deadlineMs = cluster.clock.monotonicMs() + patienceMs;
  try {
    for (const { topic, partition, from } of planned) fetcher.assign(topic, partition, from);
    while (samples.size < planned.length && cluster.clock.monotonicMs() < deadlineMs) {
      for (const { topic, partition, batches } of await fetcher.poll({ signal })) {
        if (batches.length === 0) continue;
        fetcher.unassign(topic, partition);
        const headers = batches.map(({ header }) => header);
        const recordCount = headers.reduce((sum, header) => sum + Math.max(1, header.recordCount), 0);
        const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
        const times = headers.flatMap((header) => [header.baseTimestamp, header.maxTimestamp]);
        const inOrder = times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        const [firstMs, lastMs] = [inOrder[0]!, inOrder.at(-1)!];
        samples.set(`${topic}/${partition}`, { recordCount, bytesPerRecord: bytes / recordCount, firstMs, lastMs });
      }
    }
    return samples;
  } finally {
    await fetcher.close();
  }
}
