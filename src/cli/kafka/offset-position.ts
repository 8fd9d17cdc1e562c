import { InvalidArgumentError } from 'commander';
import type { Isolation, KafkaCluster } from '../../wire/client/index.ts';
import { parseAgo } from '../arguments.ts';

/** Where to begin in a partition: at one of its ends, at an offset, or at the first record of a time (epoch ms) or later. */
export type OffsetPosition =
  | { kind: 'beginning' }
  | { kind: 'end' }
  | { kind: 'offset'; offset: bigint }
  | { kind: 'time'; timestampMs: bigint };

export const offsetPositionHelp =
  'beginning, end, an offset, a time like 2026-11-21T10:00:00Z, or a duration like 2h: that long ago';

export function parseOffsetPosition(text: string): OffsetPosition {
  if (text === 'beginning' || text === 'end') return { kind: text };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: BigInt(text) };
  const agoMs = parseAgo(text);
  if (agoMs !== null) return { kind: 'time', timestampMs: BigInt(agoMs) };
  const timestampMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timestampMs)) throw new InvalidArgumentError(`expected ${offsetPositionHelp}; got "${text}"`);
  return { kind: 'time', timestampMs: BigInt(timestampMs) };
}

/** The offset in every partition. An offset outside of the log becomes the nearest end; a time after the last record, the end. */
export async function resolveOffsets(
  cluster: KafkaCluster,
  topic: string,
  partitions: readonly number[],
  position: OffsetPosition,
  options: { isolation: Isolation; signal?: AbortSignal },
): Promise<Map<number, bigint>> {
  const [starts, ends] = await Promise.all([
    cluster.listOffsets(topic, partitions, 'earliest', options),
    cluster.listOffsets(topic, partitions, 'latest', options),
  ]);
  const atTime =
    position.kind === 'time' ? await cluster.listOffsets(topic, partitions, position.timestampMs, options) : null;
  const offsets = new Map<number, bigint>();
  for (const partition of partitions) {
    const [start, end] = [starts.get(partition)!.offset, ends.get(partition)!.offset];
    offsets.set(partition, offsetIn(position, start, end, atTime?.get(partition)?.offset ?? -1n));
  }
  return offsets;
}

function offsetIn(position: OffsetPosition, start: bigint, end: bigint, atTime: bigint): bigint {
  switch (position.kind) {
    case 'beginning':
      return start;
    case 'end':
      return end;
    case 'offset':
      return position.offset < start ? start : position.offset > end ? end : position.offset;
    case 'time':
      return atTime < 0n || atTime > end ? end : atTime;
  }
}
