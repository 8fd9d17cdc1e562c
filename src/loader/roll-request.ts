import { SluiceError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { type PartitionPause, pauseAmong, type RequestPlace, requestFolder } from './partition-control.ts';

/**
 * How a bounded load asks the live owner of a partition to roll early: a file whose name says up to where.
 *   <table>/_sluice/requests/<topic id>/<partition>/roll-<end offset, exclusive, 20 digits>
 * The content does not matter. Two who ask for the same need one file only. The owner deletes what its checkpoint has passed.
 */

/** What others ask of a partition's owner. */
export interface PartitionRequests {
  /** The end offset of the furthest roll asked for above the checkpoint. */
  rollUpTo: bigint | null;
  pause: PartitionPause | null;
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

/** All requests, with one listing; roll requests that the checkpoint has fulfilled are deleted. */
export async function openRequests(
  files: WarehouseFiles,
  place: RequestPlace,
  checkpoint: bigint,
  signal: AbortSignal,
): Promise<PartitionRequests> {
  const folder = requestFolder(place);
  const names = (await files.list(folder, { signal })).map(({ name }) => name);
  let rollUpTo: bigint | null = null;
  for (const name of names) {
    const match = /^roll-(\d{20})$/.exec(name);
    if (!match) continue;
    const endOffset = BigInt(match[1]!);
    if (endOffset <= checkpoint) await files.delete(`${folder}/${name}`, { signal });
    else if (rollUpTo === null || endOffset > rollUpTo) rollUpTo = endOffset;
  }
  return { rollUpTo, pause: await pauseAmong(files, place, names, signal) };
}
