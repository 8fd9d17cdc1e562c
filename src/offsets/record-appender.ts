/**
 * Appends one record: temporary file -> read back and compare -> rename to the next number, which is the commit point.
 *
 * A rename whose answer got lost may still be carried out later. Asking for the very same rename again settles it: either
 * the number is taken (reading the record tells by whom), or the temporary file goes there now. Only a caller that stops
 * asking is left in doubt, and it must look at the chain before it does anything else.
 */
import { type Clock, describeError, faultPoint, isAbortError } from '../shared/index.ts';
import { isWarehouseError, type WarehouseFiles } from '../warehouse/index.ts';
import type { ChainFormat, ChainRecordHead, ChainTail } from './chain-format.ts';
import { isNotFound, readRecord, signalOption } from './chain-reader.ts';
import { FencedError, LedgerError } from './ledger-error.ts';
import { recordName } from './ledger-paths.ts';
import type { EncodedRecord } from './sealed-record.ts';

export interface AppendContext<R extends ChainRecordHead> {
  files: WarehouseFiles;
  format: Pick<ChainFormat<R, ChainTail>, 'folder' | 'encode' | 'decode'>;
  clock: Clock;
  /** A name never used before: lower-case letters and digits. */
  unique: () => string;
  /** How often a call whose answer was lost is made again, on top of what the file system itself retries. */
  attempts: number;
  retryMs: number;
  /** How long a record that no DataNode takes is written again, under another name each time. Default two minutes. */
  patienceMs?: number;
}

const defaultPatienceMs = 120_000;
const maxPauseMs = 10_000;

export type AppendOutcome<R> =
  | { outcome: 'appended'; encoded: EncodedRecord }
  /** The number is taken by somebody else's record. */
  | { outcome: 'lost'; by: R };

/**
 * Appends `record` to `<chain>/<eraFolder>/`. Throws FencedError when the era's folder is gone (never creates it), and
 * LedgerError `in-doubt` when it cannot be found out whether the record is there.
 */
export async function appendRecord<R extends ChainRecordHead>(
  context: AppendContext<R>,
  eraFolder: string,
  record: R,
  signal?: AbortSignal,
): Promise<AppendOutcome<R>> {
  const encoded = context.format.encode(record);
  const target = `${context.format.folder}/${eraFolder}/${recordName(record.sequence)}`;
  let lastError: unknown;
  for (let attempt = 0; attempt < context.attempts; attempt++) {
    const temporary = await writeTemporary(context, record.sequence, encoded.bytes, signal);
    faultPoint(`ledger-${record.kind}-written`);
    const settled = await publish(context, temporary, target, eraFolder, record, signal);
    if (settled !== 'source-missing') {
      faultPoint(`ledger-${record.kind}-published`);
      if (settled === 'appended') return { outcome: 'appended', encoded };
      await removeQuietly(context.files, temporary);
      return { outcome: 'lost', by: settled };
    }
    // The number is free and our temporary file is gone: somebody swept it, so no rename of it can come late.
    lastError = new Error(`${temporary} disappeared before it could be renamed`);
  }
  throw new LedgerError('contended', `could not append ${target}: ${describeError(lastError)}`, { isRetriable: true });
}

/**
 * Creates the temporary file under a new name each time and compares what can be read back. What failed tries left is deleted: a file
 * that no DataNode took to its end stays open for as long as its lease, and `hdfs dfs -get` of the table would fail on it.
 */
async function writeTemporary<R extends ChainRecordHead>(
  context: AppendContext<R>,
  sequence: number,
  bytes: Buffer,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { clock, patienceMs = defaultPatienceMs } = context;
  const endMs = clock.monotonicMs() + patienceMs;
  const failed: string[] = [];
  for (let attempt = 1; ; attempt++) {
    const path = `${context.format.folder}/tmp/${sequence}-${context.unique()}.json`;
    try {
      await context.files.create(path, { bytes }, signalOption(signal));
      const readBack = await context.files.read(path, signalOption(signal));
      if (readBack.equals(bytes)) {
        for (const one of failed) await removeQuietly(context.files, one, signal);
        return path;
      }
      throw new LedgerError(
        'file-mismatch',
        `${path}: wrote ${bytes.length} bytes, read back other ${readBack.length}`,
        {
          path,
          isRetriable: true,
        },
      );
    } catch (error) {
      // Nothing has been renamed yet, so failing here is safe.
      if (isAbortError(error) || signal?.aborted) throw error;
      const isWorthWaiting = isWarehouseError(error, 'no-space', 'uncertain') && clock.monotonicMs() < endMs;
      if (attempt >= context.attempts && !isWorthWaiting) throw error;
      failed.push(path);
      await clock.sleep(Math.min(maxPauseMs, context.retryMs * attempt), signal);
    }
  }
}

async function publish<R extends ChainRecordHead>(
  context: AppendContext<R>,
  temporary: string,
  target: string,
  eraFolder: string,
  record: R,
  signal: AbortSignal | undefined,
): Promise<'appended' | 'source-missing' | R> {
  let lastError: unknown;
  let mayBeThere = false;
  for (let attempt = 1; attempt <= context.attempts && !signal?.aborted; attempt++) {
    if (attempt > 1) await context.clock.sleep(context.retryMs * attempt, signal).catch(() => {});
    try {
      const answer = await context.files.publishIfAbsent(temporary, target, signalOption(signal));
      mayBeThere = true;
      if (answer === 'published') return await confirm(context.files, target, signal);
      const settled = await settle(context, temporary, target, eraFolder, record, signal);
      if (settled !== 'again') return settled;
    } catch (error) {
      if (error instanceof LedgerError || (!mayBeThere && isDefinite(error))) throw error;
      mayBeThere = true;
      lastError = error;
    }
  }
  if (!mayBeThere) signal?.throwIfAborted();
  throw new LedgerError('in-doubt', `cannot tell whether ${target} was written: ${describeError(lastError)}`, {
    cause: lastError,
    isRetriable: true,
    path: target,
  });
}

/** HDFS also answers yes when a folder stands at the target, and moves the file into it. */
async function confirm(files: WarehouseFiles, target: string, signal: AbortSignal | undefined): Promise<'appended'> {
  const status = await files.stat(target, signalOption(signal));
  if (status?.type !== 'directory') return 'appended';
  throw new LedgerError('broken-chain', `${target}: expected a record, found a folder`, { path: target });
}

/** After a refusal or a lost answer, what stands at the target decides. */
async function settle<R extends ChainRecordHead>(
  context: AppendContext<R>,
  temporary: string,
  target: string,
  eraFolder: string,
  record: R,
  signal: AbortSignal | undefined,
): Promise<'appended' | 'source-missing' | 'again' | R> {
  const { files, format } = context;
  const folder = `${format.folder}/${eraFolder}`;
  const found = await recordAt<R>(files, format, eraFolder, record.sequence, signal);
  if (found && found.attempt !== record.attempt) return found;
  // Also when the record is ours: on S3 one can come to lie where the folder was, and does not count there.
  if (!(await files.stat(folder, signalOption(signal)))) {
    throw new FencedError(`${folder} was removed: this owner is from an era long past`);
  }
  if (found) return 'appended';
  if (await files.stat(temporary, signalOption(signal))) return 'again';
  // A rename of ours that came late may have taken the file between the two looks.
  return (await files.stat(target, signalOption(signal))) ? 'again' : 'source-missing';
}

/** The record of that number; null when it is free. */
async function recordAt<R extends ChainRecordHead>(
  files: WarehouseFiles,
  format: AppendContext<R>['format'],
  eraFolder: string,
  sequence: number,
  signal: AbortSignal | undefined,
): Promise<R | null> {
  try {
    return (await readRecord<R>(files, format, eraFolder, sequence, signal)).record;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

const definiteCodes = [
  'permission-denied',
  'unsupported',
  'bad-path',
  'quota-exceeded',
  'not-a-folder',
  'refused-redirect',
];

/** Whether the file system said no: then the rename was not, and will not be, carried out. */
function isDefinite(error: unknown): boolean {
  return error instanceof Error && definiteCodes.includes((error as { code?: string }).code ?? '');
}

async function removeQuietly(files: WarehouseFiles, path: string, signal?: AbortSignal): Promise<void> {
  try {
    await files.delete(path, signalOption(signal));
  } catch {
    // Only rubbish stays behind: a claimant sweeps it once it is old.
  }
}
