import { currentPause, describePause } from '../loader/index.ts';
import {
  type CommitRecord,
  describeOwner,
  type LedgerRecord,
  type PartitionOffsets,
  type RollCause,
  readHistory,
  TableChain,
} from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { findPartitions } from './load-operation.ts';

/** One record of a partition's chain in words. */
export interface ExplainedRecord {
  sequence: number;
  atMs: number;
  kind: LedgerRecord['kind'];
  cause: RollCause | null;
  words: string;
}

export interface ExplainedPartition {
  topic: string;
  topicId: string;
  partition: number;
  checkpoint: bigint | null;
  /** Oldest first. */
  records: ExplainedRecord[];
  /** How often each cause rolled among them. */
  causes: Partial<Record<RollCause, number>>;
  /** What the ledger shows to be waited for. */
  waits: string[];
}

export interface ExplainedTable {
  table: string;
  partitions: ExplainedPartition[];
  /** Rewrites that have begun and not ended, and closed hours that are not complete. */
  waits: string[];
}

/** Why files ended where they did, and what is waited for: each roll's cause and each wait, from the ledger alone. */
export async function explainTable(
  files: WarehouseFiles,
  table: string,
  options: { partition?: number | undefined; limit: number; signal: AbortSignal },
): Promise<ExplainedTable> {
  const { partition, limit, signal } = options;
  const found = await findPartitions(files, table, partition, signal);
  const partitions: ExplainedPartition[] = [];
  for (const chain of found) partitions.push(await explainPartition(files, chain, limit, signal));
  return { table, partitions, waits: await tableWaits(files, table, found, signal) };
}

async function explainPartition(
  files: WarehouseFiles,
  chain: PartitionOffsets,
  limit: number,
  signal: AbortSignal,
): Promise<ExplainedPartition> {
  const { topic, topicId, partition, state, problem } = chain;
  const explained: ExplainedPartition = {
    topic,
    topicId,
    partition,
    checkpoint: state?.next ?? null,
    records: [],
    causes: {},
    waits: await partitionWaits(files, chain, signal),
  };
  if (!state) return { ...explained, waits: [`the chain cannot be read: ${describeError(problem)}`] };
  for await (const record of readHistory(files, chain, state, signal)) {
    if (record.kind === 'era-end') continue;
    const cause = record.kind === 'commit' ? record.cause : null;
    explained.records.push({
      sequence: record.sequence,
      atMs: record.writtenAtMs,
      kind: record.kind,
      cause,
      words: recordWords(record),
    });
    if (explained.records.length > limit) explained.records.shift();
  }
  for (const { cause } of explained.records) {
    if (cause !== null) explained.causes[cause] = (explained.causes[cause] ?? 0) + 1;
  }
  return explained;
}

async function partitionWaits(files: WarehouseFiles, chain: PartitionOffsets, signal: AbortSignal): Promise<string[]> {
  const pause = await currentPause(files, chain, signal);
  const waits = pause ? [describePause(pause)] : [];
  if (chain.state && !chain.state.holder && !pause) {
    waits.push('nobody owns it: no load runs, or its group has not given the partition to anybody yet');
  }
  for (const record of chain.state?.pending ?? []) {
    if (record.kind !== 'commit' || (await areVisible(files, chain.table, record, signal))) continue;
    waits.push(`files of commit ${record.sequence} are not visible yet; the owner, or the next one, moves them`);
  }
  return waits;
}

/** The ledger knows only with a later record that a move was made. */
async function areVisible(
  files: WarehouseFiles,
  table: string,
  commit: CommitRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const { root } = new TablePaths(table);
  const found = await Promise.all(commit.files.map(({ path }) => files.stat(`${root}/${path}`, { signal })));
  return !found.includes(null);
}

async function tableWaits(
  files: WarehouseFiles,
  table: string,
  found: readonly PartitionOffsets[],
  signal: AbortSignal,
): Promise<string[]> {
  const { state } = await TableChain.open(files, table, { signal });
  const waits = [...state.intents.values()].map(
    ({ sequence, operation, writer, writtenAtMs, reason }) =>
      `${operation} ${sequence} is under way since ${at(writtenAtMs)} by ${writer.user}@${writer.host}:${writer.pid}: ${reason}`,
  );
  for (const hour of state.hours.values()) {
    if (hour.state !== 'closed' || state.expired.has(hour.hour)) continue;
    const behind = hour.marks.flatMap((mark) => {
      const chain = found.find((one) => one.topicId === mark.topicId && one.partition === mark.partition);
      const checkpoint = chain?.state?.next ?? null;
      if (!chain || (checkpoint !== null && checkpoint >= mark.end)) return [];
      return [`${chain.topic}-${chain.partition} (checkpoint ${checkpoint ?? 'none'}, end ${mark.end})`];
    });
    const what = behind.length > 0 ? `waits for ${behind.join(', ')}` : 'waits for the next look of the closer';
    waits.push(`hour ${hour.hour} is closed since ${at(hour.writtenAtMs)} and not complete: ${what}`);
  }
  return waits;
}

function recordWords(record: LedgerRecord): string {
  switch (record.kind) {
    case 'commit':
      return `[${record.first}, ${record.next}) rolled ${causeWords[record.cause] ?? `by ${record.cause}`}: ${sizeWords(record)}`;
    case 'claim': {
      const overruled = record.takeOver === null ? '' : `, overruling ${record.takeOver}`;
      return `claimed by ${describeOwner(record.owner)}${overruled}`;
    }
    case 'release':
      return `released at ${record.next} by ${describeOwner(record.owner)}`;
    case 'gap':
      return `[${record.first}, ${record.next}) declared a gap: ${record.reason}`;
    case 'repair':
      return `record ${record.voids} declared void: ${record.reason}`;
    default:
      return record.kind;
  }
}

function sizeWords({ files, landedCount, deadLetters }: CommitRecord): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const dead = deadLetters ? `, ${deadLetters.count} dead letters` : '';
  return `${landedCount} rows in ${files.length} files, ${(bytes / 1024 / 1024).toFixed(2)} MB${dead}`;
}

/** What each cause means, for people. */
const causeWords: Readonly<Record<string, string>> = {
  bytes: 'by size: the open files had reached --roll-bytes',
  age: 'by age: the oldest record had waited for --roll-age',
  'end-of-input': 'at the end of a bounded load',
  memory: 'by memory: the budget was spent and this partition held the most',
  revoked: 'because the group gave the partition to another member',
  shutdown: 'because the load was stopped',
  schema: 'because the next records do not fit the columns of the open file',
  requested: 'on request: a bounded load waited for it, or the partition was paused',
  records:
    'by count: the record limit was reached, or the ledger record would have had to list too many runs of offsets',
  schedule: 'on schedule: the aligned moment of --roll-every had come',
  freshness: 'for freshness: a later roll would have missed the target',
  folders: 'by folders: too many time folders were open at once',
};

function at(ms: number): string {
  return new Date(ms).toISOString();
}
