import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../../src/wire/index.ts';
import { errorName, GroupHarness } from './group-harness.ts';

describe('joining', () => {
  it('tells a dynamic member its id first and lets it in when it comes back with it (KIP-394)', () => {
    const h = new GroupHarness({ initialRebalanceDelayMs: 0 });
    const first = h.join({ requiresKnownMemberId: true });
    expect(errorName(first)).toBe('MEMBER_ID_REQUIRED');
    expect(h.group.state).toBe('Empty');
    const second = h.join({ memberId: first.result!.memberId, requiresKnownMemberId: true });
    expect(errorName(second)).toBe('NONE');
    expect(second.result).toMatchObject({ generation: 1, leader: first.result!.memberId, protocolName: 'range' });
    expect(second.result!.members).toHaveLength(1);
  });

  it('forgets a promised id when nobody comes back with it within the session timeout', () => {
    const h = new GroupHarness();
    const { memberId } = h.join({ requiresKnownMemberId: true, sessionTimeoutMs: 5_000 }).result!;
    h.advance(5_000);
    expect(h.group.isVacant).toBe(true);
    expect(errorName(h.join({ memberId }))).toBe('UNKNOWN_MEMBER_ID');
  });

  it('waits for more members before the first rebalance of an empty group, and longer when some come', () => {
    const h = new GroupHarness({ initialRebalanceDelayMs: 100 });
    const first = h.join();
    h.advance(60);
    const second = h.join();
    h.advance(60);
    expect([errorName(first), errorName(second)]).toEqual(['(no answer yet)', '(no answer yet)']);
    h.advance(100);
    expect(first.result).toMatchObject({ generation: 1, errorCode: 0 });
    expect(second.result).toMatchObject({ generation: 1, leader: first.result!.memberId, members: [] });
    expect(first.result!.members.map((member) => member.memberId)).toEqual([
      first.result!.memberId,
      second.result!.memberId,
    ]);
  });

  it('does not wait longer than the rebalance timeout even when members keep coming', () => {
    const h = new GroupHarness({ initialRebalanceDelayMs: 100 });
    const first = h.join({ rebalanceTimeoutMs: 250 });
    for (let waited = 0; waited < 300 && !first.result; waited += 50) {
      h.join({ rebalanceTimeoutMs: 250 });
      h.advance(50);
    }
    expect(errorName(first)).toBe('NONE');
  });

  it('makes the members join again when somebody new comes, and leaves out who does not', () => {
    const h = new GroupHarness();
    const [a, b] = h.stable(2);
    const c = h.join();
    expect(h.group.state).toBe('PreparingRebalance');
    expect(h.heartbeat(a!)).toBe('REBALANCE_IN_PROGRESS');
    const again = h.join({ memberId: a!, rebalanceTimeoutMs: 20_000 });
    // b goes on sending heartbeats, so its session lives, but it does not join again.
    for (let waited = 0; waited < 20_000; waited += 4_000) {
      h.heartbeat(b!, 1);
      h.advance(4_000);
    }
    expect(errorName(again)).toBe('NONE');
    expect(errorName(c)).toBe('NONE');
    expect(again.result!.members.map((member) => member.memberId)).not.toContain(b);
    expect(h.heartbeat(b!)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('answers a follower that lost the answer to its join without another rebalance', () => {
    const h = new GroupHarness();
    const [, follower] = h.stable(2);
    const again = h.join({ memberId: follower! });
    expect(again.result).toMatchObject({ errorCode: 0, generation: 1, members: [] });
    expect(h.group.state).toBe('Stable');
  });

  it('starts a rebalance when the leader of a stable group joins again: it wants another assignment', () => {
    const h = new GroupHarness();
    const [leader] = h.stable(2);
    h.join({ memberId: leader! });
    expect(h.group.state).toBe('PreparingRebalance');
  });

  it('starts a rebalance when a member changes its subscription', () => {
    const h = new GroupHarness();
    const [, follower] = h.stable(2);
    h.join({ memberId: follower!, protocols: [{ name: 'range', metadata: Buffer.from('another topic') }] });
    expect(h.group.state).toBe('PreparingRebalance');
  });

  const refusals: [string, Parameters<GroupHarness['join']>[0], string][] = [
    ['a session timeout below the minimum', { sessionTimeoutMs: 999 }, 'INVALID_SESSION_TIMEOUT'],
    ['a session timeout above the maximum', { sessionTimeoutMs: 60_001 }, 'INVALID_SESSION_TIMEOUT'],
    ['no protocol type', { protocolType: '' }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['no protocols', { protocols: [] }, 'INCONSISTENT_GROUP_PROTOCOL'],
    [
      'more protocols than anybody needs',
      { protocolNames: Array.from({ length: 51 }, (_, i) => (i === 0 ? 'range' : `p${i}`)) },
      'INCONSISTENT_GROUP_PROTOCOL',
    ],
    ['another protocol type than the group has', { protocolType: 'connect' }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['no protocol that all members know', { protocolNames: ['mine-alone'] }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['a member id that is not known', { memberId: 'stranger' }, 'UNKNOWN_MEMBER_ID'],
    ['an instance id that is not known', { memberId: 'x', instanceId: 'i' }, 'UNKNOWN_MEMBER_ID'],
    [
      'more bytes than a group may have',
      { protocols: [{ name: 'range', metadata: Buffer.alloc(100_001) }] },
      'GROUP_MAX_SIZE_REACHED',
    ],
  ];
  it.each(refusals)('refuses %s and stays as it is', (_what, input, expected) => {
    const h = new GroupHarness();
    h.stable(2);
    const before = h.group.metadata();
    expect(errorName(h.join(input))).toBe(expected);
    expect(h.group.state).toBe('Stable');
    expect(h.group.metadata()).toEqual(before);
  });

  it('refuses members beyond the size limit, counting promised ids', () => {
    const h = new GroupHarness({ maxGroupSize: 3 });
    h.stable(2);
    expect(errorName(h.join({ requiresKnownMemberId: true }))).toBe('MEMBER_ID_REQUIRED');
    expect(errorName(h.join({ requiresKnownMemberId: true }))).toBe('GROUP_MAX_SIZE_REACHED');
    expect(errorName(h.join())).toBe('GROUP_MAX_SIZE_REACHED');
  });

  it('chooses the protocol that most members put first among those that all know', () => {
    const h = new GroupHarness();
    const joins = [
      ['only-a', 'range', 'sticky'],
      ['sticky', 'range'],
      ['sticky', 'range', 'x'],
    ].map((protocolNames) => h.join({ protocolNames }));
    h.advance(100);
    h.advance(100);
    expect(joins[0]!.result!.protocolName).toBe('sticky');
  });
});

describe('assignment', () => {
  it('is told to nobody before it is durable', () => {
    const h = new GroupHarness();
    const joins = [h.join(), h.join()];
    h.advance(100);
    h.advance(100);
    const [leader, follower] = joins.map((pending) => pending.result!.memberId);
    h.holdsPersist = true;
    const waiting = h.sync({ memberId: follower!, generation: 1 });
    const leading = h.sync({ memberId: leader!, generation: 1 }, { [follower!]: 'all of it' });
    expect([errorName(waiting), errorName(leading)]).toEqual(['(no answer yet)', '(no answer yet)']);
    expect(h.group.state).toBe('CompletingRebalance');
    h.held[0]!(0);
    expect(waiting.result!.assignment.toString()).toBe('all of it');
    expect(leading.result!.assignment).toHaveLength(0);
    expect(h.group.state).toBe('Stable');
  });

  it('that cannot be stored is an error for everybody and starts the rebalance again', () => {
    const h = new GroupHarness({ initialRebalanceDelayMs: 0 });
    const { memberId } = h.join().result!;
    h.holdsPersist = true;
    const leading = h.sync({ memberId, generation: 1 }, { [memberId]: 'x' });
    h.held[0]!(errorCodes.COORDINATOR_NOT_AVAILABLE);
    expect(errorName(leading)).toBe('COORDINATOR_NOT_AVAILABLE');
    expect(h.group.state).toBe('PreparingRebalance');
  });

  it('that becomes durable after the next rebalance has begun is not used', () => {
    const h = new GroupHarness({ initialRebalanceDelayMs: 0 });
    const { memberId } = h.join().result!;
    h.holdsPersist = true;
    const leading = h.sync({ memberId, generation: 1 }, { [memberId]: 'stale' });
    h.join();
    expect(errorName(leading)).toBe('REBALANCE_IN_PROGRESS');
    h.held[0]!(0);
    expect(h.group.state).toBe('PreparingRebalance');
    expect(h.group.metadata().members[0]!.assignment).toHaveLength(0);
  });

  it('is given again to a member that asks again', () => {
    const h = new GroupHarness();
    const [, follower] = h.stable(2);
    const again = h.sync({ memberId: follower!, generation: 1 });
    expect(again.result!.assignment.toString()).toBe(`part of ${follower}`);
  });

  it('removes a member that never asks for it within the rebalance timeout, though it sends heartbeats', () => {
    const h = new GroupHarness();
    const joins = [h.join(), h.join()];
    h.advance(100);
    h.advance(100);
    const [leader, lazy] = joins.map((pending) => pending.result!.memberId);
    h.sync({ memberId: leader!, generation: 1 }, {});
    for (let waited = 0; waited < 20_000; waited += 4_000) {
      h.heartbeat(leader!);
      h.heartbeat(lazy!);
      h.advance(4_000);
    }
    expect(h.group.state).toBe('PreparingRebalance');
    expect(h.heartbeat(lazy!)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('refuses an old generation, an unknown member and another protocol', () => {
    const h = new GroupHarness();
    const [leader] = h.stable(1);
    expect(errorName(h.sync({ memberId: leader!, generation: 0 }))).toBe('ILLEGAL_GENERATION');
    expect(errorName(h.sync({ memberId: 'stranger', generation: 1 }))).toBe('UNKNOWN_MEMBER_ID');
    h.join();
    expect(errorName(h.sync({ memberId: leader!, generation: 1 }))).toBe('REBALANCE_IN_PROGRESS');
  });
});

describe('life and death of members', () => {
  it('removes a member whose session is over, and the others rebalance', () => {
    const h = new GroupHarness();
    const [a, b] = h.stable(2);
    h.advance(9_000);
    expect(h.heartbeat(a!)).toBe('NONE');
    h.advance(1_000);
    expect(h.group.state).toBe('PreparingRebalance');
    expect(h.heartbeat(b!)).toBe('UNKNOWN_MEMBER_ID');
    expect(h.heartbeat(a!)).toBe('REBALANCE_IN_PROGRESS');
  });

  it('is empty, with the next generation stored, when the last member has left', () => {
    const h = new GroupHarness();
    const [a] = h.stable(1);
    expect(h.group.leave([{ memberId: a!, instanceId: null }], h.nowMs)).toEqual([0]);
    expect(h.group.state).toBe('Empty');
    expect(h.persisted.at(-1)).toMatchObject({ generation: 2, members: [], protocolName: null, leader: null });
  });

  it('does not let members pay for the time that the process itself stood still', () => {
    const h = new GroupHarness();
    const [a, b] = h.stable(2);
    h.nowMs += 3_600_000;
    h.group.shiftDeadlines(3_600_000);
    h.group.tick(h.nowMs);
    expect(h.heartbeat(a!)).toBe('NONE');
    expect(h.heartbeat(b!)).toBe('NONE');
  });

  it('gives restored members a whole session to show up again, with their generation and assignment', () => {
    const before = new GroupHarness();
    const [a, b] = before.stable(2);
    const h = new GroupHarness();
    h.group.restore(before.group.metadata(), h.nowMs);
    expect(h.heartbeat(a!, 1)).toBe('NONE');
    expect(h.sync({ memberId: b!, generation: 1 }).result!.assignment.toString()).toBe(`part of ${b}`);
    h.advance(9_999);
    expect(h.group.state).toBe('Stable');
    h.advance(1);
    expect(h.group.state).toBe('Empty');
  });

  it('takes a newcomer that never hears of its rebalance for dead after five minutes', () => {
    const h = new GroupHarness();
    const [a] = h.stable(1, () => ({ rebalanceTimeoutMs: 3_600_000 }));
    const newcomer = h.join();
    for (let waited = 0; waited < 300_000; waited += 5_000) {
      h.heartbeat(a!, 1);
      h.advance(5_000);
    }
    expect(errorName(newcomer)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('answers everybody who waits when the coordinator stops', () => {
    const h = new GroupHarness();
    const [a] = h.stable(2);
    const waiting = [h.join(), h.join({ memberId: a! })];
    h.group.abandon(errorCodes.COORDINATOR_NOT_AVAILABLE);
    expect(waiting.map(errorName)).toEqual(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE']);
  });
});

describe('static members (KIP-345)', () => {
  const asStatic = (index: number) => ({ instanceId: `instance-${index}` });

  it('come back under a new id without a rebalance, keep their assignment, and fence their old self', () => {
    const h = new GroupHarness();
    const [, oldId] = h.stable(2, asStatic);
    const back = h.join({ instanceId: 'instance-1' });
    expect(h.group.state).toBe('Stable');
    const newId = back.result!.memberId;
    expect(newId).not.toBe(oldId);
    expect(back.result).toMatchObject({ errorCode: 0, generation: 1 });
    expect(h.heartbeat(oldId!, 1, 'instance-1')).toBe('FENCED_INSTANCE_ID');
    expect(h.heartbeat(newId, 1, 'instance-1')).toBe('NONE');
    const synced = h.sync({ memberId: newId, generation: 1, instanceId: 'instance-1' });
    expect(synced.result!.assignment.toString()).toBe(`part of ${oldId}`);
  });

  it('are told to skip the assignment when they led before (v9), and that somebody else leads before that', () => {
    for (const supportsSkippingAssignment of [true, false]) {
      const h = new GroupHarness();
      const [oldLeader] = h.stable(2, asStatic);
      const back = h.join({ instanceId: 'instance-0', supportsSkippingAssignment }).result!;
      expect(back.skipAssignment).toBe(supportsSkippingAssignment);
      expect(back.leader).toBe(supportsSkippingAssignment ? back.memberId : oldLeader);
      expect(back.members).toHaveLength(supportsSkippingAssignment ? 2 : 0);
    }
  });

  it('are answered only when their new id is durable', () => {
    const h = new GroupHarness();
    h.stable(2, asStatic);
    h.holdsPersist = true;
    const back = h.join({ instanceId: 'instance-1' });
    expect(errorName(back)).toBe('(no answer yet)');
    h.held[0]!(0);
    expect(errorName(back)).toBe('NONE');
  });

  it('stay in the group through a rebalance that they miss, until their session is over', () => {
    const h = new GroupHarness();
    const [a, b] = h.stable(2, (i) => ({ ...asStatic(i), sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 10_000 }));
    h.join();
    const again = h.join({
      memberId: a!,
      instanceId: 'instance-0',
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 10_000,
    });
    h.advance(20_000);
    expect(errorName(again)).toBe('NONE');
    expect(again.result!.members.map((member) => member.memberId)).toContain(b);
  });

  it('can be removed by their instance id alone', () => {
    const h = new GroupHarness();
    h.stable(2, asStatic);
    const codes = h.group.leave(
      [
        { memberId: '', instanceId: 'instance-0' },
        { memberId: '', instanceId: 'nobody' },
        { memberId: 'wrong', instanceId: 'instance-1' },
      ],
      h.nowMs,
    );
    expect(codes).toEqual([errorCodes.NONE, errorCodes.UNKNOWN_MEMBER_ID, errorCodes.FENCED_INSTANCE_ID]);
  });

  it('that come twice at the same time: the later one wins, the earlier one is fenced', () => {
    const h = new GroupHarness();
    const first = h.join({ instanceId: 'twin' });
    const second = h.join({ instanceId: 'twin' });
    expect(errorName(first)).toBe('FENCED_INSTANCE_ID');
    h.advance(100);
    h.advance(100);
    expect(errorName(second)).toBe('NONE');
    expect(second.result!.members).toHaveLength(1);
  });
});

describe('committing offsets', () => {
  it('is for members of the current generation once it has its assignment', () => {
    const h = new GroupHarness();
    const [a] = h.stable(1);
    const check = (memberId: string, generation: number) =>
      h.group.checkCommit({ memberId, instanceId: null }, generation, h.nowMs);
    expect(check(a!, 1)).toBe(errorCodes.NONE);
    expect(check(a!, 0)).toBe(errorCodes.ILLEGAL_GENERATION);
    expect(check('stranger', 1)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    expect(check('', -1)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
    const newcomer = h.join();
    expect(check(a!, 1)).toBe(errorCodes.NONE);
    h.join({ memberId: a! });
    expect(check(newcomer.result!.memberId, 2)).toBe(errorCodes.REBALANCE_IN_PROGRESS);
  });

  it('is for anybody without a generation while the group is empty', () => {
    const h = new GroupHarness();
    expect(h.group.checkCommit({ memberId: '', instanceId: null }, -1, h.nowMs)).toBe(errorCodes.NONE);
    expect(h.group.checkCommit({ memberId: '', instanceId: null }, 3, h.nowMs)).toBe(errorCodes.UNKNOWN_MEMBER_ID);
  });
});
