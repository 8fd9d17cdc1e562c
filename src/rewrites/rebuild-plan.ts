import {
  type CommitInput,
  countOffsets,
  joinRuns,
  type LedgerFile,
  type OffsetRun,
  subtractRuns,
} from '../offsets/index.ts';
import { SluiceError } from '../shared/index.ts';
import type { FoundFile } from './found-files.ts';

/** The exact offsets of a partition's rows in one file. */
export interface FileOffsets {
  file: FoundFile;
  runs: OffsetRun[];
}

/** A dead-letter file and the offsets in it. */
export interface DeadOffsets {
  /** Relative to the table. */
  path: string;
  size: number;
  runs: OffsetRun[];
}

export interface RebuildPlan {
  first: bigint;
  next: bigint;
  /** What the new chain will say, in order and without a hole. */
  commits: Omit<CommitInput, 'leaderEpoch' | 'cause'>[];
  /** Offsets that no file of the chain explains: rows of rewritten files, and what nothing explains. */
  rewritten: OffsetRun[];
  unproven: OffsetRun[];
}

/**
 * Finds the commits again: files that share offsets ranges were one commit, or are made one. Throws SluiceError `double-offsets`
 * when two files hold the same row: then somebody has to say which one is right.
 */
export function planRebuild(
  files: readonly FileOffsets[],
  dead: readonly DeadOffsets[],
  staged: (path: string) => string,
): RebuildPlan | null {
  const own = files.filter(({ file }) => !file.isRewritten);
  const rewritten = files
    .filter(({ file }) => file.isRewritten)
    .flatMap(({ runs }) => runs)
    .reduce<OffsetRun[]>((all, run) => joinRuns(all, [run]), []);
  checkSingle(files);
  const spans = spansOf([
    ...own.map(({ file, runs }) => ({ file, dead: null, runs })),
    ...dead.map((letters) => ({ file: null, dead: letters, runs: letters.runs })),
  ]);
  const all = joinRuns(
    rewritten,
    spans.map(({ first, next }) => ({ first, next })),
  );
  const [first, last] = [all[0], all.at(-1)];
  if (!first || !last) return null;
  const plan: RebuildPlan = { first: first.first, next: last.next, commits: [], rewritten, unproven: [] };
  let at = plan.first;
  for (const span of spans) {
    addCommit(plan, at, span.next, span, staged);
    at = span.next;
  }
  if (at < plan.next) addCommit(plan, at, plan.next, { parts: [] }, staged);
  return plan;
}

interface Part {
  file: FoundFile | null;
  dead: DeadOffsets | null;
  runs: OffsetRun[];
}

interface Span {
  first: bigint;
  next: bigint;
  parts: Part[];
}

/** Files whose offsets overlap belong together; a commit has at most one dead-letter file. */
function spansOf(parts: readonly Part[]): Span[] {
  const spans: Span[] = [];
  const sorted = parts
    .filter(({ runs }) => runs.length > 0)
    .sort((a, b) => (a.runs[0]!.first < b.runs[0]!.first ? -1 : 1));
  for (const part of sorted) {
    const [first, next] = [part.runs[0]!.first, part.runs.at(-1)!.next];
    const last = spans.at(-1);
    if (last && first < last.next) {
      last.parts.push(part);
      if (next > last.next) last.next = next;
    } else spans.push({ first, next, parts: [part] });
  }
  return spans;
}

function addCommit(
  plan: RebuildPlan,
  first: bigint,
  next: bigint,
  { parts }: Pick<Span, 'parts'>,
  staged: (path: string) => string,
): void {
  const letters = parts.flatMap(({ dead }) => (dead ? [dead] : []));
  if (letters.length > 1) {
    throw new SluiceError(
      'ambiguous-files',
      `${letters.map(({ path }) => path).join(', ')}: dead letters of overlapping ranges`,
    );
  }
  const deadRuns = letters.flatMap(({ runs }) => runs);
  const landed = parts
    .filter(({ file }) => file)
    .flatMap(({ runs }) => runs)
    .reduce<OffsetRun[]>((all, run) => joinRuns(all, [run]), []);
  const rest = subtractRuns([{ first, next }], joinRuns(landed, deadRuns));
  plan.unproven.push(...subtractRuns(rest, plan.rewritten));
  const [dead] = letters;
  plan.commits.push({
    first,
    next,
    files: parts.flatMap(({ file }) => (file ? [ledgerFile(file, staged(file.path))] : [])),
    deadLetters: dead
      ? { staged: staged(dead.path), path: dead.path, size: dead.size, count: Number(countOffsets(dead.runs)) }
      : null,
    notLanded: { dead: deadRuns, filtered: [], control: [], gaps: rest },
    landedCount: countOffsets(landed),
  });
}

function ledgerFile(file: FoundFile, staged: string): LedgerFile {
  const { path, size, rowCount, minTimeMs, maxTimeMs, contentHash, schemaId, ranges } = file;
  const { first, next } = ranges[0]!;
  return {
    staged,
    path,
    size,
    firstOffset: first,
    lastOffset: next - 1n,
    rowCount,
    minTimeMs,
    maxTimeMs,
    contentHash,
    schemaId,
  };
}

function checkSingle(files: readonly FileOffsets[]): void {
  let seen: OffsetRun[] = [];
  for (const { file, runs } of files) {
    const fresh = subtractRuns(runs, seen);
    if (countOffsets(fresh) < countOffsets(runs)) {
      throw new SluiceError(
        'double-offsets',
        `${file.path}: holds offsets that another visible file holds too; take one of them away`,
      );
    }
    seen = joinRuns(seen, runs);
  }
}
