import { type ChainOptions, type CommitInput, type LedgerOwner, PartitionChain } from '../../../src/offsets/index.ts';
import type { Clock } from '../../../src/shared/index.ts';
import type { WarehouseFiles } from '../../../src/warehouse/files/warehouse-files.ts';

export const topicId = 'ab'.repeat(16);

/** Time stands still and waits end at once, at the next turn of the event loop. */
export const instantClock: Clock = {
  nowMs: () => 1_700_000_000_000,
  monotonicMs: () => 0,
  sleep: async () => await new Promise((resolve) => setImmediate(resolve)),
};

export function owner(member: string, generation: number, group = 'loaders', clusterId = 'cluster-1'): LedgerOwner {
  return { clusterId, group, member, generation, host: `host:1:${member}` };
}

export async function openChain(files: WarehouseFiles, options: ChainOptions = {}): Promise<PartitionChain> {
  const partition = { table: 'events', topic: 'events', topicId, partition: 3 };
  return await PartitionChain.open(files, partition, { clock: instantClock, ...options });
}

/** Uploads a file that holds the next `count` offsets, and gives the commit for it. */
export async function stageFile(
  files: WarehouseFiles,
  chain: PartitionChain,
  count: number,
  unique = Math.random().toString(36).slice(2),
): Promise<CommitInput> {
  const first = chain.checkpoint!;
  const next = first + BigInt(count);
  const sequence = chain.nextSequence;
  const staged = `${chain.stagingFolder}/${first}-${unique}.parquet`;
  const bytes = Buffer.from(`rows ${first} to ${next} from ${staged}`);
  await files.create(staged, { bytes });
  return {
    first,
    next,
    files: [
      {
        staged: staged.slice('/events/'.length),
        path: `dt=2026-11-21/hr=07/part+events+3+${first}+${next - 1n}+${sequence}.parquet`,
        size: bytes.length,
        firstOffset: first,
        lastOffset: next - 1n,
        rowCount: count,
        minTimeMs: 1n,
        maxTimeMs: 2n,
        contentHash: '0'.repeat(32),
        schemaId: 1,
      },
    ],
    deadLetters: null,
    notLanded: { dead: [], filtered: [], control: [], gaps: [] },
    landedCount: BigInt(count),
    cause: 'bytes',
    leaderEpoch: 0,
  };
}

export async function commitOf(files: WarehouseFiles, chain: PartitionChain, count: number): Promise<void> {
  await chain.commit(await stageFile(files, chain, count));
}
