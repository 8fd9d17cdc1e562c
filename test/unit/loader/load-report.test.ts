import { describe, expect, it } from 'vitest';
import { LoadTally } from '../../../src/loader/load-report.ts';

describe('LoadTally', () => {
  const commit = (partition: number, landed: bigint, dead: bigint, next: bigint) => ({
    topic: 'events',
    partition,
    first: 0n,
    next,
    landedCount: landed,
    deadCount: dead,
    files: landed > 0n ? [{ path: 'dt=x/hr=y/part+1', size: 100, rowCount: Number(landed) }] : [],
    cause: 'age' as const,
  });

  it('adds up commits and tells complete, partial and failed apart', () => {
    const tally = new LoadTally();
    tally.addCommit(commit(1, 10n, 0n, 10n));
    tally.addCommit(commit(0, 5n, 2n, 7n));
    tally.addCommit(commit(1, 0n, 1n, 11n));
    const options = { maxDeadLetters: 3, errors: [] };
    expect(tally.report(2000, options)).toMatchObject({
      outcome: 'complete',
      rowCount: 15n,
      deadLetterCount: 3n,
      fileCount: 2,
      fileBytes: 200n,
      commitCount: 3,
      rowsPerSecond: 8,
      partitions: [
        { partition: 0, checkpoint: 7n },
        { partition: 1, checkpoint: 11n, landedCount: 10n, deadCount: 1n },
      ],
    });
    expect(tally.report(2000, { ...options, maxDeadLetters: 2 }).outcome).toBe('partial');
    tally.partition('events', 0).error = 'the log expired';
    expect(tally.report(2000, { ...options, errors: ['the log expired'] })).toMatchObject({
      outcome: 'failed',
      errors: ['the log expired'],
    });
  });
});
