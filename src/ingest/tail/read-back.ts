import { SluiceError, smaller } from '../../shared/index.ts';
import {
  BatchFetcher,
  type FetchedPartition,
  type KafkaCluster,
  type TopicPartition,
} from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';

/** Name of the record header that says how far a file was shipped; see docs/formats.md. */
export const markerHeader = 'sluice-tail';

/** `<file id>@<position>`: all lines of the file up to there are in the log up to this record. */
export function markerOf(id: string, position: number): Buffer {
  return Buffer.from(`${id}@${position}`, 'latin1');
}

function parseMarker(value: Buffer | null): { id: string; position: number } | null {
  const match = /^([0-9a-f]{16})@(\d{1,16})$/.exec(value?.toString('latin1') ?? '');
  return match ? { id: match[1]!, position: Number(match[2]) } : null;
}

export interface ReadBack {
  /** Where the reading ended: one after the last offset looked at. */
  nextOffset: bigint;
  /** Sequence of our last record; null: none of ours was found. */
  lastSequence: number | null;
  batchCount: number;
  /** By file id, the furthest. */
  positions: Map<string, number>;
  /** The log no longer had everything from the first offset on. */
  hasGap: boolean;
}

export interface ReadBackOptions {
  cluster: KafkaCluster;
  place: TopicPartition;
  producerId: bigint;
  fromOffset: bigint;
  /** Exclusive; null: the end that the partition has now. */
  toOffset: bigint | null;
  signal: AbortSignal;
}

/**
 * What a producer appended to a partition within a range of offsets. Other producers' batches cost one look at their header. This is how a
 * sender whose answer was lost, or who was killed, finds out what became of its batch.
 */
export async function readBack(options: ReadBackOptions): Promise<ReadBack> {
  const { cluster, place, fromOffset, signal } = options;
  const { topic, partition } = place;
  const list = async (at: 'earliest' | 'latest'): Promise<bigint> => {
    const found = await cluster.listOffsets(topic, [partition], at, { isolation: 'read_uncommitted', signal });
    return found.get(partition)!.offset;
  };
  const end = options.toOffset ?? (await list('latest'));
  const start = await list('earliest');
  const hasGap = start > fromOffset;
  const from = hasGap ? start : fromOffset;
  const result: ReadBack = { nextOffset: from, lastSequence: null, batchCount: 0, positions: new Map(), hasGap };
  if (from >= end) return result;
  await using fetcher = new BatchFetcher({ cluster, isolation: 'read_uncommitted', maxWaitMs: 250 });
  fetcher.assign(topic, partition, from);
  while (result.nextOffset < end) {
    for (const fetched of await fetcher.poll({ signal })) take(fetched, end, options.producerId, result);
  }
  return result;
}

function take(fetched: FetchedPartition, end: bigint, producerId: bigint, result: ReadBack): void {
  const { topic, partition, batches, nextOffset, error } = fetched;
  if (error) throw new SluiceError('read-back', `${topic}-${partition} cannot be read`, { cause: error });
  for (const { header, bytes } of batches) {
    if (header.producerId !== producerId || header.isControl || header.baseOffset >= end) continue;
    result.batchCount++;
    result.lastSequence = (header.baseSequence + header.lastOffsetDelta) % 0x80000000;
    for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
      if (cursor.headerCount === 0) continue;
      for (const { name, value } of cursor.headers()) {
        const marker = name === markerHeader ? parseMarker(value) : null;
        if (marker && marker.position > (result.positions.get(marker.id) ?? -1))
          result.positions.set(marker.id, marker.position);
      }
    }
  }
  result.nextOffset = smaller(nextOffset, end); // what came meanwhile is for the next look
}
