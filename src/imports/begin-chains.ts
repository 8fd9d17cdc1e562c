import { hostname } from 'node:os';
import { checkTopicIdentity, LedgerError, type LedgerOwner, PartitionChain } from '../offsets/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import type { ForeignLoader, ForeignPosition } from './foreign-position.ts';

/** What would become of one partition. */
export interface ImportPlan extends ForeignPosition {
  logStart: bigint;
  logEnd: bigint;
  /** Null: its chain can begin at `next`. Otherwise why it cannot. */
  obstacle: string | null;
  /** Offsets that expired before anybody loaded them; the first load stops at them unless told to record the gap. */
  expired: bigint;
}

export interface ImportTarget {
  files: WarehouseFiles;
  cluster: KafkaCluster;
  clusterId: string;
  /** The topic, and the table of its name. */
  topic: string;
  topicId: string;
  partitions: readonly number[];
}

/** Compares positions with the log and with the table's ledger. Writes nothing. */
export async function planImport(
  target: ImportTarget,
  positions: readonly ForeignPosition[],
  signal?: AbortSignal,
): Promise<ImportPlan[]> {
  const { cluster, topic, partitions } = target;
  const known = positions.map(({ partition }) => partition).filter((partition) => partitions.includes(partition));
  const options = { isolation: 'read_uncommitted', signal } as const;
  const starts = await cluster.listOffsets(topic, known, 'earliest', options);
  const ends = await cluster.listOffsets(topic, known, 'latest', options);
  const plans: ImportPlan[] = [];
  for (const position of positions) {
    const logStart = starts.get(position.partition)?.offset ?? -1n;
    const logEnd = ends.get(position.partition)?.offset ?? -1n;
    const obstacle = await findObstacle(target, position, logEnd, signal);
    const expired = obstacle === null && logStart > position.next ? logStart - position.next : 0n;
    plans.push({ ...position, logStart, logEnd, obstacle, expired });
  }
  return plans;
}

async function findObstacle(
  target: ImportTarget,
  { partition, next }: ForeignPosition,
  logEnd: bigint,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  if (logEnd < 0n) return 'the topic has no such partition';
  if (next > logEnd) return `the log ends at ${logEnd}: it is not the log that was loaded`;
  const chain = await openChain(target, partition, signal);
  return chain.checkpoint === null ? null : `its chain has begun already, the checkpoint is ${chain.checkpoint}`;
}

/**
 * Begins the chain of every partition at the position of the other loader: the first record has it as its start, the claim says
 * where it came from, and the release lets any load go on from there.
 */
export async function beginChains(
  target: ImportTarget,
  plans: readonly ImportPlan[],
  source: { loader: ForeignLoader; url: string },
  options: { onBegun?: (partition: number) => void; signal?: AbortSignal } = {},
): Promise<void> {
  const { files, clusterId, topic, topicId } = target;
  const { signal } = options;
  const host = `${hostname()}:${process.pid}:import`;
  await checkTopicIdentity(files, topic, { topic, topicId, clusterId, acceptedBy: host }, signal ? { signal } : {});
  const member = `import ${source.loader} ${source.url}`;
  const owner: LedgerOwner = { clusterId, group: 'operator', member, generation: -1, host };
  for (const { partition, next } of plans) {
    const chain = await openChain(target, partition, signal);
    await chain.claim(owner, { startOffset: next, ...(signal ? { signal } : {}) });
    const { first, next: checkpoint } = chain.state;
    await chain.release(signal ? { signal } : {});
    if (first !== next || checkpoint !== next) {
      throw new LedgerError(
        'contended',
        `partition ${partition}: a load began its chain at ${first} in between; nothing was imported there`,
      );
    }
    options.onBegun?.(partition);
  }
}

async function openChain(
  { files, topic, topicId }: ImportTarget,
  partition: number,
  signal: AbortSignal | undefined,
): Promise<PartitionChain> {
  return await PartitionChain.open(files, { table: topic, topic, topicId, partition }, signal ? { signal } : {});
}
