import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSchedule, nextScheduled, RollClock } from '../../../src/loader/roll-clock.ts';
import { ManualClock } from '../../../src/shared/index.ts';
import { TimeZone } from '../../../src/warehouse/index.ts';

const minute = 60_000;
const utc = new TimeZone('UTC');
const at = (text: string): number => Date.parse(text);

describe('a schedule', () => {
  it.each([
    ['Europe/Berlin', '2026-11-21T07:01:00Z', 15, '2026-11-21T07:15:00Z'],
    ['Europe/Berlin', '2026-11-21T07:15:00Z', 15, '2026-11-21T07:30:00Z'],
    ['Asia/Kolkata', '2026-11-21T07:01:00Z', 60, '2026-11-21T07:30:00Z'], // 13:00 there
    ['Europe/Berlin', '2026-11-21T07:01:00Z', 1440, '2026-11-21T23:00:00Z'], // midnight there
    ['Europe/Berlin', '2026-03-29T00:10:00Z', 60, '2026-03-29T01:00:00Z'], // 03:00, which follows 01:59
    ['Europe/Berlin', '2026-03-29T00:10:00Z', 360, '2026-03-29T04:00:00Z'], // 06:00, five hours after midnight
    ['Europe/Berlin', '2026-10-25T00:10:00Z', 60, '2026-10-25T01:00:00Z'], // 02:00 for the second time
    ['Europe/Berlin', '2026-10-24T22:10:00Z', 360, '2026-10-25T05:00:00Z'], // 06:00, seven hours after midnight
    ['Australia/Lord_Howe', '2026-10-03T15:10:00Z', 60, '2026-10-03T15:30:00Z'], // 02:30, which follows 01:59
  ])('in %s at %s with %i minutes rolls next at %s', (zone, now, minutes, next) => {
    expect(new Date(nextScheduled(new TimeZone(zone), minutes * minute, at(now))).toISOString()).toBe(
      new Date(next).toISOString(),
    );
  });

  it('is at a multiple on the wall clock, is never skipped and never in the past, in any zone at any time', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia'];
    const every = [1, 5, 15, 30, 60, 120, 360, 720, 1440].map((minutes) => minutes * minute);
    const times = fc.integer({ min: at('2000-01-01T00:00Z'), max: at('2035-01-01T00:00Z') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.constantFrom(...every), times, (name, everyMs, nowMs) => {
        const zone = new TimeZone(name);
        const next = nextScheduled(zone, everyMs, nowMs);
        expect(next).toBeGreaterThan(nowMs);
        // A day with a change of clocks is longer by some hours, and Samoa has skipped one.
        expect(next - nowMs).toBeLessThanOrEqual(everyMs + 4 * 60 * minute);
        // A time that the clocks skip is taken when they do.
        const shown = [next + zone.offsetMs(next), next + zone.offsetMs(next - 1)];
        expect(shown.some((local) => local % everyMs === 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([7 * minute, 0, 500, 48 * 60 * minute])(
    'of %i ms is refused: it does not begin anew at midnight',
    (everyMs) => {
      expect(() => checkSchedule(everyMs)).toThrow('divides a day');
    },
  );
});

describe('RollClock', () => {
  const never = { ageMs: null, everyMs: null, freshnessMs: null };

  it('waits for nothing when no time is set', () => {
    const clock = new RollClock(new ManualClock(), never, utc);
    clock.begin();
    expect(clock.next()).toBeNull();
  });

  it('goes by the wall clock, traffic or not', async () => {
    const time = new ManualClock(at('2026-11-21T07:58:00Z'));
    const clock = new RollClock(time, { ...never, everyMs: 15 * minute, ageMs: 60 * minute }, utc);
    clock.begin();
    expect(clock.next()).toEqual({ cause: 'schedule', inMs: 2 * minute });
    await time.advance(2 * minute);
    expect(clock.next()).toEqual({ cause: 'schedule', inMs: 0 });
    clock.begin();
    expect(clock.next()).toEqual({ cause: 'schedule', inMs: 15 * minute });
  });

  it('begins a roll as much earlier as commits take, to keep the freshness that was asked for', async () => {
    const time = new ManualClock();
    const clock = new RollClock(time, { ...never, freshnessMs: 10_000 }, utc);
    clock.begin();
    expect(clock.next()).toEqual({ cause: 'freshness', inMs: 9000 });
    clock.noteCommit(4000);
    expect(clock.next()).toEqual({ cause: 'freshness', inMs: 5000 });
    await time.advance(3000);
    expect(clock.next()).toEqual({ cause: 'freshness', inMs: 2000 });
  });

  it('does not fall for ever smaller files when the warehouse is too slow for the target', () => {
    const clock = new RollClock(new ManualClock(), { ...never, freshnessMs: 10_000 }, utc);
    for (let i = 0; i < 50; i++) clock.noteCommit(60_000);
    clock.begin();
    expect(clock.next()).toEqual({ cause: 'freshness', inMs: 2500 });
  });
});
