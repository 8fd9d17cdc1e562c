import type {
  CommitRecord,
  EraEndRecord,
  LedgerFile,
  LedgerRecord,
  NotLanded,
  OffsetRun,
  RewindRecord,
} from './ledger-record.ts';
import { countOffsets } from './offset-intervals.ts';

/** What is wrong with a record taken by itself, as one line; null when it can be true. Offset conservation is checked here. */
export function checkRecord(record: LedgerRecord): string | null {
  if (record.publishedThrough >= record.sequence) {
    return `expected publishedThrough below the record's own number, got ${record.publishedThrough}`;
  }
  switch (record.kind) {
    case 'commit':
      return checkCommit(record);
    case 'gap':
      return record.first < record.next ? null : `expected first < next, got [${record.first}, ${record.next})`;
    case 'era-end':
      return checkTotals(record);
    case 'repair':
      return record.voids === record.sequence - 1 ? null : `expected to void the record before, got ${record.voids}`;
    case 'rewind':
      return checkRewind(record);
    default:
      return null;
  }
}

function checkRewind({ from, next, retracts, sequence, totals }: RewindRecord): string | null {
  if (next >= from) return `expected to go back from ${from}, got ${next}`;
  if (retracts.first > retracts.last || retracts.last >= sequence) {
    return `expected earlier records to retract, got ${retracts.first} to ${retracts.last}`;
  }
  const sum = totals.landed + totals.dead + totals.filtered + totals.control + totals.gaps;
  return sum === from - next
    ? null
    : `the retracted records held ${sum} offsets, [${next}, ${from}) has ${from - next}`;
}

function checkCommit(record: CommitRecord): string | null {
  const { first, next, files, deadLetters, landedCount } = record;
  if (first >= next) return `expected first < next, got [${first}, ${next})`;
  for (const file of files) {
    const problem = checkFile(file, record);
    if (problem) return `${file.path}: ${problem}`;
  }
  const paths = [...files.map((file) => file.path), ...(deadLetters ? [deadLetters.path] : [])];
  const staged = [...files.map((file) => file.staged), ...(deadLetters ? [deadLetters.staged] : [])];
  if (new Set(paths).size < paths.length || new Set(staged).size < staged.length) return 'two files have one path';

  const rows = files.reduce((sum, file) => sum + BigInt(file.rowCount), 0n);
  if (rows !== landedCount) return `the files hold ${rows} rows, landedCount says ${landedCount}`;
  return checkConservation(record);
}

/** Every offset of the range is landed or in exactly one class of those that are not, and the dead ones lie in the file of dead letters. */
export function checkConservation(account: {
  first: bigint;
  next: bigint;
  landedCount: bigint;
  notLanded: NotLanded;
  deadLetters: { count: number } | null;
}): string | null {
  const { first, next, landedCount, notLanded, deadLetters } = account;
  const classes = Object.entries(notLanded) as [string, OffsetRun[]][];
  for (const [name, runs] of classes) {
    const problem = checkRuns(runs, first, next);
    if (problem) return `notLanded.${name}: ${problem}`;
  }
  const overlap = findOverlap(classes);
  if (overlap !== null) return `offset ${overlap} is in two classes of notLanded`;
  const absent = classes.reduce((sum, [, runs]) => sum + countOffsets(runs), 0n);
  if (landedCount + absent !== next - first) {
    return `${landedCount} landed + ${absent} not landed is not the ${next - first} offsets of [${first}, ${next})`;
  }
  const dead = countOffsets(notLanded.dead);
  if (dead !== BigInt(deadLetters?.count ?? 0)) {
    return `notLanded.dead covers ${dead} offsets, the dead-letter file holds ${deadLetters?.count ?? 0}`;
  }
  return null;
}

function checkFile(file: LedgerFile, { first, next }: CommitRecord): string | null {
  if (file.firstOffset < first || file.lastOffset >= next || file.firstOffset > file.lastOffset) {
    return `its offsets ${file.firstOffset} to ${file.lastOffset} are not within [${first}, ${next})`;
  }
  if (file.rowCount === 0 || BigInt(file.rowCount) > file.lastOffset - file.firstOffset + 1n) {
    return `${file.rowCount} rows do not fit offsets ${file.firstOffset} to ${file.lastOffset}`;
  }
  return file.minTimeMs > file.maxTimeMs ? `its times ${file.minTimeMs} to ${file.maxTimeMs} are no range` : null;
}

export function checkRuns(runs: readonly OffsetRun[], first: bigint, next: bigint): string | null {
  let end = first;
  for (const run of runs) {
    if (run.first < end || run.first >= run.next || run.next > next) {
      return `expected rising runs within [${end}, ${next}), got [${run.first}, ${run.next})`;
    }
    end = run.next;
  }
  return null;
}

function findOverlap(classes: [string, OffsetRun[]][]): bigint | null {
  const all = classes.flatMap(([, runs]) => runs).sort((a, b) => (a.first < b.first ? -1 : 1));
  for (let i = 1; i < all.length; i++) if (all[i]!.first < all[i - 1]!.next) return all[i]!.first;
  return null;
}

function checkTotals({ first, next, totals, lastCommit, publishedThrough }: EraEndRecord): string | null {
  if (lastCommit && lastCommit.sequence > publishedThrough) {
    return `an era ends only when all its files are visible; commit ${lastCommit.sequence} is not known to be`;
  }
  const sum = totals.landed + totals.dead + totals.filtered + totals.control + totals.gaps;
  return sum === next - first
    ? null
    : `the totals add up to ${sum}, not to the ${next - first} offsets of [${first}, ${next})`;
}
