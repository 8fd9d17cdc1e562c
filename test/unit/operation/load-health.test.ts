import { describe, expect, it } from 'vitest';
import type { OwnerStatus, WorkerStatus } from '../../../src/loader/index.ts';
import { judgeHealth } from '../../../src/operation/load-health.ts';
import { LoadStatus, lagOf } from '../../../src/operation/load-status.ts';

const limits = { stallMs: 60_000, roll: { rollBytes: 128 * 1024 * 1024, rollAgeMs: 10_000 } };

/** A load of one partition whose clock the test moves. */
function stage() {
  let nowMs = 1_800_000_000_000;
  const status = new LoadStatus(() => nowMs);
  const say = (changes: Partial<OwnerStatus> = {}, worker: Partial<WorkerStatus> = {}): void => {
    const owner: OwnerStatus = {
      topic: 'events',
      topicId: 'f'.repeat(32),
      partition: 0,
      state: 'running',
      stateSinceMs: nowMs,
      checkpoint: 0n,
      encoded: 0n,
      read: 0n,
      logEnd: 0n,
      openBytes: 0,
      openSinceMs: null,
      memoryBytes: 0,
      isCommitting: false,
      pause: null,
      delay: null,
      ...changes,
    };
    const word: WorkerStatus = {
      phase: 'working',
      phaseSinceMs: nowMs,
      delay: null,
      trouble: null,
      memoryBytes: 0,
      memoryBudgetBytes: 1,
      owners: [owner],
      ...worker,
    };
    status.apply({ kind: 'status', worker: 0, status: word });
  };
  const pass = (ms: number): void => void (nowMs += ms);
  return { status, say, pass, health: () => judgeHealth(status, limits, nowMs), now: () => nowMs };
}

describe('the health of a load', () => {
  it('fails when checkpoints stand still while lag grows, and names the exact wait', () => {
    const { say, pass, health, now } = stage();
    say();
    const delay = { event: 'UploadFailed', attempt: 7, code: 'no-space', reason: 'HDFS is full', sinceMs: now() };
    for (let i = 0; i < 13; i++) {
      pass(5000);
      say({ logEnd: BigInt(100 * (i + 1)), read: 50n, encoded: 50n, delay });
    }
    expect(health().reasons).toMatchObject([
      {
        topic: 'events',
        partition: 0,
        lag: 1300n,
        standsStillS: 60,
        wait: expect.stringMatching(
          /^UploadFailed: HDFS is full \(tried 7 times, since .*\); make room in the warehouse, and it goes on by itself$/,
        ),
      },
    ]);
    expect(health().status).toBe('failing');
  });

  it('is ok while nothing is appended, however long, and while checkpoints move', () => {
    const { say, pass, health } = stage();
    say({ checkpoint: 500n, encoded: 500n, read: 500n, logEnd: 500n });
    pass(3_600_000);
    say({ checkpoint: 500n, encoded: 500n, read: 500n, logEnd: 500n });
    expect(health()).toEqual({ status: 'ok', reasons: [] });
    for (let i = 1; i < 100; i++) {
      pass(10_000);
      say({ checkpoint: BigInt(500 + i), encoded: 600n, read: 700n, logEnd: 100_000n });
      expect(health().status).toBe('ok');
    }
  });

  it('counts from the first record that waits, not from the last commit', () => {
    const { say, pass, health } = stage();
    say({ checkpoint: 10n, logEnd: 10n });
    pass(3_600_000);
    say({ checkpoint: 10n, logEnd: 11n });
    pass(59_000);
    say({ checkpoint: 10n, logEnd: 12n });
    expect(health().status).toBe('ok');
    pass(1000);
    expect(health().status).toBe('failing');
  });

  it('does not fail for a partition that a person paused, nor for the time of the pause afterwards', () => {
    const { say, pass, health } = stage();
    const pause = { by: 'ann', reason: 'the disk is full', atMs: 1 };
    say({ state: 'paused', pause, logEnd: 10n });
    pass(3_600_000);
    say({ state: 'paused', pause, logEnd: 1000n });
    expect(health().status).toBe('ok');
    say({ state: 'running', logEnd: 1000n });
    expect(health().status).toBe('ok');
    pass(60_000);
    expect(health().status).toBe('failing');
  });

  it('sees lag in the log itself, when the worker does not read any more', () => {
    const { status, say, pass, health } = stage();
    say({ logEnd: 0n });
    pass(10_000);
    status.applyLog({ topic: 'events', partition: 0, appended: 77n, oldestUncommittedMs: 1, oldestUnreadMs: 1 });
    pass(60_000);
    expect(health().reasons).toMatchObject([{ lag: 77n }]);
  });

  it('fails at once for a partition that stopped with an error, and is ok again when it is owned again', () => {
    const { status, say, health } = stage();
    say();
    const gone = { kind: 'disowned', worker: 0, topic: 'events', partition: 0, reason: 'failed' } as const;
    status.apply({ ...gone, error: 'the log expired' });
    expect(health().reasons).toMatchObject([{ wait: expect.stringMatching(/the log expired/) }]);
    say();
    expect(health().status).toBe('ok');
  });

  it('fails for a worker that does not get into its group, and for one that never says a word', () => {
    const { say, pass, health, now } = stage();
    pass(60_000);
    expect(health().reasons).toMatchObject([{ wait: 'no worker has said anything since the start' }]);
    const delay = { event: 'ClusterNotReached', attempt: 3, code: 'x', reason: 'refused', sinceMs: now() };
    const phaseSinceMs = now() - 60_000;
    say({}, { phase: 'opening', phaseSinceMs, delay, owners: [] });
    expect(health().reasons).toMatchObject([{ wait: expect.stringMatching(/ClusterNotReached: refused/) }]);
  });

  it('leaves the partitions of other processes to them', () => {
    const { status, say, pass, health } = stage();
    say({}, { owners: [] });
    status.applyLog({ topic: 'events', partition: 3, appended: 1000n, oldestUncommittedMs: 1, oldestUnreadMs: 1 });
    pass(3_600_000);
    say({}, { owners: [] });
    expect(health().status).toBe('ok');
    expect(lagOf(status.find('events', 3)!)).toBeNull();
  });

  it('names what the client of the warehouse retries inside a single call, for as long as it does', () => {
    const { say, pass, health, now } = stage();
    say({ logEnd: 5n });
    pass(60_000);
    const trouble = { event: 'SafeModeMet', reason: 'Name node is in safe mode', atMs: now() };
    say({ logEnd: 5n, isCommitting: true }, { trouble });
    expect(health().reasons[0]!.wait).toMatch(/on its way into the warehouse; SafeModeMet: Name node is in safe mode/);
    pass(91_000);
    expect(health().reasons[0]!.wait).not.toMatch(/SafeModeMet/);
  });
});
