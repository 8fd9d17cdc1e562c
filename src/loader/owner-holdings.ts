import { PartitionChain } from '../offsets/index.ts';
import type { Logger } from '../shared/index.ts';
import type { OwnedPartition, OwnerContext, TableContext } from './owner-context.ts';
import type { OwnerDelays } from './owner-delays.ts';
import { PartitionRolls } from './partition-rolls.ts';

export interface HoldingsOptions {
  context: OwnerContext;
  table: TableContext;
  partition: OwnedPartition;
  logger: Logger;
  /** Aborted when the partition was lost. */
  signal: AbortSignal;
  /** A private local folder for the rolls. */
  scratch: string;
  delays: OwnerDelays;
  onCommitEnded: () => void;
}

/** What an owner holds of its partition: the chain that says how far it is, and the rolls that go into it. A warehouse in trouble is waited out. */
export async function openHoldings(
  options: HoldingsOptions,
): Promise<{ chain: PartitionChain; rolls: PartitionRolls }> {
  const { context, table, partition, logger, signal, delays } = options;
  const { topic, topicId, partition: number } = partition;
  const id = { table: table.table, topicId, partition: number, topic };
  const common = { clock: context.clock, logger, signal };
  const chain = await delays.waitOut('LedgerNotRead', () => PartitionChain.open(context.files, id, common));
  const rolls = new PartitionRolls({ ...options, chain, onDelay: delays.note });
  return { chain, rolls };
}
