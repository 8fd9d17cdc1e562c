import { knownTopic } from '../../loader/index.ts';
import { backfillRange, type ReloadReport, reloadRange } from '../../rewrites/index.ts';
import { BadInputError } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { type ContractFlags, contractSettings, tellDifferences } from './contract-options.ts';
import { type TableOptions, usingTable } from './using-table.ts';

export interface ReloadFlags extends TableOptions, ContractFlags {
  brokers: string[];
  commandConfig?: string;
  partition: number;
  from: bigint | Date;
  to: bigint | Date;
  reason: string;
}

/** `sluice reload TABLE` and `sluice backfill TABLE`. */
export async function runReload(operation: 'reload' | 'backfill', table: string, flags: ReloadFlags): Promise<number> {
  const settings = await contractSettings(flags);
  return await usingTable(flags, table, async (context) => {
    await tellDifferences(context.files, table, settings);
    const report = await withCluster(flags, async (cluster) => {
      const [found] = await cluster.topics({ signal: context.signal }, [table]);
      if (!found) throw new BadInputError(`expected a topic "${table}" in the cluster, found none`);
      const topic = knownTopic(found, await cluster.clusterId({ signal: context.signal }));
      const { partition, reason } = flags;
      if (!topic.partitions.includes(partition)) {
        throw new BadInputError(`expected a partition of ${table} (${topic.partitions.join(', ')}), got ${partition}`);
      }
      const first = await offsetAt(cluster, table, partition, flags.from, context.signal);
      const next = await offsetAt(cluster, table, partition, flags.to, context.signal);
      const options = { cluster, topic, partition, first, next, settings, reason };
      return operation === 'reload' ? await reloadRange(context, options) : await backfillRange(context, options);
    });
    if (flags.json) printJson(report);
    else print(report);
    return exitCodes.complete;
  });
}

/** A time stands for the first offset at or behind it, or the end of the log. */
async function offsetAt(
  cluster: KafkaCluster,
  topic: string,
  partition: number,
  at: bigint | Date,
  signal: AbortSignal,
): Promise<bigint> {
  if (typeof at === 'bigint') return at;
  const options = { isolation: 'read_committed', signal } as const;
  const found = (await cluster.listOffsets(topic, [partition], BigInt(at.getTime()), options)).get(partition)!.offset;
  if (found >= 0n) return found;
  return (await cluster.listOffsets(topic, [partition], 'latest', options)).get(partition)!.offset;
}

function print(report: ReloadReport): void {
  const { operation, table, partition, first, next, rowsBefore, landed, dead, sequence } = report;
  const before = rowsBefore === null ? '' : ` (before: ${formatCount(rowsBefore)})`;
  process.stdout.write(
    `${operation} of ${table}, partition ${partition}, [${first}, ${next}): ${formatCount(landed)} rows${before}, ` +
      `${formatCount(dead)} dead letters; ${report.replacedFiles} files replaced by ${report.addedFiles}\n` +
      `record ${sequence} of the table's chain; take it back with: sluice undo ${table} --sequence ${sequence}\n`,
  );
}
