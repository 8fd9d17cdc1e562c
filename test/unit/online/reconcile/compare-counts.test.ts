import { describe, expect, it } from 'vitest';
import { compareCounts } from '../../../../src/online/reconcile/reconcile-hour.ts';

const minute = Date.UTC(2026, 10, 21, 7, 35);
const row = (game: string, counts: Record<string, number>) => ({ game, minuteMs: minute, counts });

describe('counters and rows', () => {
  it('are equal whatever their order', () => {
    const left = [row('hh', { login: 1, share: 2 }), row('mw', { login: 3 })];
    const right = [row('mw', { login: 3 }), row('hh', { share: 2, login: 1 })];
    expect(compareCounts(left, right)).toEqual([]);
  });

  it('differ by what one has more, less, or not at all, each with its key', () => {
    const counters = [row('hh', { login: 1, share: 2 }), row('mw', { login: 3 })];
    const rows = [row('hh', { login: 2, search: 1 }), row('mw', { login: 3 })];
    expect(compareCounts(counters, rows)).toEqual([
      { key: 'hh:2026_1121_0735', call: 'login', counter: 1, rows: 2 },
      { key: 'hh:2026_1121_0735', call: 'search', counter: 0, rows: 1 },
      { key: 'hh:2026_1121_0735', call: 'share', counter: 2, rows: 0 },
    ]);
  });
});
