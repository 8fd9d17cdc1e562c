import { describeOffsets, type PartitionOffsets } from '../../offsets/index.ts';
import { describeError } from '../../shared/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import { SharedLook } from './shared-look.ts';

export interface LedgerSight {
  partitions: readonly PartitionOffsets[];
  /** By topic and partition. */
  byPartition: ReadonlyMap<string, PartitionOffsets>;
  landed: bigint;
  dead: bigint;
  files: number;
  /** Why the ledger could not be read; null: it could. */
  problem: string | null;
}

const maxAgeMs = 1500;

/** What the ledger says of all partitions. A warehouse that does not answer is a problem to be shown, not an error. */
export function ledgerLook(context: ConsoleContext): SharedLook<LedgerSight> {
  const look = async (signal: AbortSignal): Promise<LedgerSight> => {
    try {
      const files = await context.warehouse('read');
      return sightOf(await describeOffsets(files, { signal }), null);
    } catch (error) {
      signal.throwIfAborted();
      return sightOf([], describeError(error));
    }
  };
  return new SharedLook({ look, clock: context.clock, maxAgeMs, signal: context.signal });
}

function sightOf(partitions: readonly PartitionOffsets[], problem: string | null): LedgerSight {
  let [landed, dead, files] = [0n, 0n, 0];
  for (const { state } of partitions) {
    if (!state) continue;
    landed += state.totals.landed;
    dead += state.totals.dead;
    files += state.totals.files;
  }
  const byPartition = new Map(partitions.map((found) => [`${found.topic}/${found.partition}`, found]));
  return { partitions, byPartition, landed, dead, files, problem };
}
