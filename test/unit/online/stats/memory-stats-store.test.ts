import { describe, expect, it } from 'vitest';
import { HyperLogLog } from '../../../../src/online/stats/hyper-log-log.ts';
import { MemoryStatsStore } from '../../../../src/online/stats/memory-stats-store.ts';
import { type MinuteCounts, minuteMs } from '../../../../src/online/stats/minute-counts.ts';
import type { StatsUpdate } from '../../../../src/online/stats/stats-store.ts';
import { ManualClock } from '../../../../src/shared/index.ts';

const hourMs = 3_600_000;
const startMs = 100 * hourMs;
const settings = { fields: { game: 'game', call: ['type'], time: null, unique: 'user' }, expiryMs: 4 * hourMs };
const place = { topic: 't', topicId: 'a'.repeat(32), partition: 0 };
const all = { fromMs: 0, toMs: 1000 * hourMs };

function update(
  expected: bigint | null,
  first: bigint,
  next: bigint,
  minutes: [atMs: number, count: number][],
): StatsUpdate {
  const counted = minutes.map(
    ([atMs, count]): MinuteCounts => ({
      ...{ game: 'hh', minuteMs: atMs, counts: new Map([['login', count]]) },
      uniques: new Set(Array.from({ length: count }, (_, i) => `u${i}`)),
    }),
  );
  return { ...place, expected, first, next, aggregate: { minutes: counted, unusable: 0, future: 0 } };
}

describe('counters in memory', () => {
  it('take a batch only from where they stand, and say where that is', async () => {
    const store = new MemoryStatsStore(settings, new ManualClock(startMs));
    expect(await store.position(place)).toBe(null);
    expect(await store.apply(update(null, 5n, 9n, [[startMs, 3]]))).toEqual({ stands: 9n, late: 0 });
    expect(await store.apply(update(null, 5n, 9n, [[startMs, 3]]))).toEqual({ stands: 9n, late: 0 });
    expect(await store.apply(update(9n, 9n, 12n, [[startMs, 2]]))).toEqual({ stands: 12n, late: 0 });
    const { rows, positions } = await store.snapshot(all);
    expect(rows).toEqual([{ game: 'hh', minuteMs: startMs, counts: { login: 5 } }]);
    expect(positions).toEqual([{ ...place, first: 5n, next: 12n }]);
    expect(await store.position({ ...place, topicId: 'b'.repeat(32) })).toBe(null);
  });

  it('expire so long after the begin of their minute; what comes for it later is left out and counted', async () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryStatsStore(settings, clock);
    await store.apply(
      update(null, 0n, 1n, [
        [startMs, 1],
        [startMs + minuteMs, 1],
      ]),
    );
    await clock.advance(4 * hourMs);
    expect((await store.snapshot(all)).rows.map((row) => row.minuteMs)).toEqual([startMs + minuteMs]);
    expect(
      await store.apply(
        update(1n, 1n, 9n, [
          [startMs, 7],
          [startMs + minuteMs, 1],
        ]),
      ),
    ).toEqual({ stands: 9n, late: 7 });
    expect(await store.snapshot(all)).toMatchObject({ rows: [{ counts: { login: 2 } }], leftOut: { late: 7 } });
  });

  it('of minutes that are kept do not expire, unless they had already', async () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryStatsStore(settings, clock);
    const range = { fromMs: startMs, toMs: startMs + hourMs };
    await store.apply(update(null, 0n, 1n, [[startMs, 1]]));
    expect(await store.keep(range)).toBe(true);
    await clock.advance(9 * hourMs);
    await store.apply(update(1n, 1n, 2n, [[startMs + minuteMs, 1]]));
    expect((await store.snapshot(all)).rows).toHaveLength(2);
    expect(await store.keep({ fromMs: startMs + hourMs, toMs: startMs + 2 * hourMs })).toBe(false);
  });
});

describe('a count of different values', () => {
  it('is near the truth, for few and for many, and for several minutes together', () => {
    for (const size of [0, 1, 10, 1000, 30_000]) {
      const [left, right] = [new HyperLogLog(), new HyperLogLog()];
      for (let i = 0; i < size; i++) (i % 2 === 0 ? left : right).add(`user ${i}`);
      for (let i = 0; i < size; i += 3) left.add(`user ${i}`);
      left.merge(right);
      expect(Math.abs(left.count - size)).toBeLessThanOrEqual(size * 0.05);
    }
  });
});
