import { type AuditReport, auditWarehouse, knownTopic, type LogBounds, readLogBounds } from '../../loader/index.ts';
import { describeOffsets } from '../../offsets/index.ts';
import { compareWithLog, type LogComparison } from '../../rewrites/index.ts';
import { silentLogger } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { KafkaCluster } from '../../wire/client/index.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { type ContractFlags, contractSettings, tellDifferences } from '../rewrites/contract-options.ts';
import { openContext } from '../rewrites/using-table.ts';
import { stopSignal } from '../signals.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from './warehouse-options.ts';

export interface AuditCommandOptions extends WarehouseOptions, ContractFlags {
  deep?: boolean;
  /** False: with `brokers`, compare the checkpoints only. */
  records: boolean;
}

/** `sluice audit`: exit code 4 when the warehouse is not what the ledger (and with --brokers the log) says. */
export async function runAudit(options: AuditCommandOptions): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(options, 'read', async (files) => {
    await checkTable(files, options.table);
    const progress = progressBar('audit', 0, 'files');
    let report: AuditReport;
    try {
      const logBounds = options.brokers
        ? await logBoundsOf({ ...options, brokers: options.brokers }, files, signal)
        : undefined;
      const { table, deep } = options;
      report = await auditWarehouse(files, {
        table,
        deep,
        logBounds,
        signal,
        onFile: (count) => progress.update(count),
      });
    } finally {
      progress.stop();
    }
    const comparisons = options.records && options.brokers ? await compareAll(options, options.brokers, files) : [];
    const isOk = report.ok && comparisons.every(({ problems }) => problems.length === 0);
    if (options.json) printJson(auditJson(isOk, report, comparisons));
    else print(report, options);
    if (!options.json && comparisons.length > 0) printComparisons(comparisons);
    for (const { table, topic, partition, message } of report.problems) {
      const place = [table, topic, partition === null ? null : `partition ${partition}`].filter(Boolean).join(', ');
      process.stderr.write(`${place === '' ? '' : `${place}: `}${message}\n`);
    }
    for (const { table, partition, problems } of comparisons) {
      for (const problem of problems) process.stderr.write(`${table}, partition ${partition}: ${problem}\n`);
    }
    if (comparisons.some(({ problems }) => problems.length > 0)) {
      process.stderr.write(
        `records were made rows ${describeReading(options)}: a load with another contract or format made others\n`,
      );
    }
    return isOk ? exitCodes.complete : exitCodes.difference;
  });
}

function describeReading({ columns, format }: AuditCommandOptions): string {
  const said = [columns && `by contract ${columns}`, format && `by format ${format}`].filter(Boolean);
  return said.length > 0 ? said.join(', ') : "as the table's newest load made them";
}

/** Every record of the log once more, by the contract: its rows against the table's, by number and content hash. */
async function compareAll(
  options: AuditCommandOptions,
  brokers: string[],
  files: WarehouseFiles,
): Promise<LogComparison[]> {
  const settings = await contractSettings(options);
  const found: LogComparison[] = [];
  await withCluster({ ...options, brokers }, async (cluster) => {
    const clusterId = await cluster.clusterId();
    const chains = await describeOffsets(files, { table: options.table });
    for (const table of new Set(chains.map((chain) => chain.table))) {
      await tellDifferences(files, table, settings);
      const context = await openContext(files, table);
      const [known] = await cluster.topics({ signal: context.signal }, [table]);
      if (!known) continue; // said already: the cluster has no such partition
      const topic = knownTopic(known, clusterId);
      for (const chain of chains) {
        if (chain.table !== table || chain.topicId !== topic.topicId) continue;
        const comparison = await compareWithLog(context, { cluster, topic, settings }, chain.partition);
        if (comparison) found.push(comparison);
      }
    }
  });
  return found;
}

/** What rewrites made of offsets is only there where there is something of it, and `log` only where the log was compared. */
function auditJson(ok: boolean, report: AuditReport, comparisons: readonly LogComparison[]): object {
  const partitions = report.partitions.map(({ deduplicated, expired, backfilled, replayed, ...partition }) => ({
    ...partition,
    ...(deduplicated > 0n && { deduplicated }),
    ...(expired > 0n && { expired }),
    ...(backfilled > 0n && { backfilled }),
    ...(replayed > 0n && { replayed }),
  }));
  return { ok, partitions, ...(comparisons.length > 0 && { log: comparisons }) };
}

function printComparisons(comparisons: readonly LogComparison[]): void {
  process.stdout.write('\n');
  printTable(comparisons, [
    { header: 'TABLE', cell: ({ table }) => table },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'LOG FROM', cell: ({ first }) => String(first), align: 'right' },
    { header: 'TO', cell: ({ next }) => String(next), align: 'right' },
    { header: 'ROWS OF LOG', cell: ({ logRows }) => formatCount(logRows), align: 'right' },
    { header: 'OF TABLE', cell: ({ tableRows }) => formatCount(tableRows), align: 'right' },
    { header: 'HASH OF LOG', cell: ({ logHash }) => logHash },
    { header: 'OF TABLE', cell: ({ tableHash }) => tableHash },
  ]);
}

async function logBoundsOf(
  options: AuditCommandOptions & { brokers: string[] },
  files: WarehouseFiles,
  signal: AbortSignal,
): Promise<LogBounds[]> {
  const topics = (await describeOffsets(files, { table: options.table, signal })).map(({ topic }) => topic);
  const cluster = new KafkaCluster({
    brokers: options.brokers,
    clientConfig: clientConfigOf(options, options.config ?? null),
    clientId: 'sluice-audit',
    logger: silentLogger,
  });
  try {
    return await readLogBounds(cluster, topics, signal);
  } finally {
    await cluster.close();
  }
}

function print(report: AuditReport, { deep: isDeep = false, brokers, records }: AuditCommandOptions): void {
  printTable(report.partitions, [
    { header: 'TABLE', cell: ({ table }) => table },
    { header: 'TOPIC', cell: ({ topic }) => topic },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'FIRST', cell: ({ first }) => String(first), align: 'right' },
    { header: 'NEXT', cell: ({ next }) => String(next), align: 'right' },
    { header: 'LANDED', cell: ({ landed }) => String(landed), align: 'right' },
    { header: 'DEAD', cell: ({ dead }) => String(dead), align: 'right' },
    { header: 'FILTERED', cell: ({ filtered }) => String(filtered), align: 'right' },
    { header: 'CONTROL', cell: ({ control }) => String(control), align: 'right' },
    { header: 'GAPS', cell: ({ gaps }) => String(gaps), align: 'right' },
    { header: 'DOUBLES', cell: ({ deduplicated }) => String(deduplicated), align: 'right' },
    { header: 'EXPIRED', cell: ({ expired }) => String(expired), align: 'right' },
    { header: 'BACKFILL', cell: ({ backfilled }) => String(backfilled), align: 'right' },
    { header: 'MISSING', cell: ({ missing }) => (isDeep ? String(missing.length) : ''), align: 'right' },
    { header: 'DOUBLE', cell: ({ double }) => (isDeep ? String(double.length) : ''), align: 'right' },
  ]);
  const landed = report.partitions.reduce((sum, partition) => sum + partition.landed, 0n);
  const depth = isDeep ? 'every offset was read' : 'by ledger and footers; --deep reads every offset';
  const log = brokers && !records ? '; the checkpoints agree with the log' : '';
  const result = report.ok ? 'nothing is missing, nothing is double' : `${report.problems.length} problems`;
  process.stdout.write(
    `${formatCount(landed)} rows in ${report.partitions.length} partitions: ${result} (${depth}${report.ok ? log : ''})\n`,
  );
}
