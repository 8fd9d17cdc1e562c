/**
 * Puts a cleaned segment in the place of those it was made of, with Kafka's names:
 *
 *   1. `<base>.log.cleaned` is written and synced       a crash until here: it is removed at the start
 *   2. it is renamed to `<base>.log.swap`, synced        the point of no return: the start finishes what follows
 *   3. indexes of all and logs of all but the first source are removed, synced
 *   4. it is renamed to `<base>.log`, over the first source, synced
 *
 * Which segments it replaces need not be written anywhere: those that begin inside of it.
 */
import { join } from 'node:path';
import { faultPoint } from '../../shared/index.ts';
import { removeFileIfThere } from './durable-file.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import {
  cleanedSuffix,
  offsetFileName,
  parseOffsetFileName,
  segmentSuffixes,
  snapshotSuffix,
  swapSuffix,
} from './names.ts';
import type { PartitionState } from './partition-state.ts';
import { scanSegment } from './segment-scan.ts';

/** False when a source is not there any more (its records were deleted meanwhile): then nothing has changed. */
export function swapIn(
  state: PartitionState,
  context: LogContext,
  sources: readonly LogSegment[],
  cleaned: LogSegment,
): Promise<boolean> {
  return state.removals.run(async () => {
    const path = cleaned.path('.log');
    if (state.isStopped || !sources.every((source) => state.segments.includes(source))) {
      await removeFileIfThere(context.fileSystem, path + cleanedSuffix);
      return false;
    }
    await context.fileSystem.rename(path + cleanedSuffix, path + swapSuffix);
    try {
      await context.fileSystem.syncDirectory(cleaned.directory);
      faultPoint('log.mid-swap');
      await state.fileReads.exclusive(() => replaceSources(state, context, sources, cleaned));
    } catch (error) {
      // Only a start can tell now what is on disk.
      context.commit.fail(error);
      throw error;
    }
    return true;
  });
}

async function replaceSources(
  state: PartitionState,
  context: LogContext,
  sources: readonly LogSegment[],
  cleaned: LogSegment,
): Promise<void> {
  for (const source of sources) {
    context.indexes.forget(source);
    await context.files.forget(source.path('.log'));
  }
  const others = sources.slice(1).map((source) => source.baseOffset);
  await finishSwap(context, cleaned.directory, cleaned.baseOffset, others);
  const endOffset = state.nextOffsetOfSegment(state.segments.indexOf(sources.at(-1)!));
  state.replaceSegments(sources, cleaned);
  state.tail.forgetBelow(endOffset);
  const { indexes } = cleaned;
  await context.indexes.write(cleaned, indexes!);
  context.indexes.keep(cleaned, indexes!);
}

/** Steps 3 and 4 of swaps that a crash interrupted. Whether there were any. */
export async function finishSwaps(context: LogContext, directory: string): Promise<boolean> {
  const names = await context.fileSystem.list(directory);
  const swaps = names.flatMap((name) => parseOffsetFileName(name, `.log${swapSuffix}`) ?? []);
  const bases = names.flatMap((name) => parseOffsetFileName(name, '.log') ?? []);
  for (const base of swaps) {
    const end = await endOfSwap(context, join(directory, offsetFileName(base, `.log${swapSuffix}`)), base);
    await finishSwap(
      context,
      directory,
      base,
      bases.filter((other) => other > base && other < end),
    );
  }
  return swaps.length > 0;
}

async function finishSwap(
  { fileSystem }: LogContext,
  directory: string,
  base: bigint,
  others: readonly bigint[],
): Promise<void> {
  const pathOf = (offset: bigint, suffix: string) => join(directory, offsetFileName(offset, suffix));
  for (const suffix of segmentSuffixes)
    if (suffix !== '.log') await removeFileIfThere(fileSystem, pathOf(base, suffix));
  for (const other of others) {
    for (const suffix of [...segmentSuffixes, snapshotSuffix])
      await removeFileIfThere(fileSystem, pathOf(other, suffix));
  }
  await fileSystem.syncDirectory(directory);
  await fileSystem.rename(pathOf(base, `.log${swapSuffix}`), pathOf(base, '.log'));
  await fileSystem.syncDirectory(directory);
}

async function endOfSwap({ fileSystem }: LogContext, path: string, base: bigint): Promise<bigint> {
  const fileBytes = (await fileSystem.stat(path))!.sizeBytes;
  const file = await fileSystem.open(path, 'read');
  try {
    const scan = await scanSegment({ file, fileBytes, fromOffset: base, check: 'headers', onBatch: () => true });
    if (!scan.damage && scan.nextOffset > base) return scan.nextOffset;
    const message = `the cleaned segment ${path} is damaged (${scan.damage ?? 'it is empty'}): restore it, or remove it if every other segment is still there`;
    throw new LogError('KAFKA_STORAGE_ERROR', message);
  } finally {
    await file.close();
  }
}
