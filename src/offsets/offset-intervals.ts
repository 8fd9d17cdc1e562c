import type { OffsetRun } from './ledger-record.ts';

/** Sets of offsets as rising runs [first, next) that do not touch each other. */

export function countOffsets(runs: readonly OffsetRun[]): bigint {
  return runs.reduce((sum, run) => sum + (run.next - run.first), 0n);
}

/** What of the runs lies within [first, next). */
export function clipRuns(runs: readonly OffsetRun[], first: bigint, next: bigint): OffsetRun[] {
  const clipped: OffsetRun[] = [];
  for (const run of runs) {
    const from = run.first < first ? first : run.first;
    const to = run.next > next ? next : run.next;
    if (from < to) clipped.push({ first: from, next: to });
  }
  return clipped;
}

/** The runs without [first, next). */
export function cutRuns(runs: readonly OffsetRun[], first: bigint, next: bigint): OffsetRun[] {
  return runs.flatMap((run) => {
    const before = { first: run.first, next: run.next < first ? run.next : first };
    const behind = { first: run.first > next ? run.first : next, next: run.next };
    return [before, behind].filter((rest) => rest.first < rest.next);
  });
}

/** The runs without all of the others. */
export function subtractRuns(runs: readonly OffsetRun[], others: readonly OffsetRun[]): OffsetRun[] {
  return others.reduce<OffsetRun[]>((rest, { first, next }) => cutRuns(rest, first, next), [...runs]);
}

/** All offsets of both, each once, rising. */
export function joinRuns(runs: readonly OffsetRun[], others: readonly OffsetRun[]): OffsetRun[] {
  const joined: OffsetRun[] = [];
  for (const run of [...runs, ...others].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const last = joined.at(-1);
    if (!last || run.first > last.next) joined.push({ ...run });
    else if (run.next > last.next) last.next = run.next;
  }
  return joined;
}

/** Single offsets, in any order, as runs. */
export function runsOf(offsets: Iterable<bigint>): OffsetRun[] {
  const runs: OffsetRun[] = [];
  for (const offset of [...offsets].sort((a, b) => (a < b ? -1 : 1))) {
    const last = runs.at(-1);
    if (last && offset <= last.next) last.next = offset === last.next ? offset + 1n : last.next;
    else runs.push({ first: offset, next: offset + 1n });
  }
  return runs;
}
