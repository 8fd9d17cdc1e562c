import { SluiceError, smaller } from '../../shared/index.ts';
import {
  BatchFetcher,
  type FetchedPartition,
  type KafkaCluster,
  type TopicPartition,
} from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import type { ShippedPart } from './fingerprint.ts';

/** Name of the record header that says how far a file was shipped; see docs/formats.md. */
export const markerHeader = 'sluice-tail';

/** All lines of the file up to the part's position are in the log up to this record. */
export function markerOf(id: string, { position, head, end }: ShippedPart): Buffer {
  return Buffer.from(`${id}@${position} ${head.bytes}:${head.hash} ${end.bytes}:${end.hash}`, 'latin1');
}

const marker = /^([0-9a-f]{16})@(\d{1,16}) (\d{1,4}):([0-9a-f]{16}) (\d{1,4}):([0-9a-f]{16})$/;

export function parseMarker(value: Buffer | null): { id: string; part: ShippedPart } | null {
  const match = marker.exec(value?.toString('latin1') ?? '');
  if (!match) return null;
  const [, id, position, headBytes, headHash, endBytes, endHash] = match;
  const head = { bytes: Number(headBytes), hash: headHash! };
  return { id: id!, part: { position: Number(position), head, end: { bytes: Number(endBytes), hash: endHash! } } };
}

export interface ReadBack {
  /** Where the reading ended: one after the last offset looked at. */
  nextOffset: bigint;
  /** Sequence of our last record; null: none of ours was found. */
  lastSequence: number | null;
  batchCount: number;
  /** By file id, how far it was shipped. */
  parts: Map<string, ShippedPart>;
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
  const result: ReadBack = { nextOffset: from, lastSequence: null, batchCount: 0, parts: new Map(), hasGap };
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
        const found = name === markerHeader ? parseMarker(value) : null;
        if (found && found.part.position > (result.parts.get(found.id)?.position ?? -1))
          result.parts.set(found.id, found.part);
      }
    }
  }
  result.nextOffset = smaller(nextOffset, end); // what came meanwhile is for the next look
}
