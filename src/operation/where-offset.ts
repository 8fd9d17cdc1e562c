import {
  describeOffsets,
  type LedgerRecord,
  type LiveFile,
  liveFiles,
  type OffsetRun,
  type PartitionOffsets,
  type RewriteSummary,
  readHistory,
  TableChain,
} from '../offsets/index.ts';
import { BadInputError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { findRow } from './find-row.ts';

/** Where one offset is, or why it is nowhere. */
export type OffsetPlace =
  /** `row` counts from 0 in the order of the file; `broughtBy`: the commit's sequence, or `rewrite`. */
  | { place: 'file'; file: string; row: number; rowCount: number; broughtBy: string }
  | { place: 'dead-letter'; file: string; line: number; code: string; reason: string }
  /** The record was read and is not a row, for the reason that the class names. */
  | { place: 'filtered' | 'control' | 'gap' | 'deduplicated' | 'expired'; detail: string }
  /** Behind the checkpoint of the ledger. */
  | { place: 'not-committed'; checkpoint: bigint | null }
  | { place: 'before-first'; first: bigint }
  /** The ledger says that it landed, and no file has it. */
  | { place: 'unexplained'; detail: string };

export interface FoundOffset {
  table: string;
  topic: string;
  topicId: string;
  partition: number;
  offset: bigint;
  found: OffsetPlace;
}

interface Question {
  files: WarehouseFiles;
  chain: PartitionOffsets;
  offset: bigint;
  signal: AbortSignal;
}

/** Finds one offset of a topic in the warehouse: reads the partition's chain, the table's chain, and one column of few files. */
export async function whereOffset(
  files: WarehouseFiles,
  asked: { topic: string; partition: number; offset: bigint; table?: string | undefined },
  signal: AbortSignal,
): Promise<FoundOffset[]> {
  const { topic, partition, offset, table } = asked;
  const chains = await describeOffsets(files, { table, topic, partition, signal });
  if (chains.length === 0) {
    throw new BadInputError(
      `expected topic "${topic}", partition ${partition} in ${files.url}, found none that was loaded`,
    );
  }
  const answers: FoundOffset[] = [];
  for (const chain of chains) {
    if (chain.problem) throw chain.problem;
    const found = await placeOf({ files, chain, offset, signal });
    answers.push({ table: chain.table, topic, topicId: chain.topicId, partition, offset, found });
  }
  return answers;
}

async function placeOf(question: Question): Promise<OffsetPlace> {
  const { chain, offset } = question;
  const { first, next } = chain.state!;
  if (next === null || offset >= next) return { place: 'not-committed', checkpoint: next };
  // A backfill brings what was before the first offset of the load.
  const rewritten = await placeByRewrites(question);
  if (rewritten) return rewritten;
  if (first !== null && offset < first) return { place: 'before-first', first };
  const record = await recordOf(question);
  if (record?.kind === 'gap') return { place: 'gap', detail: record.reason };
  if (record?.kind !== 'commit') return { place: 'unexplained', detail: 'no record of the chain has it' };
  return (await placeInCommit(question, record)) ?? (await placeInFiles(question, record.sequence));
}

/** The newest record that moved the checkpoint over the offset. */
async function recordOf({ files, chain, offset, signal }: Question): Promise<LedgerRecord | null> {
  let found: LedgerRecord | null = null;
  for await (const record of readHistory(files, chain, chain.state!, signal)) {
    if (record.kind !== 'commit' && record.kind !== 'gap') continue;
    if (record.first <= offset && offset < record.next) found = record;
  }
  return found;
}

async function placeInCommit(
  question: Question,
  record: Extract<LedgerRecord, { kind: 'commit' }>,
): Promise<OffsetPlace | null> {
  const { offset } = question;
  const { notLanded, deadLetters, sequence } = record;
  if (covers(notLanded.dead, offset) && deadLetters) return await placeInDeadLetters(question, deadLetters.path);
  if (covers(notLanded.filtered, offset)) return { place: 'filtered', detail: `by the filter, in commit ${sequence}` };
  if (covers(notLanded.gaps, offset)) return { place: 'gap', detail: `declared in commit ${sequence}` };
  if (!covers(notLanded.control, offset)) return null;
  const detail = `a transaction marker, an aborted record, or an offset that compaction took, in commit ${sequence}`;
  return { place: 'control', detail };
}

async function placeInDeadLetters({ files, chain, offset, signal }: Question, path: string): Promise<OffsetPlace> {
  const absolute = `${new TablePaths(chain.table).root}/${path}`;
  const lines = (await files.read(absolute, { signal })).toString('utf8').split('\n');
  for (const [line, text] of lines.entries()) {
    if (!text.includes(`"${offset}"`)) continue;
    const letter = JSON.parse(text) as { offset: string; code: string; reason: string };
    if (letter.offset === String(offset)) {
      return { place: 'dead-letter', file: path, line: line + 1, code: letter.code, reason: letter.reason };
    }
  }
  return { place: 'unexplained', detail: `the ledger says that it is in ${path}, which does not have it` };
}

/** What rewrites of the table made of the offset, when they changed its class. */
async function placeByRewrites(question: Question): Promise<OffsetPlace | null> {
  const { files, chain, signal } = question;
  const { state } = await TableChain.open(files, chain.table, { signal });
  const active = [...state.rewrites.values()]
    .filter(({ isActive }) => isActive)
    .sort((a, b) => b.sequence - a.sequence);
  for (const rewrite of active) {
    const place = await placeByRewrite(question, rewrite);
    if (place) return place;
  }
  return null;
}

async function placeByRewrite(question: Question, rewrite: RewriteSummary): Promise<OffsetPlace | null> {
  const { chain, offset } = question;
  const isOurs = (one: { topicId: string; partition: number }): boolean =>
    one.topicId === chain.topicId && one.partition === chain.partition;
  const by = `${rewrite.operation} ${rewrite.sequence} of the table's chain`;
  if (rewrite.deduplicated.some((one) => isOurs(one) && covers(one.runs, offset))) {
    return { place: 'deduplicated', detail: `another row has the same key; left out by ${by}` };
  }
  if (rewrite.expired.some((one) => isOurs(one) && covers(one.runs, offset))) {
    return { place: 'expired', detail: `its hour was past the retention; taken out by ${by}` };
  }
  if (rewrite.replayed.some((one) => isOurs(one) && covers(one.runs, offset)))
    return await placeInFiles(question, null);
  const account = rewrite.accounts.find((one) => isOurs(one) && one.first <= offset && offset < one.next);
  if (!account) return null;
  const { notLanded, deadLetters } = account;
  if (covers(notLanded.dead, offset) && deadLetters) return await placeInDeadLetters(question, deadLetters.path);
  if (covers(notLanded.filtered, offset)) return { place: 'filtered', detail: `by the filter, in ${by}` };
  if (covers(notLanded.control, offset)) return { place: 'control', detail: `in ${by}` };
  if (covers(notLanded.gaps, offset)) return { place: 'gap', detail: `declared in ${by}` };
  return await placeInFiles(question, null);
}

async function placeInFiles(question: Question, sequence: number | null): Promise<OffsetPlace> {
  const { files, chain, offset, signal } = question;
  const candidates: LiveFile[] = [];
  for await (const file of liveFiles(files, chain.table, { signal })) {
    const holds = file.ranges.some(
      ({ topicId, partition, first, next }) =>
        topicId === chain.topicId && partition === chain.partition && first <= offset && offset < next,
    );
    if (holds) candidates.push(file);
  }
  for (const file of candidates) {
    const row = await findRow(files, chain.table, file, { partition: chain.partition, offset }, signal);
    if (row === null) continue;
    const broughtBy = file.sequence === null ? 'rewrite' : `commit ${file.sequence}`;
    return { place: 'file', file: file.path, row, rowCount: file.rowCount, broughtBy };
  }
  const said = sequence === null ? 'a rewrite' : `commit ${sequence}`;
  return {
    place: 'unexplained',
    detail: `${said} says that it landed, and none of ${candidates.length} files has it; run "sluice audit --deep"`,
  };
}

function covers(runs: readonly OffsetRun[], offset: bigint): boolean {
  return runs.some(({ first, next }) => first <= offset && offset < next);
}
