import { BadInputError } from '../../shared/index.ts';
import { type CommittedOffset, type DescribedGroup, isKafkaError, type KafkaCluster } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { type OffsetPosition, resolveOffsets } from './offset-position.ts';
import { type ClusterFlags, withCluster } from './with-cluster.ts';

export interface GroupsFlags extends ClusterFlags {
  json?: boolean;
}

export interface ResetFlags extends GroupsFlags {
  topic: string;
  partition?: number;
  to: OffsetPosition;
  dryRun?: boolean;
  force?: boolean;
}

interface LagRow {
  topic: string;
  partition: number;
  /** null: nothing committed. */
  committed: bigint | null;
  /** null: the topic is gone. */
  end: bigint | null;
  lag: bigint | null;
  /** Member id; null: nobody has the partition now. */
  member: string | null;
  client: string | null;
}

export async function listGroups(flags: GroupsFlags): Promise<number> {
  const groups = await withCluster(flags, (cluster) => cluster.listGroups());
  if (flags.json) printJson(groups);
  else {
    printTable(groups, [
      { header: 'GROUP', cell: (group) => group.groupId },
      { header: 'STATE', cell: (group) => group.state },
      { header: 'PROTOCOL', cell: (group) => group.protocolType },
    ]);
  }
  return exitCodes.complete;
}

export async function describeGroup(groupId: string, flags: GroupsFlags): Promise<number> {
  const { group, rows } = await withCluster(flags, async (cluster) => {
    const described = await existingGroup(cluster, groupId);
    return { group: described, rows: await lagRows(cluster, described) };
  });
  if (flags.json) {
    const { state, protocol, members } = group;
    printJson({ groupId, state, assignor: protocol, members, partitions: rows });
    return exitCodes.complete;
  }
  process.stdout.write(`group ${groupId}  ${group.state}  ${group.members.length} members  ${group.protocol}\n`);
  printTable(rows, [
    { header: 'TOPIC', cell: (row) => row.topic },
    { header: 'PARTITION', cell: (row) => String(row.partition), align: 'right' },
    { header: 'COMMITTED', cell: (row) => row.committed?.toString() ?? '', align: 'right' },
    { header: 'END', cell: (row) => row.end?.toString() ?? '', align: 'right' },
    { header: 'LAG', cell: (row) => (row.lag === null ? '' : formatCount(row.lag)), align: 'right' },
    { header: 'CLIENT', cell: (row) => row.client ?? '' },
    { header: 'MEMBER', cell: (row) => row.member ?? '' },
  ]);
  return exitCodes.complete;
}

export async function deleteGroup(groupId: string, flags: GroupsFlags): Promise<number> {
  await withCluster(flags, (cluster) => cluster.deleteGroup(groupId));
  process.stdout.write(`deleted group ${groupId}\n`);
  return exitCodes.complete;
}

export async function resetOffsets(groupId: string, flags: ResetFlags): Promise<number> {
  const rows = await withCluster(flags, async (cluster) => {
    await checkHasNoMembers(cluster, groupId);
    const changes = await plannedChanges(cluster, groupId, flags);
    // What our broker asks of those who move a pin by hand; others keep it as a remark.
    const metadata = flags.force ? 'sluice.force' : '';
    if (!flags.dryRun) {
      await cluster.commitOffsets(
        groupId,
        changes.map(({ topic, partition, after }) => ({ topic, partition, offset: after, metadata })),
      );
    }
    return changes;
  });
  if (flags.json) printJson(rows);
  else {
    printTable(rows, [
      { header: 'TOPIC', cell: (row) => row.topic },
      { header: 'PARTITION', cell: (row) => String(row.partition), align: 'right' },
      { header: 'BEFORE', cell: (row) => row.before?.toString() ?? '', align: 'right' },
      { header: 'AFTER', cell: (row) => row.after.toString(), align: 'right' },
    ]);
  }
  return exitCodes.complete;
}

async function plannedChanges(
  cluster: KafkaCluster,
  groupId: string,
  { topic, partition: only, to }: ResetFlags,
): Promise<{ topic: string; partition: number; before: bigint | null; after: bigint }[]> {
  const [found] = await cluster.topics({}, [topic]);
  if (!found) throw new BadInputError(`expected an existing topic, got "${topic}"`);
  const all = found.partitions.map(({ partition }) => partition);
  if (only !== undefined && !all.includes(only)) {
    throw new BadInputError(`expected a partition of "${topic}" from 0 to ${all.length - 1}, got ${only}`);
  }
  const partitions = only === undefined ? all : [only];
  const committed = await cluster.fetchOffsets(
    groupId,
    partitions.map((partition) => ({ topic, partition })),
  );
  const after = await resolveOffsets(cluster, topic, partitions, to, { isolation: 'read_uncommitted' });
  return partitions.map((partition) => ({
    topic,
    partition,
    before: committed.find((offset) => offset.partition === partition)?.offset ?? null,
    after: after.get(partition)!,
  }));
}

/** A group that does not exist yet may get offsets too. */
async function checkHasNoMembers(cluster: KafkaCluster, groupId: string): Promise<void> {
  try {
    const { state, members } = await cluster.describeGroup(groupId);
    if (state === 'Empty' || state === 'Dead') return;
    throw new BadInputError(
      `expected a group without members, got "${groupId}", which is ${state} with ${members.length}; stop them first`,
    );
  } catch (error) {
    if (!isKafkaError(error, errorCodes.GROUP_ID_NOT_FOUND)) throw error;
  }
}

async function existingGroup(cluster: KafkaCluster, groupId: string): Promise<DescribedGroup> {
  const group = await cluster.describeGroup(groupId);
  if (group.state !== 'Dead') return group;
  throw new BadInputError(`expected an existing group, got "${groupId}"; sluice groups list shows what there is`);
}

async function lagRows(cluster: KafkaCluster, group: DescribedGroup): Promise<LagRow[]> {
  const committed = await cluster.fetchOffsets(group.groupId);
  const rows = new Map<string, LagRow>(committed.map((offset) => [keyOf(offset), emptyRow(offset, offset.offset)]));
  for (const { memberId, clientId, partitions } of group.members) {
    for (const partition of partitions) {
      const row = rows.get(keyOf(partition)) ?? emptyRow(partition, null);
      rows.set(keyOf(partition), { ...row, member: memberId, client: clientId });
    }
  }
  await addEnds(cluster, [...rows.values()]);
  return [...rows.values()].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  );
}

async function addEnds(cluster: KafkaCluster, rows: readonly LagRow[]): Promise<void> {
  const names = [...new Set(rows.map(({ topic }) => topic))];
  if (names.length === 0) return;
  for (const { name, partitions } of await cluster.topics({}, names)) {
    const mine = rows.filter((row) => row.topic === name && row.partition < partitions.length);
    const numbers = mine.map(({ partition }) => partition);
    const ends = await cluster.listOffsets(name, numbers, 'latest', { isolation: 'read_uncommitted' });
    for (const row of mine) {
      row.end = ends.get(row.partition)!.offset;
      row.lag = row.committed === null ? null : row.end - row.committed;
    }
  }
}

function emptyRow(
  { topic, partition }: Pick<CommittedOffset, 'topic' | 'partition'>,
  committed: bigint | null,
): LagRow {
  return { topic, partition, committed, end: null, lag: null, member: null, client: null };
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`;
}
