import { type HourMark, type HourState, type LiveFile, partitionKey } from '../offsets/index.ts';
import type { TimePeriod } from '../warehouse/index.ts';
import { digestOfFiles, parseKeptManifest, visibleManifest } from './hour-manifest.ts';
import type { PartitionSurvey } from './table-survey.ts';

/**
 * What an hour has come to:
 *
 *   open      records of that time may still come on time: the hour is not over, or nobody has closed it yet
 *   closed    the end of every partition was noted; what lies before these ends is being landed
 *   complete  everything before the ends has landed and is visible: the manifest proves it
 *   amended   complete, and rows of that time came, or went, after that: a later manifest holds them
 *   expired   past the retention of the table: its rows were taken out, whatever it was before
 */
export type HourStatus = 'open' | 'closed' | 'complete' | 'amended' | 'expired';

/** A partition that keeps a closed hour from being complete. */
export interface PartitionLag {
  topic: string;
  topicId: string;
  partition: number;
  /** Where the log ended when the hour was closed, exclusive. */
  end: bigint;
  /** Null: nobody has ever loaded the partition. */
  checkpoint: bigint | null;
  /** Offsets that are missing. */
  lag: bigint;
}

export interface HourView {
  hour: string;
  /** Relative to the table. */
  folder: string;
  /** Epoch ms: [startMs, endMs). */
  startMs: number;
  endMs: number;
  status: HourStatus;
  /** Of the newest manifest; 0: none yet. */
  revision: number;
  /** Path of the newest manifest, relative to the table; null: none yet, or not any more. */
  manifest: string | null;
  /** When the state was recorded, epoch ms by the warehouse's clock; null while open. */
  sinceMs: number | null;
  /** Of an expired hour: the record of the table's chain that took it out. */
  expiredBy?: number;
}

/** What the table's chain says of the hour; undefined: nothing. `expiredBy`: the record that took it out. */
export function viewHour(period: TimePeriod, state: HourState | undefined, expiredBy?: number): HourView {
  const { key: hour, folder, startMs, endMs } = period;
  const revision = state?.revision ?? 0;
  return {
    hour,
    folder,
    startMs,
    endMs,
    status: expiredBy === undefined ? statusOf(state) : 'expired',
    revision,
    manifest: revision > 0 && expiredBy === undefined ? visibleManifest(folder, revision) : null,
    sinceMs: state?.writtenAtMs ?? null,
    ...(expiredBy === undefined ? {} : { expiredBy }),
  };
}

function statusOf(state: HourState | undefined): HourStatus {
  if (!state) return 'open';
  if (state.state === 'closed') return 'closed';
  return (state.manifest !== null && parseKeptManifest(state.manifest)?.state) || 'complete';
}

/** The partitions whose checkpoints have not reached the ends that were noted, the furthest behind first. */
export function laggingPartitions(
  marks: readonly HourMark[],
  partitions: ReadonlyMap<string, PartitionSurvey>,
): PartitionLag[] {
  const lags = marks.flatMap((mark): PartitionLag[] => {
    const { topicId, partition, end } = mark;
    const found = partitions.get(partitionKey(mark));
    const checkpoint = found?.checkpoint ?? null;
    const lag = end - (checkpoint ?? 0n);
    if (lag <= 0n) return [];
    return [{ topic: found?.topic ?? '', topicId, partition, end, checkpoint, lag }];
  });
  return lags.sort((a, b) => (a.lag > b.lag ? -1 : a.lag < b.lag ? 1 : a.partition - b.partition));
}

/** Whether the newest manifest is still true of the hour's files. */
export function isManifestTrue(state: HourState, live: readonly LiveFile[]): boolean {
  const kept = state.manifest === null ? null : parseKeptManifest(state.manifest);
  return kept?.filesDigest === digestOfFiles(live.map(({ path }) => path));
}

/** One line for people: which partitions are behind, and how far. */
export function describeLags(lags: readonly PartitionLag[]): string {
  const shown = lags.slice(0, 3).map(({ topic, partition, end, checkpoint, lag }) => {
    const name = topic === '' ? `partition ${partition}` : `${topic}-${partition}`;
    if (checkpoint === null) return `${name} has never been loaded (${lag} offsets up to ${end})`;
    return `${name} is ${lag} offsets behind (checkpoint ${checkpoint}, end ${end})`;
  });
  const more = lags.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
