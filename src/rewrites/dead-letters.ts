import {
  isRetracted,
  listChains,
  listTopics,
  type NotLanded,
  type OffsetRun,
  PartitionAccounts,
  partitionKey,
  readChain,
  readHistory,
} from '../offsets/index.ts';
import { TablePaths } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

/** A record that could not become a row, as it was in the log. */
export interface DeadLetter {
  topic: string;
  topicId: string;
  partition: number;
  offset: bigint;
  /** Epoch ms of the record. */
  timestamp: bigint;
  code: string;
  reason: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: { name: string; value: Buffer | null }[];
}

/** A dead-letter file and which of its records are dead letters still. */
export interface DeadLetterFile {
  topic: string;
  topicId: string;
  partition: number;
  /** Relative to the table. */
  path: string;
  size: number;
  count: number;
  /** Offsets in it that are neither rows now nor in a range that was read again. */
  dead: OffsetRun[];
}

/**
 * The dead letters of a table, a file at a time: those of the commits, and of ranges that were read again. What a replay has made
 * a row is not among them any more.
 */
export async function* deadLetterFiles(
  { files, table, chain, signal }: RewriteContext,
  only: { partition?: number | undefined } = {},
): AsyncGenerator<DeadLetterFile> {
  const state = await chain.refresh({ signal });
  const topics = await listTopics(files, table, signal);
  for (const id of await listChains(files, table, signal)) {
    if ((only.partition ?? id.partition) !== id.partition) continue;
    const known = topics.find(({ topicId }) => topicId === id.topicId);
    const ledger = await readChain(files, id, known?.topic ?? table, signal);
    const accounts = new PartitionAccounts(state, id);
    const place = { topic: ledger.topic, topicId: id.topicId, partition: id.partition };
    for await (const record of readHistory(files, id, ledger, signal)) {
      if (record.kind !== 'commit' || !record.deadLetters || isRetracted(ledger, record)) continue;
      const { path, size, count } = record.deadLetters;
      // A range that was read again has its own dead letters, in a file of its own.
      const dead = accounts.ownDead(record.first, record.next, record.notLanded);
      if (dead.length > 0) yield { ...place, path, size, count, dead };
    }
    yield* reread(state.rewrites.values(), accounts, place);
  }
}

type Rewrites = Iterable<{
  sequence: number;
  isActive: boolean;
  accounts: readonly {
    topicId: string;
    partition: number;
    first: bigint;
    next: bigint;
    notLanded: NotLanded;
    deadLetters: { path: string; size: number; count: number } | null;
  }[];
}>;

function* reread(
  rewrites: Rewrites,
  accounts: PartitionAccounts,
  place: Pick<DeadLetterFile, 'topic' | 'topicId' | 'partition'>,
): Generator<DeadLetterFile> {
  const claimed: OffsetRun[] = [];
  const active = [...rewrites].filter(({ isActive }) => isActive).sort((a, b) => b.sequence - a.sequence);
  for (const account of active.flatMap((rewrite) => rewrite.accounts)) {
    if (partitionKey(account) !== partitionKey(place)) continue;
    const { first, next, deadLetters } = account;
    const dead = accounts
      .resolve(first, next, { dead: [], filtered: [], control: [], gaps: [] })
      .dead.filter((run) => !claimed.some((other) => other.first < run.next && run.first < other.next));
    claimed.push({ first, next });
    if (!deadLetters || dead.length === 0) continue;
    const { path, size, count } = deadLetters;
    yield { ...place, path, size, count, dead };
  }
}

const pieceBytes = 4 * 1024 * 1024;

/** The records of a file that are dead letters still, in order of their offsets. Memory: a few megabytes. */
export async function* readDeadLetters(
  { files, table, signal }: RewriteContext,
  file: DeadLetterFile,
): AsyncGenerator<DeadLetter> {
  const path = `${new TablePaths(table).root}/${file.path}`;
  let rest = Buffer.alloc(0);
  for (let offset = 0; offset < file.size; offset += pieceBytes) {
    rest = Buffer.concat([rest, await files.read(path, { offset, length: pieceBytes, signal })]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      const letter = parseLetter(rest.toString('utf8', start, end), file.topicId);
      start = end + 1;
      if (file.dead.some((run) => run.first <= letter.offset && letter.offset < run.next)) yield letter;
    }
    rest = rest.subarray(start);
  }
}

function parseLetter(line: string, topicId: string): DeadLetter {
  const json = JSON.parse(line) as {
    topic: string;
    partition: number;
    offset: string;
    timestamp: string;
    code: string;
    reason: string;
    key: string | null;
    value: string | null;
    headers: { name: string; value: string | null }[];
  };
  return {
    topic: json.topic,
    topicId,
    partition: json.partition,
    offset: BigInt(json.offset),
    timestamp: BigInt(json.timestamp),
    code: json.code,
    reason: json.reason,
    key: bytesOf(json.key),
    value: bytesOf(json.value),
    headers: json.headers.map(({ name, value }) => ({ name, value: bytesOf(value) })),
  };
}

function bytesOf(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64');
}
