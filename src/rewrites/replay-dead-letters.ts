import { RangeLoader, type RangeLoadSettings } from '../loader/index.ts';
import { type OffsetRun, type PartitionRange, runsOf, subtractRuns } from '../offsets/index.ts';
import { encodeBatch } from '../wire/index.ts';
import { type DeadLetter, deadLetterFiles, readDeadLetters } from './dead-letters.ts';
import { repairLetters } from './repair-command.ts';
import type { RewriteContext } from './rewrite-context.ts';
import { RewriteSession } from './rewrite-session.ts';
import { named, type PlacedFile, stageRoll } from './stage-rolls.ts';

export interface ReplayOptions {
  settings: RangeLoadSettings;
  partition?: number | undefined;
  /** Only those that were refused for this reason. */
  code?: string | undefined;
  /** A command that repairs them; left out: as they were, because the contract accepts them now. */
  repair?: string | undefined;
  /** At most so many in one record of the table's chain. Default 100,000. */
  batchLetters?: number;
  reason: string;
}

export interface ReplayReport {
  table: string;
  /** Dead letters that were looked at, and that are rows now. */
  tried: number;
  landed: number;
  /** Records of the table's chain. */
  sequences: number[];
}

/**
 * Makes dead letters rows, each in the hour it belongs to, with the offset it had. The record of the table's chain that brings the
 * files names the offsets, so however often this is called, and by however many, a dead letter becomes a row once.
 */
export async function replayDeadLetters(context: RewriteContext, options: ReplayOptions): Promise<ReplayReport> {
  const report: ReplayReport = { table: context.table, tried: 0, landed: 0, sequences: [] };
  for await (const file of deadLetterFiles(context, { partition: options.partition })) {
    let letters: DeadLetter[] = [];
    for await (const letter of readDeadLetters(context, file)) {
      if ((options.code ?? letter.code) !== letter.code) continue;
      letters.push(letter);
      if (letters.length < (options.batchLetters ?? 100_000)) continue;
      await replayBatch(context, options, letters, report);
      letters = [];
    }
    if (letters.length > 0) await replayBatch(context, options, letters, report);
  }
  return report;
}

/** Dead letters of one partition, rising. */
async function replayBatch(
  context: RewriteContext,
  options: ReplayOptions,
  found: readonly DeadLetter[],
  report: ReplayReport,
): Promise<void> {
  report.tried += found.length;
  const { topicId, partition } = found[0]!;
  const scope: PartitionRange = { topicId, partition, first: found[0]!.offset, next: found.at(-1)!.offset + 1n };
  const session = await RewriteSession.begin(context, { operation: 'replay', scope, reason: options.reason });
  await session.run(async () => {
    // Nobody else can make rows of these offsets from here on: only now it is known which of them are dead letters still.
    const still = await stillDead(context, found);
    const letters = options.repair ? await repairLetters(options.repair, still, context.signal) : still;
    const { files, replayed } = await encode(context, options, session, letters);
    if (replayed.length === 0) return await session.cancel('none of them could be made a row');
    const record = await session.commit((state) => ({
      replaced: [],
      added: named(files, state),
      deduplicated: [],
      replayed: [{ topicId, partition, runs: replayed }],
      accounts: [],
    }));
    report.landed += replayed.reduce((sum, run) => sum + Number(run.next - run.first), 0);
    report.sequences.push(record.sequence);
  });
}

async function stillDead(context: RewriteContext, letters: readonly DeadLetter[]): Promise<DeadLetter[]> {
  const { topicId, partition } = letters[0]!;
  const dead: OffsetRun[] = [];
  for await (const file of deadLetterFiles(context, { partition }))
    if (file.topicId === topicId) dead.push(...file.dead);
  return letters.filter(({ offset }) => dead.some((run) => run.first <= offset && offset < run.next));
}

async function encode(
  context: RewriteContext,
  options: ReplayOptions,
  session: RewriteSession,
  letters: readonly DeadLetter[],
): Promise<{ files: PlacedFile[]; replayed: OffsetRun[] }> {
  const files: PlacedFile[] = [];
  let replayed = runsOf(letters.map(({ offset }) => offset));
  const [first] = letters;
  if (!first) return { files, replayed };
  const { topic, topicId, partition } = first;
  const loader = await RangeLoader.open(context.files, { name: topic, topicId }, options.settings, context);
  try {
    for await (const roll of loader.encode(partition, batchesOf(letters))) {
      const { files: placed } = await stageRoll(session, { topic, topicId, partition }, { ...roll, deadLetters: null });
      files.push(...placed);
      replayed = subtractRuns(replayed, [...roll.notLanded.dead, ...roll.notLanded.filtered]);
    }
    return { files, replayed };
  } finally {
    await loader.close();
  }
}

/** Each as the batch it might have come in: its own offset, timestamp, key and headers. */
async function* batchesOf(letters: readonly DeadLetter[]): AsyncGenerator<Buffer> {
  for (const { offset, timestamp, key, value, headers } of letters) {
    yield encodeBatch([{ key, value, headers, timestamp }], { baseOffset: offset, timestampMs: timestamp });
  }
}
