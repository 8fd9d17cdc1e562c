import type { PartitionChain } from '../offsets/index.ts';
import { larger } from '../shared/index.ts';
import type { OwnerStatus, PartitionPosition } from './load-progress.ts';
import type { OwnedPartition } from './owner-context.ts';
import type { OwnerState } from './owner-state.ts';
import type { PartitionFeed } from './partition-feed.ts';
import type { PartitionRolls } from './partition-rolls.ts';

/** What an owner is made of, as far as its status shows it. */
export interface OwnerParts extends Pick<OwnerStatus, 'pause' | 'delay' | 'memoryBytes' | 'stateSinceMs'> {
  state: OwnerState;
  chain: PartitionChain | null;
  rolls: PartitionRolls | null;
  feed: PartitionFeed;
}

/** How far it is; null before it has been claimed. */
export function ownerPosition(
  { topic, partition }: OwnedPartition,
  { chain, rolls, feed }: Pick<OwnerParts, 'chain' | 'rolls' | 'feed'>,
): PartitionPosition | null {
  const checkpoint = chain?.checkpoint ?? null;
  if (checkpoint === null || !rolls) return null;
  const position = larger(rolls.position, checkpoint);
  return { topic, partition, checkpoint, position, logEnd: larger(feed.logEnd, position) };
}

/** The owner at this moment, as plain data. */
export function ownerStatus({ topic, topicId, partition }: OwnedPartition, parts: OwnerParts): OwnerStatus {
  const { state, stateSinceMs, chain, rolls, feed, pause, delay, memoryBytes } = parts;
  const checkpoint = chain?.checkpoint ?? null;
  const isOpen = rolls !== null && (state === 'running' || state === 'rolling' || state === 'stopping');
  const encoded = isOpen && checkpoint !== null ? larger(rolls.position, checkpoint) : checkpoint;
  const read = encoded === null ? null : larger(feed.readUpTo, encoded);
  return {
    topic,
    topicId,
    partition,
    state,
    stateSinceMs,
    checkpoint,
    encoded,
    read,
    logEnd: read === null || feed.logEnd < 0n ? null : larger(feed.logEnd, read),
    openBytes: isOpen ? rolls.encodedBytes : 0,
    openSinceMs: isOpen ? rolls.openSinceMs : null,
    memoryBytes,
    isCommitting: rolls?.isCommitting ?? false,
    pause,
    delay,
  };
}
