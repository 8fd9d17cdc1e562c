import { defaultGroupConfig, type GroupConfig } from '../../../../src/log/coordinator/group-config.ts';
import { GroupCoordinator, type OffsetToCommit } from '../../../../src/log/coordinator/group-coordinator.ts';
import type { LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import { ManualClock, silentLogger } from '../../../../src/shared/index.ts';
import type { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';
import { openSmall, startMs } from '../storage/log-fixture.ts';

export interface CoordinatorFixture {
  readonly coordinator: GroupCoordinator;
  readonly logs: LogManager;
  readonly log: PartitionLog;
  readonly clock: ManualClock;
  close(): Promise<void>;
}

/** A coordinator over a real log on a simulated disk, with topic `t`. */
export async function openCoordinator(
  disk: SimulatedLogFileSystem,
  config: Partial<GroupConfig> = {},
  clock = new ManualClock(startMs),
): Promise<CoordinatorFixture> {
  const logs = await openSmall(disk, { clock });
  if (!logs.topic('t')) await logs.createTopic('t', { partitionCount: 8 });
  const offsets =
    logs.topic('__consumer_offsets') ??
    (await logs.createTopic('__consumer_offsets', {
      partitionCount: 1,
      isInternal: true,
      config: { cleanupPolicy: 'compact', retentionMs: -1, retentionBytes: -1 },
    }));
  const log = offsets.partitions[0]!;
  let nextId = 0;
  const coordinator = await GroupCoordinator.open({
    log,
    config: { ...defaultGroupConfig, initialRebalanceDelayMs: 0, batchBytes: 1_000, ...config },
    clock,
    randomUuid: () => `uuid-${++nextId}`,
    topicIdOf: (topic) => logs.topic(topic)?.topicId,
    logger: silentLogger,
  });
  const close = async (): Promise<void> => {
    coordinator.close();
    await logs.close();
  };
  return { coordinator, logs, log, clock, close };
}

/** Commits as somebody outside the group, or as a member. */
export async function commit(
  { coordinator, logs }: CoordinatorFixture,
  groupId: string,
  offsets: readonly (Partial<OffsetToCommit> & { partition: number; offset: bigint })[],
  member: { memberId: string; generation: number } = { memberId: '', generation: -1 },
): Promise<number> {
  const filled = offsets.map((each) => {
    const topic = each.topic ?? 't';
    return { topic, topicId: logs.topic(topic)!.topicId, leaderEpoch: -1, metadata: '', ...each };
  });
  return await coordinator.commitOffsets(
    groupId,
    { memberId: member.memberId, instanceId: null },
    member.generation,
    filled,
  );
}

/** One member, alone in its group, with an assignment. */
export async function joinAlone(
  { coordinator }: CoordinatorFixture,
  groupId: string,
): Promise<{ memberId: string; generation: number }> {
  const { memberId, generation } = await coordinator.join(groupId, {
    memberId: '',
    instanceId: null,
    clientId: 'c',
    clientHost: '127.0.0.1',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: true,
  });
  await coordinator.sync(groupId, {
    memberId,
    instanceId: null,
    generation,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId, assignment: Buffer.from('all of it') }],
  });
  return { memberId, generation };
}
