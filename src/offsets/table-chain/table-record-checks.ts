import { addContentHashes } from '../../warehouse/index.ts';
import { countOffsets } from '../offset-intervals.ts';
import { checkConservation, checkRuns } from '../record-checks.ts';
import type { RangeAccount, RewriteRecord, TableFile, TableRecord, TableRepairRecord } from './table-record.ts';
import { partitionKey } from './table-state.ts';

/** What is wrong with a record taken by itself, as one line; null when it can be true. Conservation is checked here. */
export function checkTableRecord(record: TableRecord): string | null {
  if (record.publishedThrough >= record.sequence) {
    return `expected publishedThrough below the record's own number, got ${record.publishedThrough}`;
  }
  if (record.kind === 'intent' && record.scope && record.scope.first >= record.scope.next) {
    return `expected first < next in its scope, got [${record.scope.first}, ${record.scope.next})`;
  }
  if (record.kind === 'repair') return checkRepair(record);
  return record.kind === 'rewrite' ? checkRewrite(record) : null;
}

function checkRewrite(record: RewriteRecord): string | null {
  const { replaced, added, deduplicated, replayed, accounts, operation, undoes } = record;
  const paths = [...replaced, ...added].map((file) => file.path);
  if (new Set(paths).size < paths.length) return 'two files have one path';
  if (new Set(added.map(({ staged }) => staged)).size < added.length) return 'two files are staged at one path';
  for (const file of [...replaced, ...added]) {
    const problem = checkFile(file);
    if (problem) return `${file.path}: ${problem}`;
  }
  for (const { runs } of [...deduplicated, ...replayed]) {
    const problem = runs.length === 0 ? 'a partition without runs' : checkRuns(runs, 0n, 2n ** 63n);
    if (problem) return problem;
  }
  for (const account of accounts) {
    const problem = checkAccount(account);
    if (problem) return problem;
  }
  if ((operation === 'undo') !== (undoes !== null)) return `a rewrite ${operation} that undoes ${undoes}`;
  if (operation === 'retire') return checkRetirement(record);
  if (record.expired || record.hours) return `a rewrite ${operation} takes no hours out`;
  if (operation === 'compact') return checkCompaction(record);
  return operation === 'replay' ? checkReplay(record) : null;
}

/** The rows before are the rows after, but for those that are declared to be double. */
function checkCompaction({ replaced, added, deduplicated }: RewriteRecord): string | null {
  const dropped = deduplicated.reduce((sum, { runs }) => sum + countOffsets(runs), 0n);
  const [before, after] = [rowsOf(replaced), rowsOf(added)];
  if (before !== after + dropped) return `${before} rows before, ${after} after and ${dropped} double ones`;
  if (dropped > 0n) return null;
  const [hashBefore, hashAfter] = [hashOf(replaced), hashOf(added)];
  return hashBefore === hashAfter ? null : `content hash ${hashBefore} before, ${hashAfter} after`;
}

/** Every row of the replaced files is named as expired, and nothing else. */
function checkRetirement(record: RewriteRecord): string | null {
  const { replaced, added, deduplicated, replayed, accounts, expired = [], hours = [] } = record;
  if (added.length + deduplicated.length + replayed.length + accounts.length > 0) return 'a retire only takes rows out';
  if (hours.length + replaced.length === 0) return 'a retire of nothing';
  if (new Set(hours.map(({ hour }) => hour)).size < hours.length) return 'an hour is there twice';
  const rows = new Map<string, bigint>();
  for (const range of replaced.flatMap((file) => file.ranges)) {
    rows.set(partitionKey(range), (rows.get(partitionKey(range)) ?? 0n) + BigInt(range.rowCount));
  }
  for (const { runs, ...place } of expired) {
    const problem = runs.length === 0 ? 'a partition without runs' : checkRuns(runs, 0n, 2n ** 63n);
    if (problem) return `expired: ${problem}`;
    const key = partitionKey(place);
    const [offsets, found] = [countOffsets(runs), rows.get(key) ?? 0n];
    if (offsets !== found) return `${offsets} expired offsets of ${key}, its files hold ${found} rows`;
    rows.delete(key);
  }
  const [unnamed] = rows.keys();
  return unnamed === undefined ? null : `the rows of ${unnamed} are not named as expired`;
}

function checkRepair({ sequence, voids, replaced, added }: TableRepairRecord): string | null {
  if (voids !== sequence - 1) return `expected it to void record ${sequence - 1}, got ${voids}`;
  const [before, after] = [rowsOf(replaced), rowsOf(added)];
  if (before !== after || hashOf(replaced) !== hashOf(added)) return `${before} rows before, ${after} other ones after`;
  return null;
}

function checkReplay({ replaced, added, replayed }: RewriteRecord): string | null {
  if (replaced.length > 0) return 'a replay replaces nothing';
  const offsets = replayed.reduce((sum, { runs }) => sum + countOffsets(runs), 0n);
  const rows = rowsOf(added);
  return rows === offsets ? null : `${offsets} replayed offsets, ${rows} rows`;
}

function checkFile(file: TableFile): string | null {
  const rows = file.ranges.reduce((sum, range) => sum + range.rowCount, 0);
  if (rows !== file.rowCount) return `its ranges hold ${rows} rows, the file ${file.rowCount}`;
  const wrong = file.ranges.find((range) => BigInt(range.rowCount) > range.next - range.first || range.rowCount === 0);
  if (wrong) return `${wrong.rowCount} rows do not fit [${wrong.first}, ${wrong.next})`;
  const hash = file.ranges.map((range) => range.contentHash).reduce(addContentHashes, '0'.repeat(32));
  if (hash !== file.contentHash) return `its ranges have content hash ${hash}, the file ${file.contentHash}`;
  return file.minTimeMs > file.maxTimeMs ? `its times ${file.minTimeMs} to ${file.maxTimeMs} are no range` : null;
}

function checkAccount(account: RangeAccount): string | null {
  const { first, next } = account;
  return first < next ? checkConservation(account) : `expected first < next, got [${first}, ${next})`;
}

export function rowsOf(files: readonly TableFile[]): bigint {
  return files.reduce((sum, file) => sum + BigInt(file.rowCount), 0n);
}

/** Content hash of the rows of all files together. */
export function hashOf(files: readonly { contentHash: string }[]): string {
  return files.map((file) => file.contentHash).reduce(addContentHashes, '0'.repeat(32));
}
