import { type KnownTopic, RangeLoader, type RangeLoadSettings } from '../loader/index.ts';
import {
  countOffsets,
  liveFiles,
  PartitionAccounts,
  type PartitionRange,
  partitionKey,
  readChain,
  SchemaStore,
  type TableFile,
} from '../offsets/index.ts';
import { addContentHashes, copyToLocal, FileMerger, TablePaths } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import { largest } from './merged-file.ts';
import type { RewriteContext } from './rewrite-context.ts';

export interface LogComparison {
  table: string;
  topic: string;
  partition: number;
  /** Offsets that both the log and the table have. */
  first: bigint;
  next: bigint;
  /** Rows that the log's records become, and rows that the table has. */
  logRows: bigint;
  tableRows: bigint;
  logHash: string;
  tableHash: string;
  /** Rows of the table that have expired: the log's records become rows, and the table has them no more. Only where there are any. */
  expiredRows?: bigint;
  /** Differences, a line each. */
  problems: string[];
}

const zero = '0'.repeat(32);

/**
 * Reads every record of a partition from the log once more, by the contract of today, and compares what becomes of it with the
 * rows that the table has: their number and their content hash, which does not depend on the order. The table's side is read from
 * the files where they reach beyond what the log still has, and taken from the records of the ledger (which `audit` has compared with
 * the files) elsewhere. Null: there is nothing that both have.
 */
export async function compareWithLog(
  context: RewriteContext,
  source: { cluster: KafkaCluster; topic: KnownTopic; settings: RangeLoadSettings },
  partition: number,
): Promise<LogComparison | null> {
  const { files, table, chain, signal } = context;
  const { cluster, topic, settings } = source;
  const ledger = await readChain(files, { table, topicId: topic.topicId, partition }, topic.name, signal);
  if (ledger.first === null || ledger.next === null) return null;
  const options = { isolation: 'read_committed', signal } as const;
  const start = (await cluster.listOffsets(topic.name, [partition], 'earliest', options)).get(partition)!.offset;
  const range = {
    topicId: topic.topicId,
    partition,
    first: largest([start, ledger.first]),
    next: ledger.next,
  };
  if (range.first >= range.next) return null;
  const log = { rows: 0n, hash: zero };
  const loader = await RangeLoader.open(files, topic, { ...settings, isTrial: true }, context);
  try {
    for await (const roll of loader.read(cluster, topic, partition, range)) {
      log.rows += roll.landedCount;
      for (const { contentHash } of roll.files) log.hash = addContentHashes(log.hash, contentHash);
    }
  } finally {
    await loader.close();
  }
  const found = await tableRows(context, range, settings.scratchDirectory);
  const accounts = new PartitionAccounts(await chain.refresh({ signal }), range);
  const expired = accounts.expiredRows(range.first, range.next);
  const problems = differences(log, found, { ...countsOf(accounts, range), expired });
  const place = { table, topic: topic.name, partition, first: range.first, next: range.next };
  return {
    ...place,
    logRows: log.rows,
    tableRows: found.rows,
    logHash: log.hash,
    tableHash: found.hash,
    ...(expired.count > 0n && { expiredRows: expired.count }),
    problems,
  };
}

interface Rows {
  rows: bigint;
  hash: string;
}

/** Rows that a compaction left out, and dead letters that were repaired: the log knows nothing of either. */
function countsOf(accounts: PartitionAccounts, { first, next }: PartitionRange): { doubles: bigint; replayed: bigint } {
  const { deduplicated } = accounts.resolve(first, next, { dead: [], filtered: [], control: [], gaps: [] });
  return { doubles: countOffsets(deduplicated), replayed: countOffsets(accounts.replayed) };
}

interface Besides {
  doubles: bigint;
  replayed: bigint;
  expired: ReturnType<PartitionAccounts['expiredRows']>;
}

function differences(log: Rows, found: Rows, { doubles, replayed, expired }: Besides): string[] {
  const rows = found.rows + expired.count;
  const had = expired.count === 0n ? '' : ` and ${expired.count} have expired`;
  if (doubles === 0n && replayed === 0n) {
    const problems: string[] = [];
    if (log.rows !== rows) problems.push(`the log's records are ${log.rows} rows, the table has ${found.rows}${had}`);
    // Of rows that expired only in part within this range nobody knows the hash any more: then the number must do.
    const hash = expired.contentHash === null ? null : addContentHashes(found.hash, expired.contentHash);
    if (hash !== null && log.hash !== hash)
      problems.push(`the log's rows have content hash ${log.hash}, the table's ${hash}`);
    return problems;
  }
  // Which of the replayed ones the contract accepts by itself today is not known: then only the bounds can be told.
  const least = log.rows - doubles;
  const isPossible = rows >= least && rows <= least + replayed;
  if (isPossible) return [];
  return [
    `the log's records are ${log.rows} rows, the table has ${found.rows}${had}, with ${doubles} doubles left out and ${replayed} replayed`,
  ];
}

async function tableRows(context: RewriteContext, range: PartitionRange, scratchDirectory?: string): Promise<Rows> {
  const { files, table, signal } = context;
  const merger = new FileMerger({ scratchDirectory });
  const found = { rows: 0n, hash: zero };
  const add = (rowCount: number, contentHash: string): void => {
    found.rows += BigInt(rowCount);
    found.hash = addContentHashes(found.hash, contentHash);
  };
  try {
    for await (const file of liveFiles(files, table, { signal })) {
      for (const own of file.ranges) {
        if (partitionKey(own) !== partitionKey(range) || own.next <= range.first || own.first >= range.next) continue;
        if (own.first >= range.first && own.next <= range.next) add(own.rowCount, own.contentHash);
        else for (const facts of await readPart(context, merger, file, range)) add(facts.rowCount, facts.contentHash);
      }
    }
    return found;
  } finally {
    await merger.close();
  }
}

async function readPart(context: RewriteContext, merger: FileMerger, file: TableFile, range: PartitionRange) {
  const { files, table, signal } = context;
  await merger.open();
  const copy = merger.newPath('.parquet');
  await copyToLocal(files, `${new TablePaths(table).root}/${file.path}`, copy, file.size, signal);
  const schema = await new SchemaStore(files, table).read(file.schemaId, { signal });
  const condition = `_partition = ${range.partition} AND _offset >= ${range.first} AND _offset < ${range.next}`;
  try {
    return await merger.facts([copy], schema, { condition, signal });
  } finally {
    await merger.remove([copy]);
  }
}
