import { type AuditReport, auditWarehouse, type LogBounds, readLogBounds } from '../../loader/index.ts';
import { describeOffsets } from '../../offsets/index.ts';
import { silentLogger } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { KafkaCluster } from '../../wire/client/index.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { exitCodes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { usingWarehouse, type WarehouseOptions } from './warehouse-options.ts';

export interface AuditCommandOptions extends WarehouseOptions {
  deep?: boolean;
}

/** `sluice audit`: exit code 4 when the warehouse is not what the ledger (and with --brokers the log) says. */
export async function runAudit(options: AuditCommandOptions): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(options, 'read', async (files) => {
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
    if (options.json) printJson({ ok: report.ok, partitions: report.partitions });
    else print(report, options.deep ?? false);
    for (const { table, topic, partition, message } of report.problems) {
      const place = [table, topic, partition === null ? null : `partition ${partition}`].filter(Boolean).join(', ');
      process.stderr.write(`${place === '' ? '' : `${place}: `}${message}\n`);
    }
    return report.ok ? exitCodes.complete : exitCodes.difference;
  });
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

function print(report: AuditReport, isDeep: boolean): void {
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
    { header: 'BACKFILL', cell: ({ backfilled }) => String(backfilled), align: 'right' },
    { header: 'MISSING', cell: ({ missing }) => (isDeep ? String(missing.length) : ''), align: 'right' },
    { header: 'DOUBLE', cell: ({ double }) => (isDeep ? String(double.length) : ''), align: 'right' },
  ]);
  const landed = report.partitions.reduce((sum, partition) => sum + partition.landed, 0n);
  const depth = isDeep ? 'every offset was read' : 'by ledger and footers; --deep reads every offset';
  const result = report.ok ? 'nothing is missing, nothing is double' : `${report.problems.length} problems`;
  process.stdout.write(`${formatCount(landed)} rows in ${report.partitions.length} partitions: ${result} (${depth})\n`);
}
