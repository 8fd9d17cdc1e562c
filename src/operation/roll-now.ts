import { requestRoll } from '../loader/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import { findPartitions } from './load-operation.ts';

/** A roll that was asked for: up to where the log ended at that moment, exclusive. */
export interface AskedRoll {
  topic: string;
  partition: number;
  end: bigint;
  /** False: everything up to there has been committed already. */
  isNeeded: boolean;
}

/**
 * Asks the owners of a partition (of all, when none is named) for an early roll of what the log holds now. Who owns it finds
 * the request at its next look; without an owner it waits for the next one. Throws BadInputError when nothing of the kind was
 * ever loaded.
 */
export async function rollNow(
  files: WarehouseFiles,
  cluster: KafkaCluster,
  table: string,
  partition: number | undefined,
  signal: AbortSignal,
): Promise<AskedRoll[]> {
  const places = await findPartitions(files, table, partition, signal);
  const asked: AskedRoll[] = [];
  for (const place of places) {
    const options = { isolation: 'read_committed', signal } as const;
    const ends = await cluster.listOffsets(place.topic, [place.partition], 'latest', options);
    const end = ends.get(place.partition)!.offset;
    const isNeeded = end > (place.state?.next ?? 0n);
    if (isNeeded) await requestRoll(files, place, end, signal);
    asked.push({ topic: place.topic, partition: place.partition, end, isNeeded });
  }
  return asked;
}
