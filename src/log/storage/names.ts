/**
 * The names of Kafka's on-disk layout:
 *
 *   <topic>-<partition>/                          a partition
 *   <topic>-<partition>.<topic id>-delete/        a partition whose topic is being deleted
 *   <base offset, 20 digits>.log|.index|.timeindex     a segment; with `.deleted` behind it, one that is being removed
 *   <base offset, 20 digits>.log.cleaned|.log.swap     a cleaned segment, unfinished or about to take its place
 *   <offset, 20 digits>.producers                 producer state of all records below that offset (our own format)
 */
import { LogError } from './log-error.ts';

export const maxTopicNameLength = 249;
const maxFileNameLength = 255;

export const segmentSuffixes = ['.log', '.index', '.timeindex'] as const;
export type SegmentSuffix = (typeof segmentSuffixes)[number];
export const snapshotSuffix = '.producers';
export const deletedSuffix = '.deleted';
/** What a cleaning writes, and what it has finished writing: the latter replaces segments (segment-swap.ts). */
export const cleanedSuffix = '.cleaned';
export const swapSuffix = '.swap';

/** Throws LogError INVALID_TOPIC_EXCEPTION unless the name is 1 to 249 of [a-zA-Z0-9._-] and neither `.` nor `..`. */
export function checkTopicName(name: string): void {
  if (/^[a-zA-Z0-9._-]+$/.test(name) && name.length <= maxTopicNameLength && name !== '.' && name !== '..') return;
  throw new LogError(
    'INVALID_TOPIC_EXCEPTION',
    `expected a topic name of 1 to ${maxTopicNameLength} letters, digits, '.', '_' or '-', got ${JSON.stringify(name.slice(0, 300))}`,
  );
}

export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** null for folders that are not a partition. */
export function parsePartitionDirectoryName(name: string): { topic: string; partition: number } | null {
  const match = /^([a-zA-Z0-9._-]{1,249})-(0|[1-9]\d{0,8})$/.exec(name);
  return match ? { topic: match[1]!, partition: Number(match[2]) } : null;
}

/** The topic's name is cut where the whole would be longer than a file name may be; the topic id says whose folder it is. */
export function deletedDirectoryName(topic: string, partition: number, topicId: string): string {
  const rest = `-${partition}.${topicId}-delete`;
  return topic.slice(0, maxFileNameLength - rest.length) + rest;
}

/** The topic id (32 hex digits) in the name of a folder under deletion, or null. */
export function topicIdOfDeletedDirectory(name: string): string | null {
  return /\.([0-9a-f]{32})-delete$/.exec(name)?.[1] ?? null;
}

export function offsetFileName(offset: bigint, suffix: string): string {
  return offset.toString().padStart(20, '0') + suffix;
}

/** The offset in a name with that suffix, or null. */
export function parseOffsetFileName(name: string, suffix: string): bigint | null {
  const match = /^(\d{20})(\..+)$/.exec(name);
  return match && match[2] === suffix ? BigInt(match[1]!) : null;
}
