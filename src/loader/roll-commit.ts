import { rm } from 'node:fs/promises';
import { type CommitRecord, LedgerError, type LedgerFile, type PartitionChain } from '../offsets/index.ts';
import { type Clock, describeError, faultPoint, type Logger, SluiceError } from '../shared/index.ts';
import { partFileName, type SealedFile, type TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import type { SealedDeadLetters } from './dead-letter-spool.ts';
import type { FailedUploads } from './failed-uploads.ts';
import type { CommitSummary } from './load-progress.ts';
import type { SealedRoll } from './open-roll.ts';
import type { RollSteps } from './roll-trace.ts';
import type { ShownPosition } from './shown-position.ts';
import { type UploadContext, uploadToStaging } from './staged-upload.ts';
import { type Delay, waitOut } from './wait-out.ts';

export interface CommitContext {
  topic: string;
  topicId: string;
  partition: number;
  files: WarehouseFiles;
  paths: TablePaths;
  chain: PartitionChain;
  position: ShownPosition;
  failed: FailedUploads;
  clock: Clock;
  logger: Logger;
  /** Aborted when the partition was lost: nothing may be waited for any more. */
  signal: AbortSignal;
  /** Called right behind the commit point. */
  onCommitted: (summary: CommitSummary) => void;
  /** A step failed and is tried again; null: it has worked. */
  onDelay?: (delay: Delay | null) => void;
  /** Notes how long each step takes. */
  steps: RollSteps;
}

const uploadsUnderWay = 4;

/**
 * Makes one roll durable and visible. The order of the steps is the promise; whoever dies between two of them leaves a
 * state that the next owner completes (after step 7) or forgets (before it).
 *
 *  1 fetch, 2 decode, 3 encode   have happened: the roll is finished local files of [first, next)
 *  4 upload to staging under a unique name, 5 check length and footer of what arrived
 *  6 write the ledger record to a temporary name
 *  7 rename it to the next number: the commit point
 *  8 move the staged files to their visible names
 *  9 publish the position to the consumer group, for lag tools and the pin
 * 10 the hours touched stand in the record; closing them is the closer's work
 * 11 sweep what is left behind: our local files now, what late uploads left at the release, dead owners' staging at each claim
 *
 * Throws FencedError or LedgerError `in-doubt` when the partition may be somebody else's: the caller drops what it holds.
 */
export async function commitRoll(roll: SealedRoll, context: CommitContext): Promise<void> {
  const { chain, position, steps, signal } = context;
  const staged = await steps.time('upload', () => stageRoll(roll, context)); // 4, 5
  const record = await steps.time('commit', () => appendCommit(roll, staged, context)); // 6, 7
  context.onCommitted(summaryOf(roll, record));
  await steps.time('publish', () => waitOut('FilesNotYetVisible', context, () => chain.finishMoves({ signal }))); // 8
  faultPoint('loader.commit.8-moved');
  await steps.time('position', () => position.show()); // 9
  faultPoint('loader.commit.9-position-published');
  faultPoint('loader.commit.10-hours-noted'); // 10
  await steps.time('turn-era', () => turnEra(context));
  await deleteLocalFiles(roll, context.logger); // 11
  faultPoint('loader.commit.11-swept');
}

interface StagedRoll {
  files: { sealed: SealedFile; staged: string }[];
  deadLetters: { sealed: SealedDeadLetters; staged: string } | null;
}

async function stageRoll(roll: SealedRoll, context: CommitContext): Promise<StagedRoll> {
  const upload: UploadContext = { ...context, stagingFolder: context.chain.stagingFolder };
  const files: StagedRoll['files'] = [];
  const waiting = [...roll.files];
  const lane = async (): Promise<void> => {
    for (let sealed = waiting.shift(); sealed; sealed = waiting.shift()) {
      const { localPath, size } = sealed;
      files.push({ sealed, staged: await uploadToStaging({ localPath, size, kind: 'parquet' }, upload) });
    }
  };
  // A lane that fails must not leave the others behind: all of them end before the error goes up.
  const lanes = await Promise.allSettled(Array.from({ length: uploadsUnderWay }, lane));
  for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
  if (!roll.deadLetters) return { files, deadLetters: null };
  const { localPath, size } = roll.deadLetters;
  const staged = await uploadToStaging({ localPath, size, kind: 'jsonl' }, upload);
  return { files, deadLetters: { sealed: roll.deadLetters, staged } };
}

/** Steps 6 and 7 are the chain's. What failed without having written anything is tried again: the data is safe in staging. */
async function appendCommit(roll: SealedRoll, staged: StagedRoll, context: CommitContext): Promise<CommitRecord> {
  const { chain, signal } = context;
  return await waitOut('CommitDelayed', context, () => chain.commit(commitInput(roll, staged, context), { signal }));
}

function commitInput(roll: SealedRoll, staged: StagedRoll, context: CommitContext) {
  const { chain, topic, topicId, partition, paths } = context;
  const sequence = chain.nextSequence;
  const relative = (absolute: string): string => absolute.slice(paths.root.length + 1);
  const files = staged.files.map(({ sealed, staged: from }): LedgerFile => {
    const { localPath: _localPath, folder, ...facts } = sealed;
    const name = partFileName(topic, partition, sealed.firstOffset, sealed.lastOffset, sequence);
    return { ...facts, staged: relative(from), path: `${folder}/${name}` };
  });
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const { first, next, notLanded, landedCount, cause, leaderEpoch } = roll;
  let deadLetters: CommitRecord['deadLetters'] = null;
  if (staged.deadLetters) {
    const { firstOffset, lastOffset, size, count } = staged.deadLetters.sealed;
    const path = relative(paths.deadLetters(topicId, partition, firstOffset, lastOffset, sequence));
    deadLetters = { staged: relative(staged.deadLetters.staged), path, size, count };
  }
  return { first, next, files, deadLetters, notLanded, landedCount, cause, leaderEpoch };
}

/** House-keeping of the chain: a failure of the warehouse leaves it for the next time; being fenced does not. */
async function turnEra({ chain, logger, signal }: CommitContext): Promise<void> {
  try {
    await chain.turnEraIfDue({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LedgerError || !(error instanceof SluiceError)) throw error;
    logger.warn({ reason: describeError(error) }, 'EraNotTurned');
  }
}

/** Also for a roll that will not be committed: the records are still in the log. */
export async function deleteLocalFiles(roll: SealedRoll, logger: Logger): Promise<void> {
  const paths = [
    ...roll.files.map((file) => file.localPath),
    ...(roll.deadLetters ? [roll.deadLetters.localPath] : []),
  ];
  for (const path of paths) {
    await rm(path, { force: true }).catch((error: unknown) => {
      logger.warn({ path, reason: describeError(error) }, 'LocalFileLeft');
    });
  }
}

function summaryOf(roll: SealedRoll, record: CommitRecord): CommitSummary {
  return {
    topic: record.topic,
    partition: record.partition,
    first: record.first,
    next: record.next,
    landedCount: record.landedCount,
    deadCount: roll.deadCount,
    files: record.files.map(({ path, size, rowCount }) => ({ path, size, rowCount })),
    cause: record.cause,
  };
}
