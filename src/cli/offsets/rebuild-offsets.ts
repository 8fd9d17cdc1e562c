import { knownTopic } from '../../loader/index.ts';
import { type RebuildOptions, type RebuildReport, rebuildLedger } from '../../rewrites/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { parseTableFolder, type WarehouseFiles } from '../../warehouse/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { type ContractFlags, contractSettings, tellDifferences } from '../rewrites/contract-options.ts';
import { openContext, type TableOptions } from '../rewrites/using-table.ts';
import { usingWarehouse } from './warehouse-options.ts';

export interface RebuildFlags extends TableOptions, ContractFlags {
  brokers?: string[];
  commandConfig?: string;
  dryRun?: boolean;
  reason: string;
}

/** `sluice offsets rebuild [TABLE]`: exit code 4 when offsets are left that nothing explains. */
export async function rebuildOffsets(table: string | undefined, flags: RebuildFlags): Promise<number> {
  return await usingWarehouse(flags, flags.dryRun ? 'read' : 'write', async (files) => {
    const tables = table === undefined ? await tableFolders(files) : [table];
    const { brokers } = flags;
    const rebuild = (cluster: KafkaCluster | null): Promise<RebuildReport> =>
      rebuildTables(files, tables, flags, cluster);
    const report = brokers ? await withCluster({ ...flags, brokers }, rebuild) : await rebuild(null);
    if (flags.json) printJson(report);
    else print(report, flags.dryRun ?? false);
    for (const path of report.unknown) process.stderr.write(`sluice: ${path}: not a file of Sluice's, or damaged\n`);
    return report.partitions.some(({ unproven }) => unproven > 0n) ? exitCodes.difference : exitCodes.complete;
  });
}

/** Tables may be found by their folders alone: what makes a table known, its ledger, is lost. */
async function tableFolders(files: WarehouseFiles): Promise<string[]> {
  const names = (await files.list('/')).flatMap(({ name, type }) =>
    type === 'directory' ? [parseTableFolder(name)] : [],
  );
  return names.filter((name) => name !== null);
}

async function rebuildTables(
  files: WarehouseFiles,
  tables: readonly string[],
  flags: RebuildFlags,
  cluster: KafkaCluster | null,
): Promise<RebuildReport> {
  const all: RebuildReport = { partitions: [], unknown: [] };
  for (const table of tables) {
    if (!(await files.stat(`/${table}`)) && !(await tableFolders(files)).includes(table)) {
      throw new BadInputError(`expected a table of ${files.url}, got "${table}"`);
    }
    const source = cluster ? await sourceOf(cluster, table, flags) : null;
    if (source) await tellDifferences(files, table, source.settings);
    const options: RebuildOptions = { source, dryRun: flags.dryRun ?? false, reason: flags.reason };
    const { partitions, unknown } = await rebuildLedger(await openContext(files, table), options);
    all.partitions.push(...partitions);
    all.unknown.push(...unknown.map((path) => `${table}/${path}`));
  }
  return all;
}

async function sourceOf(
  cluster: KafkaCluster,
  table: string,
  flags: RebuildFlags,
): Promise<NonNullable<RebuildOptions['source']>> {
  const clusterId = await cluster.clusterId();
  const topics = (await cluster.topics({}, [table])).map((topic) => knownTopic(topic, clusterId));
  return { cluster, clusterId, topics, settings: await contractSettings(flags) };
}

function print({ partitions }: RebuildReport, isDryRun: boolean): void {
  printTable(partitions, [
    { header: 'TABLE', cell: ({ table }) => table },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'FIRST', cell: ({ first }) => String(first), align: 'right' },
    { header: 'NEXT', cell: ({ next }) => String(next), align: 'right' },
    { header: 'FILES', cell: ({ files }) => formatCount(files), align: 'right' },
    { header: 'LANDED', cell: ({ landed }) => formatCount(landed), align: 'right' },
    { header: 'DEAD', cell: ({ dead }) => formatCount(dead), align: 'right' },
    { header: 'READ AGAIN', cell: ({ reread }) => formatCount(reread), align: 'right' },
    { header: 'UNPROVEN', cell: ({ unproven }) => formatCount(unproven), align: 'right' },
    {
      header: 'WHERE',
      cell: ({ unprovenRuns }) =>
        unprovenRuns
          .slice(0, 3)
          .map(({ first, next }) => `[${first}, ${next})`)
          .join(' '),
    },
  ]);
  const verb = isDryRun ? 'would be written' : 'were written';
  process.stdout.write(`${partitions.length} chains ${verb}; chains that are there were left alone\n`);
}
