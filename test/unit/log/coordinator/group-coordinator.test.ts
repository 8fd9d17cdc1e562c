import { afterEach, describe, expect, it } from 'vitest';
import type { GroupConfig } from '../../../../src/log/coordinator/group-config.ts';
import { errorCodes } from '../../../../src/wire/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import type { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';
import { newDisk } from '../storage/log-fixture.ts';
import { type CoordinatorFixture, commit, joinAlone, openCoordinator } from './coordinator-fixture.ts';

const open: CoordinatorFixture[] = [];

async function start(disk: SimulatedLogFileSystem, config: Partial<GroupConfig> = {}): Promise<CoordinatorFixture> {
  const fixture = await openCoordinator(disk, config);
  open.push(fixture);
  return fixture;
}

afterEach(async () => {
  for (const fixture of open.splice(0)) await fixture.close();
});

const offsetOf = (fixture: CoordinatorFixture, group: string, partition = 0, topic = 't') =>
  fixture.coordinator.committedOffset(group, topic, partition)?.offset;

describe('committed offsets', () => {
  it('are shown only when they are durable', async () => {
    const fixture = await start(newDisk());
    const committing = commit(fixture, 'g', [{ partition: 0, offset: 5n }]);
    expect(offsetOf(fixture, 'g')).toBeUndefined();
    expect(await committing).toBe(errorCodes.NONE);
    expect(offsetOf(fixture, 'g')).toBe(5n);
  });

  it('of the same partition end with the one that was asked for last', async () => {
    const fixture = await start(newDisk());
    await Promise.all([1n, 9n, 4n].map((offset) => commit(fixture, 'g', [{ partition: 0, offset }])));
    expect(offsetOf(fixture, 'g')).toBe(4n);
  });

  it('outlive the process and the power, with metadata, epoch and time', async () => {
    const disk = newDisk();
    const first = await start(disk);
    await commit(first, 'g', [{ partition: 3, offset: 7n, leaderEpoch: 2, metadata: 'ü' }]);
    const second = await start(disk.afterPowerLoss(seededRandom(7)));
    expect(second.coordinator.committedOffset('g', 't', 3)).toEqual({
      offset: 7n,
      leaderEpoch: 2,
      metadata: 'ü',
      commitTimestampMs: BigInt(first.clock.nowMs()),
      topicId: second.logs.topic('t')!.topicId,
    });
  });

  it('never go back through hundreds of power losses (seeded)', async () => {
    const firstSeed = Number(process.env['SEED'] ?? 1);
    let crashCount = 0;
    for (let seed = firstSeed; seed < firstSeed + 12; seed++) {
      crashCount += await crashWhileCommitting(seed).catch((error) => {
        throw new Error(`seed ${seed} (SEED=${seed})`, { cause: error });
      });
    }
    expect(crashCount).toBeGreaterThan(200);
  }, 120_000);
});

/** Commits ascending offsets, takes crashes at random moments, and looks what each of them leaves. Answers how many. */
async function crashWhileCommitting(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const disk = newDisk(seed);
  const config = { snapshotBytes: 3_000 };
  const fixture = await openCoordinator(disk, config);
  const acknowledged = new Map<string, bigint>();
  const sent = new Map<string, bigint>();
  const crashes: { disk: SimulatedLogFileSystem; acknowledged: Map<string, bigint>; sent: Map<string, bigint> }[] = [];
  disk.onChange = () => {
    if (random() > 0.08) return;
    crashes.push({ disk: disk.afterPowerLoss(random), acknowledged: new Map(acknowledged), sent: new Map(sent) });
  };
  const committing: Promise<void>[] = [];
  for (let i = 1; i <= 150; i++) {
    const group = `g${Math.floor(random() * 3)}`;
    const partition = Math.floor(random() * 4);
    sent.set(`${group} ${partition}`, BigInt(i));
    const one = commit(fixture, group, [{ partition, offset: BigInt(i), metadata: 'x'.repeat(40) }]).then((code) => {
      expect(code).toBe(errorCodes.NONE);
      acknowledged.set(`${group} ${partition}`, BigInt(i));
    });
    committing.push(one);
    if (random() < 0.4) await one;
  }
  await Promise.all(committing);
  disk.onChange = () => {};
  await fixture.close();
  for (const crash of crashes) {
    const after = await openCoordinator(crash.disk, config);
    for (const [key, offset] of crash.acknowledged) {
      const [group, partition] = key.split(' ') as [string, string];
      const found = after.coordinator.committedOffset(group, 't', Number(partition))?.offset ?? -1n;
      expect(found, key).toBeGreaterThanOrEqual(offset);
      expect(found, key).toBeLessThanOrEqual(crash.sent.get(key)!);
    }
    await after.close();
  }
  return crashes.length;
}

describe('the log of the coordinator', () => {
  it('stays bounded by snapshots, and replays to the same state', async () => {
    const disk = newDisk();
    const config = { snapshotBytes: 20_000 };
    const fixture = await start(disk, config);
    for (let i = 1n; i <= 3_000n; i++) {
      const committing = commit(fixture, `g${i % 5n}`, [{ partition: Number(i % 8n), offset: i }]);
      if (i % 10n === 0n) await committing;
    }
    await commit(fixture, 'last', [{ partition: 0, offset: 1n }]);
    expect(fixture.log.logStartOffset).toBeGreaterThan(1_000n);
    expect(fixture.log.sizeBytes).toBeLessThan(100_000);
    const stateOf = ({ coordinator }: CoordinatorFixture) =>
      coordinator.list().map(({ groupId }) => {
        const offsets = [...coordinator.committedOffsets(groupId).entries()];
        return [groupId, ...offsets.map(({ partition, commit }) => `${partition}: ${commit.offset}`).sort()];
      });
    const again = await start(disk.afterPowerLoss(seededRandom(3)), config);
    expect(stateOf(again).sort()).toEqual(stateOf(fixture).sort());
    expect(stateOf(again).flat()).toHaveLength(6 + 40 + 1);
  });

  it('does not bring back what was deleted before a snapshot', async () => {
    const disk = newDisk();
    const config = { snapshotBytes: 5_000 };
    const fixture = await start(disk, config);
    await commit(fixture, 'gone', [{ partition: 0, offset: 1n }]);
    await fixture.coordinator.deleteGroup('gone');
    for (let i = 1n; i <= 200n; i++) await commit(fixture, 'stays', [{ partition: 0, offset: i }]);
    const again = await start(disk.afterPowerLoss(seededRandom(3)), config);
    expect(offsetOf(again, 'gone')).toBeUndefined();
    expect(offsetOf(again, 'stays')).toBe(200n);
    expect(again.coordinator.list().map((group) => group.groupId)).toEqual(['stays']);
  });
});

describe('groups', () => {
  it('go on over a restart: members keep their generation and assignment', async () => {
    const disk = newDisk();
    const first = await start(disk);
    const member = await joinAlone(first, 'g');
    const second = await start(disk.afterPowerLoss(seededRandom(1)));
    expect(second.coordinator.describe('g')).toMatchObject({ state: 'Stable', protocolType: 'consumer' });
    expect(second.coordinator.heartbeat('g', { memberId: member.memberId, instanceId: null }, member.generation)).toBe(
      0,
    );
    expect(await commit(second, 'g', [{ partition: 0, offset: 3n }], member)).toBe(errorCodes.NONE);
  });

  it('are deleted with their offsets, also with those that are on their way to the disk', async () => {
    const disk = newDisk();
    const fixture = await start(disk);
    await commit(fixture, 'g', [{ partition: 0, offset: 1n }]);
    const late = commit(fixture, 'g', [{ partition: 1, offset: 1n }]);
    expect(await fixture.coordinator.deleteGroup('g')).toBe(errorCodes.NONE);
    await late;
    expect(fixture.coordinator.committedOffsets('g').isEmpty).toBe(true);
    expect(await fixture.coordinator.deleteGroup('g')).toBe(errorCodes.GROUP_ID_NOT_FOUND);
    const again = await start(disk.afterPowerLoss(seededRandom(1)));
    expect(again.coordinator.list()).toEqual([]);
  });

  it('are not lost while their first commit is on its way to the disk', async () => {
    const fixture = await start(newDisk());
    const committing = commit(fixture, 'g', [{ partition: 0, offset: 1n }]);
    fixture.coordinator.tick();
    await committing;
    fixture.coordinator.tick();
    expect(fixture.coordinator.list().map((group) => group.groupId)).toEqual(['g']);
    await fixture.coordinator.forgetTopic('t');
    expect(offsetOf(fixture, 'g')).toBeUndefined();
  });

  it('with members cannot be deleted, and nobody outside may commit for them', async () => {
    const fixture = await start(newDisk());
    await joinAlone(fixture, 'g');
    expect(await fixture.coordinator.deleteGroup('g')).toBe(errorCodes.NON_EMPTY_GROUP);
    expect(await commit(fixture, 'g', [{ partition: 0, offset: 1n }])).toBe(errorCodes.UNKNOWN_MEMBER_ID);
  });

  it('are refused beyond the limit, and make room when nobody comes back for an id', async () => {
    const fixture = await start(newDisk(), { maxGroups: 2 });
    await commit(fixture, 'a', [{ partition: 0, offset: 1n }]);
    const join = (groupId: string) =>
      fixture.coordinator.join(groupId, {
        memberId: '',
        instanceId: null,
        clientId: 'c',
        clientHost: '',
        sessionTimeoutMs: 5_000,
        rebalanceTimeoutMs: 5_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
        requiresKnownMemberId: true,
        supportsSkippingAssignment: true,
      });
    expect((await join('b')).errorCode).toBe(errorCodes.MEMBER_ID_REQUIRED);
    expect((await join('c')).errorCode).toBe(errorCodes.GROUP_MAX_SIZE_REACHED);
    expect(await commit(fixture, 'c', [{ partition: 0, offset: 1n }])).toBe(errorCodes.GROUP_MAX_SIZE_REACHED);
    fixture.coordinator.start();
    for (let waited = 0; waited <= 5_000; waited += 100) {
      await fixture.clock.advance(100);
      fixture.coordinator.tick();
    }
    expect((await join('c')).errorCode).toBe(errorCodes.MEMBER_ID_REQUIRED);
  });

  it('survive that the process stands still for an hour', async () => {
    const fixture = await start(newDisk());
    const { memberId, generation } = await joinAlone(fixture, 'g');
    fixture.coordinator.start();
    fixture.coordinator.tick();
    await fixture.clock.advance(3_600_000);
    fixture.coordinator.tick();
    expect(fixture.coordinator.heartbeat('g', { memberId, instanceId: null }, generation)).toBe(errorCodes.NONE);
  });

  it('without a name, or after the coordinator has stopped, are refused', async () => {
    const fixture = await start(newDisk());
    expect(fixture.coordinator.heartbeat('', { memberId: 'm', instanceId: null }, 1)).toBe(errorCodes.INVALID_GROUP_ID);
    fixture.coordinator.close();
    expect(fixture.coordinator.heartbeat('g', { memberId: 'm', instanceId: null }, 1)).toBe(
      errorCodes.COORDINATOR_NOT_AVAILABLE,
    );
    expect(await commit(fixture, 'g', [{ partition: 0, offset: 1n }])).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE);
  });
});

describe('forgetting', () => {
  it('drops the offsets of a deleted topic in every group, and of no other topic', async () => {
    const fixture = await start(newDisk());
    await fixture.logs.createTopic('u', { partitionCount: 1 });
    for (const group of ['a', 'b']) {
      await commit(fixture, group, [
        { topic: 't', partition: 0, offset: 1n },
        { topic: 'u', partition: 0, offset: 2n },
      ]);
    }
    await fixture.coordinator.forgetTopic('t');
    for (const group of ['a', 'b']) {
      expect(offsetOf(fixture, group)).toBeUndefined();
      expect(offsetOf(fixture, group, 0, 'u')).toBe(2n);
    }
  });

  it('drops at start what a topic had that was deleted, or made anew, just before a crash', async () => {
    const disk = newDisk();
    const fixture = await start(disk);
    await fixture.logs.createTopic('u', { partitionCount: 1 });
    await commit(fixture, 'g', [
      { topic: 't', partition: 0, offset: 9n },
      { topic: 'u', partition: 0, offset: 9n },
    ]);
    await fixture.logs.deleteTopic('t');
    await fixture.logs.deleteTopic('u');
    await fixture.logs.createTopic('t', { partitionCount: 1 });
    const again = await start(disk.afterPowerLoss(seededRandom(2)));
    expect(offsetOf(again, 'g')).toBeUndefined();
    expect(offsetOf(again, 'g', 0, 'u')).toBeUndefined();
  });

  it('drops the offsets of a group that has had no members for longer than the retention time, and keeps those of others', async () => {
    const dayMs = 24 * 3_600_000;
    const fixture = await start(newDisk(), { offsetsRetentionMs: 7 * dayMs });
    const member = await joinAlone(fixture, 'left');
    await commit(fixture, 'left', [{ partition: 0, offset: 1n }], member);
    const busy = await joinAlone(fixture, 'busy');
    await commit(fixture, 'busy', [{ partition: 0, offset: 1n }], busy);
    await commit(fixture, 'simple', [{ partition: 0, offset: 1n }]);
    await fixture.clock.advance(6 * dayMs);
    fixture.coordinator.leave('left', [{ memberId: member.memberId, instanceId: null }]);
    await commit(fixture, 'fresh', [{ partition: 0, offset: 1n }]);
    await fixture.clock.advance(2 * dayMs);
    await fixture.coordinator.expireOffsets();
    const left = () =>
      fixture.coordinator
        .list()
        .map((group) => group.groupId)
        .sort();
    expect(left()).toEqual(['busy', 'fresh', 'left']);
    await fixture.clock.advance(6 * dayMs);
    await fixture.coordinator.expireOffsets();
    expect(left()).toEqual(['busy']);
    expect(offsetOf(fixture, 'busy')).toBe(1n);
  });
});
