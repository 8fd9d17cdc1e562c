import { describe, expect, it } from 'vitest';
import { ManualClock, silentLogger } from '../../../../src/shared/index.ts';
import type { TopicPartition } from '../../../../src/wire/client/consumer-protocol.ts';
import type { GroupCallbacks } from '../../../../src/wire/client/group-options.ts';
import { GroupOwnership } from '../../../../src/wire/client/group-ownership.ts';
import { GroupSession } from '../../../../src/wire/client/group-session.ts';

const partitions = (...numbers: number[]): TopicPartition[] => numbers.map((partition) => ({ topic: 't', partition }));

function setUp(overrides: Partial<GroupCallbacks> = {}, timeoutMs = 1000) {
  const calls: string[] = [];
  const note =
    (name: string) =>
    (list: TopicPartition[]): void =>
      void calls.push(`${name} ${list.map(({ partition }) => partition).join(' ')}`);
  const clock = new ManualClock(1_000_000);
  const session = new GroupSession(clock, 10_000, () => {});
  const closing = new AbortController();
  const ownership = new GroupOwnership({
    callbacks: { onAssigned: note('assigned'), onRevoked: note('revoked'), onLost: note('lost'), ...overrides },
    session,
    timeoutMs,
    hurry: closing.signal,
    logger: silentLogger,
  });
  return { calls, clock, session, closing, ownership, note };
}

describe('GroupOwnership', () => {
  it('gives up first what goes, then takes what is new, and leaves the rest alone', async () => {
    const { calls, ownership } = setUp();
    await ownership.take(partitions(0, 1, 2), 1);
    expect(await ownership.take(partitions(2, 3), 2)).toBe(2);
    expect(calls).toEqual(['assigned 0 1 2', 'revoked 0 1', 'assigned 3']);
    expect(ownership.partitions).toEqual(partitions(2, 3));
    expect(ownership.generation).toBe(2);
  });

  it('counts partitions as lost that are not given up in time, and goes on', async () => {
    const { calls, ownership } = setUp({ onRevoked: () => new Promise(() => {}) }, 20);
    await ownership.take(partitions(0, 1), 1);
    await ownership.take(partitions(1), 2);
    expect(calls).toEqual(['assigned 0 1', 'lost 0']);
    expect(ownership.partitions).toEqual(partitions(1));
  });

  it('tells a callback through its signal that the time is over', async () => {
    let reason: unknown;
    const onRevoked = (_: TopicPartition[], signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(void (reason = signal.reason))));
    const { ownership } = setUp({ onRevoked }, 20);
    await ownership.take(partitions(0), 1);
    await ownership.giveUpAll();
    expect((reason as Error).name).toBe('TimeoutError');
  });

  it('stops waiting at once when the membership is lost, and tells what is lost exactly once', async () => {
    const { calls, ownership, session } = setUp({ onRevoked: () => new Promise(() => {}) }, 60_000);
    session.join('m', 1);
    await ownership.take(partitions(0, 1, 2), 1);
    const taking = ownership.take(partitions(2), 2);
    session.lose('fenced', { forgetMember: true });
    await expect(taking).rejects.toThrow('fenced');
    await ownership.handOverLost();
    expect(calls).toEqual(['assigned 0 1 2', 'lost 0 1', 'lost 2']);
    expect(ownership.partitions).toEqual([]);
    expect(ownership.generation).toBe(-1);
  });

  it('waits for a callback when the member is closed, but tells it to hurry', async () => {
    const { closing, ownership } = setUp({
      onAssigned: (_, __, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 20))),
    });
    const taking = ownership.take(partitions(0), 1);
    closing.abort();
    await taking;
    expect(ownership.partitions).toEqual(partitions(0));
  });

  it('says which callback threw', async () => {
    const { ownership } = setUp({
      onAssigned: () => {
        throw new Error('no room');
      },
    });
    await expect(ownership.take(partitions(0), 1)).rejects.toMatchObject({
      code: 'callback-failed',
      message: 'onAssigned of the group member failed',
      cause: expect.objectContaining({ message: 'no room' }),
    });
  });

  it('knows what is not ours', async () => {
    const { ownership } = setUp();
    await ownership.take(partitions(0), 1);
    ownership.check(partitions(0));
    expect(() => ownership.check(partitions(0, 4))).toThrow('expected a partition assigned to us, got t-4');
  });
});

describe('GroupSession', () => {
  it('is overdue as soon as a frozen process wakes up, before anything else has run', async () => {
    const { clock, session } = setUp();
    session.join('m', 1);
    await clock.advance(10_000);
    expect(session.isOverdue).toBe(false);
    await clock.advance(1); // nothing ran meanwhile: that is what SIGSTOP does
    expect(session.isOverdue).toBe(true);
    session.confirm(clock.monotonicMs());
    expect(session.isOverdue).toBe(false);
  });

  it('counts an answer from when it was asked for', async () => {
    const { clock, session } = setUp();
    session.join('m', 1);
    const askedMs = clock.monotonicMs();
    await clock.advance(10_001);
    session.confirm(askedMs);
    expect(session.isOverdue).toBe(true);
  });

  it('is unbroken over rebalances, broken by a loss', () => {
    const { session } = setUp();
    session.join('m', 5);
    session.join('m', 6);
    expect(session.isUnbrokenSince(5)).toBe(true);
    expect(session.isUnbrokenSince(4)).toBe(false);
    session.lose('illegal generation', { forgetMember: false });
    expect(session.isUnbrokenSince(6)).toBe(false);
    session.renew();
    session.join('m', 9);
    expect(session.isUnbrokenSince(6)).toBe(false);
    expect(session.isUnbrokenSince(9)).toBe(true);
    expect(session.memberId).toBe('m');
  });
});
