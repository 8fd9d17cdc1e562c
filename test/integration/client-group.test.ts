// Promises of a group member when the coordinator fences it, forgets it, is slow or is not there. Rebalances between real
// members are tested against real brokers (test/real/client-group.test.ts).
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { encodeAssignment } from '../../src/wire/client/consumer-protocol.ts';
import {
  GroupMember,
  type GroupMemberOptions,
  KafkaCluster,
  type TopicPartition,
} from '../../src/wire/client/index.ts';
import { apiKeys, errorCodes } from '../../src/wire/index.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

let broker: ScriptedBroker;
let cluster: KafkaCluster;
let member: GroupMember;
let calls: string[];

/** What the coordinator does; the tests change it. */
let coordinator: {
  generation: number;
  memberId: string;
  partitions: number[];
  heartbeat: number;
  commit: number;
  join: number;
  beforeJoin: (() => Promise<void>) | null;
};

beforeEach(async () => {
  calls = [];
  coordinator = {
    generation: 0,
    memberId: 'm-1',
    partitions: [0, 1],
    heartbeat: 0,
    commit: 0,
    join: 0,
    beforeJoin: null,
  };
  broker = await ScriptedBroker.start();
  broker.setTopic('t', 'a'.repeat(32), [
    [1, 0],
    [1, 0],
  ]);
  broker.on(apiKeys.JoinGroup, async (request) => {
    await coordinator.beforeJoin?.();
    if (coordinator.join !== 0)
      return { errorCode: coordinator.join, memberId: coordinator.memberId, protocolName: '' };
    if (request.memberId === '')
      return { errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: coordinator.memberId, protocolName: '' };
    coordinator.generation++;
    const members = [{ memberId: request.memberId, metadata: request.protocols[0]!.metadata }];
    const { name: protocolName } = request.protocols[0]!;
    return {
      generationId: coordinator.generation,
      leader: request.memberId,
      memberId: request.memberId,
      members,
      protocolName,
    };
  });
  broker.on(apiKeys.SyncGroup, () => ({
    assignment: encodeAssignment(coordinator.partitions.map((partition) => ({ topic: 't', partition }))),
  }));
  broker.on(apiKeys.Heartbeat, () => ({ errorCode: coordinator.heartbeat }));
  broker.on(apiKeys.LeaveGroup, () => ({ members: [] }));
  broker.on(apiKeys.OffsetCommit, (request) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: coordinator.commit })),
    })),
  }));
  cluster = new KafkaCluster({
    brokers: [broker.address],
    clientId: 'test',
    retryTimeoutMs: 1_000,
    logger: silentLogger,
  });
});

afterEach(async () => {
  await member?.close();
  await cluster.close();
  await broker.stop();
});

const note =
  (name: string) =>
  (partitions: TopicPartition[]): void =>
    void calls.push(`${name} ${partitions.map(({ partition }) => partition).join(' ')}`);

function start(options: Partial<GroupMemberOptions> = {}): GroupMember {
  member = new GroupMember({
    cluster,
    groupId: 'g',
    topics: ['t'],
    sessionTimeoutMs: 600,
    rebalanceTimeoutMs: 5_000,
    heartbeatIntervalMs: 30,
    onAssigned: note('assigned'),
    onRevoked: note('revoked'),
    onLost: note('lost'),
    onFatal: (error) => void calls.push(`fatal ${(error as { code?: string }).code}`),
    ...options,
  });
  member.start();
  return member;
}

async function until(test: () => boolean, timeoutMs = 5_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!test()) {
    if (performance.now() > endMs) throw new Error(`waited too long for ${test}; calls: ${calls.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const joins = () => broker.of(apiKeys.JoinGroup).map(({ message }) => message);

describe('a member', () => {
  it('joins with the id it is given (KIP-394), assigns as the leader, and beats', async () => {
    start();
    await until(() => calls.length === 1 && broker.of(apiKeys.Heartbeat).length > 2);
    expect(calls).toEqual(['assigned 0 1']);
    expect(joins().map(({ memberId }) => memberId)).toEqual(['', 'm-1']);
    expect(joins()[1]).toMatchObject({
      sessionTimeoutMs: 600,
      protocols: [{ name: 'cooperative-sticky' }],
      protocolType: 'consumer',
    });
    const [sync] = broker.of(apiKeys.SyncGroup);
    expect(sync!.message.assignments.map(({ memberId }) => memberId)).toEqual(['m-1']);
    expect(broker.of(apiKeys.Heartbeat)[0]!.message).toMatchObject({ generationId: 1, memberId: 'm-1' });
    expect(member.generation).toBe(1);
  });

  it('gives up what it owns before it leaves', async () => {
    start();
    await until(() => calls.length === 1);
    await member.close();
    expect(calls).toEqual(['assigned 0 1', 'revoked 0 1']);
    expect(broker.of(apiKeys.LeaveGroup)[0]!.message.members[0]).toMatchObject({ memberId: 'm-1' });
    expect(member.generation).toBe(-1);
  });

  it('that is static stays in the group when it closes, so that a quick restart moves nothing (KIP-345)', async () => {
    start({ instanceId: 'worker-1' });
    await until(() => calls.length === 1);
    await member.close();
    expect(broker.of(apiKeys.LeaveGroup)).toEqual([]);
    expect(joins().at(-1)).toMatchObject({ groupInstanceId: 'worker-1' });
  });

  it('keeps beating while a callback takes its time', async () => {
    let release: () => void = () => {};
    start({ onAssigned: () => new Promise<void>((resolve) => (release = resolve)) });
    await until(() => broker.of(apiKeys.SyncGroup).length === 1);
    const before = broker.of(apiKeys.Heartbeat).length;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(broker.of(apiKeys.Heartbeat).length).toBeGreaterThan(before + 3);
    expect(member.isSuspect).toBe(false);
    release();
  });

  it('rejoins when the group rebalances, telling what it owns and of which generation', async () => {
    start();
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.REBALANCE_IN_PROGRESS;
    coordinator.partitions = [1];
    await until(() => coordinator.generation >= 2);
    coordinator.heartbeat = 0;
    await until(() => calls.length === 2 && coordinator.generation >= 3);
    expect(calls).toEqual(['assigned 0 1', 'revoked 0']);
    const { decodeSubscription } = await import('../../src/wire/client/consumer-protocol.ts');
    const told = joins()
      .slice(2)
      .map(({ protocols }) => decodeSubscription(protocols[0]!.metadata));
    expect(told[0]).toMatchObject({ generation: 1, ownedPartitions: [{ partition: 0 }, { partition: 1 }] });
    expect(told.at(-1)).toMatchObject({ ownedPartitions: [{ partition: 1 }] }); // KIP-429: rejoin after giving up
  });

  it('gives everything up before it rejoins, with an assignor that is not cooperative', async () => {
    start({ assignor: 'range' });
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.REBALANCE_IN_PROGRESS;
    await until(() => coordinator.generation >= 2);
    coordinator.heartbeat = 0;
    await until(() => calls.length >= 3);
    expect(calls.slice(0, 3)).toEqual(['assigned 0 1', 'revoked 0 1', 'assigned 0 1']);
  });

  it('that leads rejoins when partitions are added', async () => {
    start({ metadataRefreshMs: 50 });
    await until(() => calls.length === 1);
    broker.setTopic('t', 'a'.repeat(32), [
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    coordinator.partitions = [0, 1, 2];
    await until(() => calls.length === 2);
    expect(calls).toEqual(['assigned 0 1', 'assigned 2']);
  });
});

describe('a member that is not one any more', () => {
  it('loses everything and comes back as somebody new when it is unknown', async () => {
    start();
    await until(() => calls.length === 1);
    coordinator.memberId = 'm-2';
    coordinator.heartbeat = errorCodes.UNKNOWN_MEMBER_ID;
    await until(() => calls.length >= 2);
    coordinator.heartbeat = 0;
    await until(() => calls.length >= 3);
    expect(calls.slice(0, 3)).toEqual(['assigned 0 1', 'lost 0 1', 'assigned 0 1']);
    expect(member.memberId).toBe('m-2');
  });

  it('loses everything and comes back as itself when its generation is over', async () => {
    start();
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.ILLEGAL_GENERATION;
    await until(() => calls.length >= 2);
    coordinator.heartbeat = 0;
    await until(() => calls.length >= 3);
    expect(calls.slice(0, 3)).toEqual(['assigned 0 1', 'lost 0 1', 'assigned 0 1']);
    expect(
      joins()
        .map(({ memberId }) => memberId)
        .slice(0, 3),
    ).toEqual(['', 'm-1', 'm-1']);
  });

  it('loses everything when nobody answers for the session timeout, and comes back when somebody does', async () => {
    start();
    await until(() => calls.length === 1);
    await broker.stop();
    await until(() => calls.includes('lost 0 1'));
    expect(member.generation).toBe(-1);
    await broker.listen();
    await until(() => calls.at(-1) === 'assigned 0 1' && calls.length === 3, 10_000);
  });

  it('keeps what it owns over a restart that is shorter than the session timeout', async () => {
    start({ sessionTimeoutMs: 5_000 });
    await until(() => calls.length === 1);
    await broker.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await broker.listen();
    const before = broker.of(apiKeys.Heartbeat).length;
    await until(() => broker.of(apiKeys.Heartbeat).length > before + 2);
    expect(calls).toEqual(['assigned 0 1']);
  });

  it('stops for good when another process took its instance id', async () => {
    start({ instanceId: 'worker-1' });
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.FENCED_INSTANCE_ID;
    await until(() => calls.length === 3);
    expect(calls).toEqual(['assigned 0 1', 'lost 0 1', 'fatal fenced-instance-id']);
    const count = joins().length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(joins()).toHaveLength(count);
  });

  it('stops for good when the group will not have it', async () => {
    coordinator.join = errorCodes.GROUP_AUTHORIZATION_FAILED;
    start();
    await until(() => calls.length === 1);
    expect(calls).toEqual(['fatal group-authorization-failed']);
  });

  it('stops for good, and loses what it has, when a callback throws', async () => {
    start({
      onAssigned: () => {
        throw new Error('no room');
      },
    });
    await until(() => calls.length === 2);
    expect(calls).toEqual(['lost 0 1', 'fatal callback-failed']);
  });
});

describe('isMember', () => {
  it('asks the coordinator, and believes it', async () => {
    start({ heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    expect(await member.isMember(1)).toBe(true);
    expect(broker.of(apiKeys.Heartbeat)).toHaveLength(1);
    coordinator.heartbeat = errorCodes.UNKNOWN_MEMBER_ID;
    expect(await member.isMember(1)).toBe(false);
    await until(() => calls.includes('lost 0 1'));
  });

  it('is true during a rebalance, in which we keep our place', async () => {
    start({ heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.REBALANCE_IN_PROGRESS;
    expect(await member.isMember(1)).toBe(true);
    coordinator.heartbeat = 0;
    await until(() => coordinator.generation === 2);
  });

  it('waits for a join that is under way when our generation is over, and is true if the membership goes on', async () => {
    start({ heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    let release: () => void = () => {};
    coordinator.beforeJoin = () => new Promise((resolve) => (release = resolve));
    coordinator.heartbeat = errorCodes.REBALANCE_IN_PROGRESS;
    await member.isMember(1); // starts the join
    await until(() => joins().length === 3);
    coordinator.heartbeat = errorCodes.ILLEGAL_GENERATION; // the group has moved on, our answer is on its way
    const asked = member.isMember(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    coordinator.heartbeat = 0;
    coordinator.beforeJoin = null;
    release();
    expect(await asked).toBe(true);
    expect(calls).toEqual(['assigned 0 1']);
  });

  it('is false for a generation of an earlier life', async () => {
    start();
    await until(() => calls.length === 1);
    coordinator.heartbeat = errorCodes.ILLEGAL_GENERATION;
    await until(() => calls.length >= 2);
    coordinator.heartbeat = 0;
    await until(() => calls.length >= 3);
    expect(await member.isMember(1)).toBe(false);
    expect(await member.isMember(member.generation)).toBe(true);
    expect(await member.isMember(-1)).toBe(false);
  });

  it('throws something retriable when nobody can be asked', async () => {
    start({ sessionTimeoutMs: 60_000, heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    await broker.stop();
    await expect(member.isMember(1)).rejects.toMatchObject({ isRetriable: true });
    await broker.listen();
  });
});

describe('commit', () => {
  it('says who we are, and refuses partitions that are not ours', async () => {
    start();
    await until(() => calls.length === 1);
    await member.commit([{ topic: 't', partition: 1, offset: 7n, leaderEpoch: 2, metadata: 'x' }]);
    expect(broker.of(apiKeys.OffsetCommit)[0]!.message).toMatchObject({
      memberId: 'm-1',
      generationIdOrMemberEpoch: 1,
      topics: [{ partitions: [{ committedOffset: 7n, committedLeaderEpoch: 2, committedMetadata: 'x' }] }],
    });
    await expect(member.commit([{ topic: 't', partition: 5, offset: 7n }])).rejects.toMatchObject({
      code: 'not-owned',
    });
  });

  it('waits out a rebalance and commits in the new generation', async () => {
    start({ heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    coordinator.commit = errorCodes.REBALANCE_IN_PROGRESS;
    const committing = member.commit([{ topic: 't', partition: 1, offset: 7n }]);
    await until(() => coordinator.generation === 2);
    coordinator.commit = 0;
    await committing;
    expect(broker.of(apiKeys.OffsetCommit).at(-1)!.message.generationIdOrMemberEpoch).toBeGreaterThanOrEqual(2);
  });

  it('by a member that was fenced throws, and the member finds out', async () => {
    start({ heartbeatIntervalMs: 60_000 });
    await until(() => calls.length === 1);
    coordinator.commit = errorCodes.UNKNOWN_MEMBER_ID;
    await expect(member.commit([{ topic: 't', partition: 1, offset: 7n }])).rejects.toMatchObject({
      kafkaName: 'UNKNOWN_MEMBER_ID',
    });
    await until(() => calls.includes('lost 0 1'));
  });
});
