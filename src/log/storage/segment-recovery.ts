/** Makes one segment true again: what `partition-recovery.ts` does with each of those it must scan, or may take as they are. */
import { batchOverheadBytes, readBatchHeader } from './batch-bytes.ts';
import { checkIndexes, readExactly } from './batch-location.ts';
import type { LogContext } from './log-context.ts';
import { type LogSegment, newIndexes } from './log-segment.ts';
import { hasSequence, type ProducerState } from './producer-state.ts';
import { scanSegment } from './segment-scan.ts';

export interface SegmentScanOptions {
  context: LogContext;
  segment: LogSegment;
  /** Takes up what the batches say of producers. */
  producers: ProducerState;
  /** Whether its bytes are durable already. */
  isSynced: boolean;
}

export interface RecoveredSegment {
  nextOffset: bigint;
  /** Why it was cut, or null. */
  damage: string | null;
  cutBytes: number;
}

/** Checks every byte, builds the indexes, cuts at the first bad batch and syncs. The segment's file stays open for appends. */
export async function recoverSegment(options: SegmentScanOptions): Promise<RecoveredSegment> {
  const { context, segment, producers } = options;
  const fileBytes = segment.sizeBytes;
  segment.indexes = newIndexes(segment.baseOffset);
  segment.sizeBytes = 0;
  const nowMs = context.clock.nowMs();
  segment.file = await context.fileSystem.open(segment.path('.log'), 'write');
  const scan = await scanSegment({
    file: segment.file,
    fileBytes,
    fromOffset: segment.baseOffset,
    check: 'batches',
    mayEndInZeros: true,
    onBatch: (header) => {
      segment.firstAppendMs ??= firstAppendMs(header.maxTimestamp, nowMs);
      segment.noteBatch(header.lastOffset, header.sizeBytes, header.maxTimestamp);
      const logAppendTimeMs = header.timestampType === 'LogAppendTime' ? header.maxTimestamp : -1n;
      if (hasSequence(header)) producers.append(header, header.baseOffset, logAppendTimeMs, nowMs);
      return true;
    },
  });
  const isCut = scan.endPosition < fileBytes;
  if (isCut) await segment.file.truncate(scan.endPosition);
  if (isCut || !options.isSynced) await segment.file.datasync();
  segment.visibleBytes = segment.sizeBytes;
  return { nextOffset: scan.nextOffset, damage: scan.damage, cutBytes: fileBytes - scan.endPosition };
}

/** Completes a recovered segment that is not the active one. */
export async function sealRecovered(context: LogContext, segment: LogSegment): Promise<void> {
  segment.completeTimeIndex();
  await context.indexes.write(segment, segment.indexes!);
  await segment.file!.close();
  segment.file = null;
  segment.isSealed = true;
  context.indexes.keep(segment, segment.indexes!);
}

/**
 * Takes the active segment as a clean shutdown left it, if its end is as its indexes say: returns the offset behind its last record,
 * or null when it must be scanned.
 */
export async function resumeSegment(context: LogContext, segment: LogSegment): Promise<bigint | null> {
  const indexes = await context.indexes.read(segment);
  if (!indexes || segment.sizeBytes === 0) return null;
  return context.files.use(segment.path('.log'), async (file) => {
    const nextOffset = await checkIndexes({ file, segment, indexes, check: 'batches' });
    if (nextOffset === null) return null;
    const { maxTimestamp } = readBatchHeader(await readExactly(file, 0, batchOverheadBytes));
    segment.resume(indexes, firstAppendMs(maxTimestamp, context.clock.nowMs()));
    return nextOffset;
  });
}

/** Whether both indexes are there and can be read; what they say is checked when they are loaded. */
export async function hasIndexFiles({ fileSystem }: LogContext, segment: LogSegment): Promise<boolean> {
  const offsets = await fileSystem.stat(segment.path('.index'));
  const times = await fileSystem.stat(segment.path('.timeindex'));
  return (
    offsets !== null &&
    times !== null &&
    offsets.sizeBytes % 8 === 0 &&
    times.sizeBytes % 12 === 0 &&
    times.sizeBytes > 0
  );
}

/** Not kept on disk; the first record's own time, if it is not in the future, is near enough to roll by. */
function firstAppendMs(timestampMs: bigint, nowMs: number): number {
  return timestampMs < 0n || Number(timestampMs) > nowMs ? nowMs : Number(timestampMs);
}
