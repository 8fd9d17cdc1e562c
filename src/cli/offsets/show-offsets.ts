import { describeOffsets, describeOwner, type PartitionOffsets } from '../../offsets/index.ts';
import { BadInputError, describeError } from '../../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../../warehouse/index.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from './warehouse-options.ts';

export interface ShowOptions extends WarehouseOptions {
  partition?: number;
}

/** `sluice offsets show TOPIC`: everything the ledger knows of the topic's partitions, earlier incarnations included. */
export async function showOffsets(topic: string, options: ShowOptions): Promise<number> {
  return await usingWarehouse(options, 'read', async (files) => {
    await checkTable(files, options.table);
    const filter = { table: options.table, topic, partition: options.partition, withPast: true };
    const found = await describeOffsets(files, filter);
    if (options.json) printJson(found.map(toJson));
    else for (const partition of found) print(partition, await commitsOnTheWay(partition, files));
    if (found.length > 0) return found.some(({ problem }) => problem) ? exitCodes.failed : exitCodes.complete;
    throw nothingLoaded(topic, options);
  });
}

export function nothingLoaded(topic: string, { partition }: ShowOptions): BadInputError {
  const place = partition === undefined ? '' : `partition ${partition} of `;
  return new BadInputError(`expected a topic that was loaded into this warehouse, found nothing of ${place}${topic}`);
}

function toJson({ table, topic, topicId, partition, isCurrent, state, problem }: PartitionOffsets) {
  const place = { table, topic, topicId, partition, isCurrent };
  if (!state) return { ...place, problem: describeError(problem) };
  const { first, next, holder, lastCommit, totals, leaderEpoch, era, sequence, publishedThrough, pending } = state;
  return {
    ...place,
    first,
    checkpoint: next,
    owner: holder?.owner ?? null,
    ownedSince: holder ? new Date(holder.claimedAtMs).toISOString() : null,
    lastCommit: lastCommit && { ...lastCommit, writtenAt: new Date(lastCommit.writtenAtMs).toISOString() },
    totals,
    leaderEpoch,
    era,
    sequence,
    publishedThrough,
    pending: pending.map((record) => record.sequence),
  };
}

/** Commits with files that readers do not see yet. The ledger knows only with the next record that all were moved. */
async function commitsOnTheWay({ table, state }: PartitionOffsets, files: WarehouseFiles): Promise<number[]> {
  const { root } = new TablePaths(table);
  const found: number[] = [];
  for (const record of state?.pending ?? []) {
    const paths = record.kind === 'commit' ? record.files.map(({ path }) => `${root}/${path}`) : [];
    const statuses = await Promise.all(paths.map((path) => files.stat(path)));
    if (statuses.includes(null)) found.push(record.sequence);
  }
  return found;
}

function print(partition: PartitionOffsets, onTheWay: readonly number[]): void {
  const { table, topic, topicId, isCurrent, state, problem } = partition;
  const lines: [string, string][] = [
    ['topic id', `${topicId}${isCurrent ? '' : ' (an earlier incarnation of the topic)'}`],
    ...(state ? stateLines(state, onTheWay) : [['problem', describeError(problem)] as [string, string]]),
  ];
  const body = lines.map(([name, value]) => `  ${name.padEnd(14)}${value}\n`).join('');
  process.stdout.write(`${table}: ${topic}, partition ${partition.partition}\n${body}`);
}

function stateLines(state: NonNullable<PartitionOffsets['state']>, onTheWay: readonly number[]): [string, string][] {
  const { totals, lastCommit, holder } = state;
  const since = holder ? `, since ${new Date(holder.claimedAtMs).toISOString()}` : '';
  const notLanded = `${formatCount(totals.dead)} dead letters, ${formatCount(totals.filtered)} filtered, ${formatCount(totals.control)} control, ${formatCount(totals.gaps)} in gaps`;
  const lines: [string, string][] = [
    ['checkpoint', `${state.next ?? 'none yet'} (began at ${state.first ?? '-'})`],
    ['landed', `${formatCount(totals.landed)} rows in ${formatCount(totals.files)} files; ${notLanded}`],
    ['owner', holder ? `${describeOwner(holder.owner)}${since}` : 'nobody (released)'],
    ['last commit', lastCommit ? lastCommitText(lastCommit) : 'none yet'],
    ['ledger', `record ${state.sequence} in era ${state.era}, leader epoch ${state.leaderEpoch}`],
  ];
  if (onTheWay.length > 0) {
    lines.push([
      'on the way',
      `files of commit ${onTheWay.join(', ')} are not visible yet; the owner, or the next one, moves them`,
    ]);
  }
  return lines;
}

function lastCommitText(last: NonNullable<NonNullable<PartitionOffsets['state']>['lastCommit']>): string {
  const time = last.maxTimeMs === null ? '' : `, newest event ${new Date(Number(last.maxTimeMs)).toISOString()}`;
  return `record ${last.sequence} at ${new Date(last.writtenAtMs).toISOString()}, rolled by ${last.cause}${time}`;
}
