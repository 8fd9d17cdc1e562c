import type { LoadOptions } from '../../loader/index.ts';
import { type PlannedPartition, planLoad } from '../../operation/index.ts';
import { BadInputError, createLogger } from '../../shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../warehouse/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatBytes, formatCount, printJson, printTable } from '../output.ts';

/** `sluice load --dry-run`: what would be loaded where. Nothing is changed, neither in the group nor in the warehouse. */
export async function dryRun(
  load: LoadOptions,
  flags: { brokers: string[]; commandConfig?: string; json?: boolean },
  signal: AbortSignal,
): Promise<number> {
  const planned = await withCluster(flags, async (cluster) => {
    const names = new Set((await cluster.topics({ signal }, load.topics)).map(({ name }) => name));
    const missing = load.topics.find((topic) => !names.has(topic));
    if (missing !== undefined) {
      throw new BadInputError(`expected a topic "${missing}" at ${flags.brokers.join(',')}, found none`);
    }
    const files = await openForReading(load);
    try {
      const rollBytes = load.rollBytes ?? 128 * 1024 * 1024;
      return await planLoad(cluster, files, { topics: load.topics, rollBytes, signal });
    } finally {
      await files.close();
    }
  });
  if (flags.json) printJson(planned);
  else print(planned, load);
  return exitCodes.complete;
}

async function openForReading(load: LoadOptions): Promise<WarehouseFiles> {
  const user = load.user === undefined ? {} : { user: load.user };
  return await openWarehouse(load.warehouseUrl, { ...user, access: 'read', logger: createLogger('error') });
}

function print(planned: readonly PlannedPartition[], load: LoadOptions): void {
  printTable(planned, [
    { header: 'TOPIC', cell: ({ topic }) => topic },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'FROM', cell: ({ from }) => String(from), align: 'right' },
    { header: 'TO', cell: ({ to }) => String(to), align: 'right' },
    { header: 'OFFSETS', cell: ({ count }) => formatCount(count), align: 'right' },
    { header: 'EXPIRED', cell: ({ expired }) => (expired === 0n ? '' : formatCount(expired)), align: 'right' },
    { header: 'LOG BYTES', cell: (one) => (one.sample ? `~${formatBytes(bytesOf(one))}` : ''), align: 'right' },
    { header: 'ROLLS', cell: ({ rolls }) => (rolls === 0 ? '' : `${rolls}+`), align: 'right' },
    { header: 'FIRST HOURS (SAMPLE, UTC)', cell: hoursText },
    { header: 'OWNER', cell: ({ owner }) => owner ?? '' },
  ]);
  const total = planned.reduce((sum, { count }) => sum + count, 0n);
  const files = planned.reduce((sum, { rolls, hours }) => sum + rolls * hours, 0);
  process.stdout.write(
    `would load ${formatCount(total)} offsets into ${load.topics.map((topic) => `${load.warehouseUrl}/${topic}`).join(', ')}, ` +
      `at least ${formatCount(files)} files; nothing was changed\n`,
  );
}

function bytesOf({ count, sample }: PlannedPartition): number {
  return Math.round(Number(count) * (sample?.bytesPerRecord ?? 0));
}

function hoursText({ sample }: PlannedPartition): string {
  if (!sample) return '';
  const hour = (ms: bigint): string => new Date(Number(ms)).toISOString().slice(0, 13);
  const [first, last] = [hour(sample.firstMs), hour(sample.lastMs)];
  return first === last ? first : `${first} to ${last}`;
}
