/** Producer state at an offset: the newest good snapshot at or below it, then the headers of the batches in between. */
import { join } from 'node:path';
import type { LogContext } from './log-context.ts';
import type { LogSegment } from './log-segment.ts';
import { offsetFileName, snapshotSuffix } from './names.ts';
import { readProducerSnapshot } from './producer-snapshot.ts';
import { hasSequence, ProducerState } from './producer-state.ts';
import { scanSegment } from './segment-scan.ts';

export interface ReplayOptions {
  context: LogContext;
  directory: string;
  segments: LogSegment[];
  /** Ascending. */
  snapshotOffsets: bigint[];
  /** Exclusive; the base offset of a segment. */
  upTo: bigint;
}

export async function replayProducers(options: ReplayOptions): Promise<ProducerState> {
  const { state, offset } = await newestSnapshot(options);
  for (const [index, segment] of options.segments.entries()) {
    const nextOffset = options.segments[index + 1]?.baseOffset ?? options.upTo;
    if (segment.baseOffset >= options.upTo || nextOffset <= offset) continue;
    await replaySegment(options, segment, offset, state);
  }
  return state;
}

async function newestSnapshot(options: ReplayOptions): Promise<{ state: ProducerState; offset: bigint }> {
  const { context, directory, segments, upTo } = options;
  for (const offset of options.snapshotOffsets.filter((other) => other <= upTo).reverse()) {
    const path = join(directory, offsetFileName(offset, snapshotSuffix));
    const state = await readProducerSnapshot(context.fileSystem, path, offset);
    if (state) return { state, offset };
    context.logger.warn({ path }, 'ProducerSnapshotDamaged');
  }
  return { state: new ProducerState(), offset: segments[0]!.baseOffset };
}

async function replaySegment(
  options: ReplayOptions,
  segment: LogSegment,
  from: bigint,
  state: ProducerState,
): Promise<void> {
  const { context, upTo } = options;
  const nowMs = context.clock.nowMs();
  await context.files.use(segment.path('.log'), (file) =>
    scanSegment({
      file,
      fileBytes: segment.sizeBytes,
      fromOffset: segment.baseOffset,
      check: 'headers',
      onBatch: (header) => {
        if (header.baseOffset >= upTo) return false;
        const logAppendTimeMs = header.timestampType === 'LogAppendTime' ? header.maxTimestamp : -1n;
        const isNew = header.baseOffset >= from && hasSequence(header);
        if (isNew) state.append(header, header.baseOffset, logAppendTimeMs, nowMs);
        return true;
      },
    }),
  );
}
