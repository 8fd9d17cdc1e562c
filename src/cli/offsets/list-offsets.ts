import {
  currentPause,
  describePause,
  type LogBounds,
  type PartitionPause,
  readLogBounds,
  readTimesAt,
} from '../../loader/index.ts';
import { describeOffsets, describeOwner, type PartitionOffsets } from '../../offsets/index.ts';
import { describeError, silentLogger } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { KafkaCluster } from '../../wire/client/index.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { exitCodes, formatDuration, printJson, printTable } from '../output.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from './warehouse-options.ts';

/** A line of `sluice offsets list --json`. Offsets are decimal strings, times RFC 3339; null: not known. */
interface OffsetsLine {
  table: string;
  topic: string;
  partition: number;
  checkpoint: string | null;
  logStart: string | null;
  logEnd: string | null;
  lag: string | null;
  owner: string | null;
  lastCommitAt: string | null;
  cause: string | null;
  /** Who paused it, when and why; only there when it is paused. */
  pause?: PartitionPause;
}

/** Besides the line: what only people are shown. */
interface ListedPartition {
  line: OffsetsLine;
  lagMs: number | null;
  problem: string | null;
}

export async function listOffsets(options: WarehouseOptions): Promise<number> {
  return await usingWarehouse(options, 'read', async (files) => {
    await checkTable(files, options.table);
    const partitions = await describeOffsets(files, { table: options.table });
    const pauses = await Promise.all(partitions.map((partition) => currentPause(files, partition)));
    const listed = options.brokers
      ? await withLog(partitions, { ...options, brokers: options.brokers }, files)
      : partitions.map((partition) => listedPartition(partition, null, null));
    for (const [i, { line }] of listed.entries()) if (pauses[i]) line.pause = pauses[i];
    if (options.json) printJson(listed.map(({ line }) => line));
    else print(listed);
    const problems = listed.flatMap(({ problem }) => problem ?? []);
    for (const problem of problems) process.stderr.write(`sluice: ${problem}\n`);
    return problems.length > 0 ? exitCodes.failed : exitCodes.complete;
  });
}

async function withLog(
  partitions: readonly PartitionOffsets[],
  options: WarehouseOptions & { brokers: string[] },
  files: WarehouseFiles,
): Promise<ListedPartition[]> {
  const cluster = new KafkaCluster({
    brokers: options.brokers,
    clientConfig: clientConfigOf(options, options.config ?? null),
    clientId: 'sluice-offsets',
    logger: silentLogger,
  });
  try {
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const bounds = new Map((await readLogBounds(cluster, topics)).map((found) => [keyOf(found), found]));
    const behind = partitions.flatMap(({ topic, topicId, partition, state }) => {
      const log = bounds.get(keyOf({ topicId, partition }));
      const offset = state?.next ?? null;
      return log && offset !== null && offset >= log.start && offset < log.end ? [{ topic, partition, offset }] : [];
    });
    const times = await readTimesAt(cluster, behind);
    const nowMs = await files.nowMs();
    return partitions.map((partition) => {
      const log = bounds.get(keyOf(partition)) ?? null;
      const oldestMs = times.get(`${partition.topic}/${partition.partition}`);
      const isThere = log !== null && partition.state?.next === log.end;
      return listedPartition(
        partition,
        log,
        isThere ? 0 : oldestMs === undefined ? null : Math.max(0, nowMs - Number(oldestMs)),
      );
    });
  } finally {
    await cluster.close();
  }
}

function keyOf({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}/${partition}`;
}

function listedPartition(found: PartitionOffsets, log: LogBounds | null, lagMs: number | null): ListedPartition {
  const { table, topic, partition, state, problem } = found;
  const checkpoint = state?.next ?? null;
  const last = state?.lastCommit ?? null;
  const line: OffsetsLine = {
    table,
    topic,
    partition,
    checkpoint: checkpoint?.toString() ?? null,
    logStart: log?.start.toString() ?? null,
    logEnd: log?.end.toString() ?? null,
    lag: log ? (log.end - (checkpoint ?? log.start)).toString() : null,
    owner: state?.holder ? describeOwner(state.holder.owner) : null,
    lastCommitAt: last ? new Date(last.writtenAtMs).toISOString() : null,
    cause: last?.cause ?? null,
  };
  return { line, lagMs, problem: problem && describeError(problem) };
}

function print(listed: readonly ListedPartition[]): void {
  if (listed.length === 0) {
    process.stdout.write('no partition has been loaded into this warehouse yet\n');
    return;
  }
  printTable(listed, [
    { header: 'TABLE', cell: ({ line }) => line.table },
    { header: 'TOPIC', cell: ({ line }) => line.topic },
    { header: 'PARTITION', cell: ({ line }) => String(line.partition), align: 'right' },
    {
      header: 'CHECKPOINT',
      cell: ({ line, problem }) => line.checkpoint ?? (problem ? 'unreadable' : ''),
      align: 'right',
    },
    { header: 'LOG START', cell: ({ line }) => line.logStart ?? '', align: 'right' },
    { header: 'LOG END', cell: ({ line }) => line.logEnd ?? '', align: 'right' },
    { header: 'LAG', cell: ({ line }) => line.lag ?? '', align: 'right' },
    { header: 'LAG TIME', cell: ({ lagMs }) => (lagMs === null ? '' : formatDuration(lagMs)), align: 'right' },
    { header: 'LAST COMMIT', cell: ({ line }) => line.lastCommitAt ?? '' },
    { header: 'CAUSE', cell: ({ line }) => line.cause ?? '' },
    { header: 'OWNER', cell: ({ line }) => line.owner ?? (line.pause ? describePause(line.pause) : '') },
  ]);
}
