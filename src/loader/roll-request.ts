import { SluiceError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';

/**
 * How a bounded load asks the live owner of a partition to roll early: a file whose name says up to where.
 *   <table>/_sluice/requests/<topic id>/<partition>/roll-<end offset, exclusive, 20 digits>
 * The content does not matter. Two who ask for the same need one file only. The owner deletes what its checkpoint has passed.
 */
export interface RequestPlace {
  table: string;
  topicId: string;
  partition: number;
}

function requestFolder({ table, topicId, partition }: RequestPlace): string {
  return `${new TablePaths(table).system}/requests/${topicId}/${partition}`;
}

export async function requestRoll(
  files: WarehouseFiles,
  place: RequestPlace,
  endOffset: bigint,
  signal: AbortSignal,
): Promise<void> {
  const path = `${requestFolder(place)}/roll-${endOffset.toString().padStart(20, '0')}`;
  try {
    await files.create(path, { bytes: Buffer.from('{}\n') }, { signal });
  } catch (error) {
    if (!(error instanceof SluiceError && error.code === 'already-exists')) throw error;
  }
}

/** The end offset of the furthest open request above `checkpoint`, or null; requests that are fulfilled are deleted. */
export async function openRollRequest(
  files: WarehouseFiles,
  place: RequestPlace,
  checkpoint: bigint,
  signal: AbortSignal,
): Promise<bigint | null> {
  const folder = requestFolder(place);
  let furthest: bigint | null = null;
  for (const { name } of await files.list(folder, { signal })) {
    const match = /^roll-(\d{20})$/.exec(name);
    if (!match) continue;
    const endOffset = BigInt(match[1]!);
    if (endOffset <= checkpoint) await files.delete(`${folder}/${name}`, { signal });
    else if (furthest === null || endOffset > furthest) furthest = endOffset;
  }
  return furthest;
}
