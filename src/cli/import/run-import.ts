import {
  beginChains,
  type ForeignLoader,
  type ForeignPositions,
  type ForeignRange,
  type ImportPlan,
  type ImportTarget,
  planImport,
  readCamusHistory,
  readConnectHdfs,
  readGobblinState,
} from '../../imports/index.ts';
import { knownTopic } from '../../loader/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../warehouse/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { type ClusterFlags, withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface ImportFlags extends ClusterFlags {
  from: string;
  table: string;
  warehouse: string;
  user?: string;
  acceptHoles?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** How many holes or overlaps of a partition are shown one by one. */
const shownRanges = 3;

export async function runImport(loader: ForeignLoader, flags: ImportFlags): Promise<number> {
  const { signal } = stopSignal();
  const found = await readForeign(loader, flags, signal);
  for (const warning of found.warnings) process.stderr.write(`sluice: ${warning}\n`);
  if (found.positions.length === 0) {
    throw new BadInputError(`expected positions of ${loader} for topic "${flags.table}" in ${flags.from}, found none`);
  }
  return await withCluster(flags, async (cluster) => {
    const files = await openWarehouse(flags.warehouse, { access: flags.dryRun ? 'read' : 'write', user: flags.user });
    try {
      const target = await targetOf(flags, cluster, files);
      const plans = await planImport(target, found.positions, signal);
      return await carryOut(loader, flags, target, plans, signal);
    } finally {
      await files.close();
    }
  });
}

async function carryOut(
  loader: ForeignLoader,
  flags: ImportFlags,
  target: ImportTarget,
  plans: readonly ImportPlan[],
  signal: AbortSignal,
): Promise<number> {
  const holes = plans.filter((plan) => plan.holes.length > 0);
  const isBlocked = plans.some(({ obstacle }) => obstacle !== null) || (holes.length > 0 && !flags.acceptHoles);
  const isImported = !isBlocked && !flags.dryRun;
  if (isImported) await beginChains(target, plans, { loader, url: flags.from }, { signal });
  if (flags.json) printJson({ loader, from: flags.from, table: flags.table, imported: isImported, partitions: plans });
  else print(plans);
  const missing = target.partitions.filter((partition) => !plans.some((plan) => plan.partition === partition));
  if (missing.length > 0) {
    process.stderr.write(
      `sluice: no position for partitions ${missing.join(', ')}: they begin at the start of the log\n`,
    );
  }
  for (const { partition, expired } of plans) {
    if (expired > 0n) say(partition, `${expired} offsets expired before they were loaded; load with --on-gap record`);
  }
  for (const { partition, obstacle } of plans) if (obstacle !== null) say(partition, obstacle);
  if (holes.length > 0 && !flags.acceptHoles) {
    process.stderr.write(
      `sluice: ${holes.length} of the partitions have holes; compaction and transactions leave some, a fault leaves others: look, then --accept-holes\n`,
    );
  }
  if (isBlocked) return exitCodes.difference;
  const done = isImported ? 'begun' : 'dry run: nothing changed;';
  process.stderr.write(`${done} ${plans.length} partitions of ${flags.table}\n`);
  return exitCodes.complete;
}

async function readForeign(loader: ForeignLoader, flags: ImportFlags, signal: AbortSignal): Promise<ForeignPositions> {
  const files = await openWarehouse(flags.from, { access: 'read', user: flags.user });
  const progress = progressBar('import', 0, 'files');
  try {
    const options = { signal, onFile: (count: number) => progress.update(count) };
    if (loader === 'kafka-connect-hdfs') return await readConnectHdfs(files, flags.table, options);
    return await (loader === 'camus' ? readCamusHistory : readGobblinState)(files, flags.table, { signal });
  } finally {
    progress.stop();
    await files.close();
  }
}

async function targetOf(flags: ImportFlags, cluster: KafkaCluster, files: WarehouseFiles): Promise<ImportTarget> {
  const clusterId = await cluster.clusterId();
  const [found] = await cluster.topics({}, [flags.table]);
  if (!found) throw new BadInputError(`expected a topic "${flags.table}", found none; see "sluice topics list"`);
  const { topicId, partitions } = knownTopic(found, clusterId);
  return { files, cluster, clusterId, topic: flags.table, topicId, partitions };
}

function print(plans: readonly ImportPlan[]): void {
  printTable(plans, [
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'FIRST', cell: ({ first }) => first?.toString() ?? '', align: 'right' },
    { header: 'NEXT', cell: ({ next }) => next.toString(), align: 'right' },
    { header: 'LOG START', cell: ({ logStart }) => logStart.toString(), align: 'right' },
    { header: 'LOG END', cell: ({ logEnd }) => logEnd.toString(), align: 'right' },
    { header: 'SOURCES', cell: ({ sourceCount }) => formatCount(sourceCount), align: 'right' },
    { header: 'HOLES', cell: ({ holes }) => rangesText(holes) },
    { header: 'OVERLAPS', cell: ({ overlaps }) => rangesText(overlaps) },
  ]);
}

/** `10-19, 40-41 and 7 more`, both ends included. */
function rangesText(ranges: readonly ForeignRange[]): string {
  const shown = ranges.slice(0, shownRanges).map(({ first, next }) => `${first}-${next - 1n}`);
  const more = ranges.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function say(partition: number, text: string): void {
  process.stderr.write(`sluice: partition ${partition}: ${text}\n`);
}
