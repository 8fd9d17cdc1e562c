import { describe, expect, it } from 'vitest';
import { hoursOf, lastDay, reportDays, yesterdayIn } from '../../../src/reports/report-days.ts';

describe('the days of a report', () => {
  it.each([
    ['2025-03-30', 'Europe/Berlin', 23, '2025-03-29T23:00:00.000Z', '2025-03-30T22:00:00.000Z'],
    ['2025-10-26', 'Europe/Berlin', 25, '2025-10-25T22:00:00.000Z', '2025-10-26T23:00:00.000Z'],
    ['2025-11-20', 'Europe/Berlin', 24, '2025-11-19T23:00:00.000Z', '2025-11-20T23:00:00.000Z'],
    ['2025-11-20', 'Asia/Kolkata', 24, '2025-11-19T18:30:00.000Z', '2025-11-20T18:30:00.000Z'],
    ['2025-10-05', 'Australia/Lord_Howe', 23.5, '2025-10-04T13:30:00.000Z', '2025-10-05T13:00:00.000Z'],
  ])('go from midnight to midnight on the wall clock: %s in %s has %d hours', (date, zone, hours, from, until) => {
    const day = reportDays(date, zone)[lastDay]!;
    expect(hoursOf(day)).toBe(hours);
    expect([day.startMs, day.endMs].map((ms) => new Date(ms).toISOString())).toEqual([from, until]);
  });

  it('are 31 without a hole between them, over a change of clocks and a turn of the year', () => {
    for (const [date, zone, first] of [
      ['2025-11-05', 'Europe/Berlin', '2025-10-06'],
      ['2024-01-09', 'America/New_York', '2023-12-10'],
      ['2024-03-15', 'America/New_York', '2024-02-14'],
    ] as const) {
      const days = reportDays(date, zone);
      expect([days.length, days[0]!.date]).toEqual([31, first]);
      for (let i = 1; i < days.length; i++) expect(days[i]!.startMs).toBe(days[i - 1]!.endMs);
    }
  });

  it('have no time on a date that the clocks jumped over, and no report of it', () => {
    // Samoa went over the date line: 30 December 2011 never came.
    const days = reportDays('2011-12-31', 'Pacific/Apia');
    const missing = days.find(({ date }) => date === '2011-12-30')!;
    expect(missing.endMs).toBe(missing.startMs);
    expect(() => reportDays('2011-12-30', 'Pacific/Apia')).toThrow('2011-12-30 does not exist in Pacific/Apia');
  });

  it('are asked for by a date and a zone that there are', () => {
    expect(() => reportDays('20.11.2025', 'UTC')).toThrow('expected a date like 2026-11-20, got "20.11.2025"');
    expect(() => reportDays('2025-02-30', 'UTC')).toThrow('expected a day like 2026-11-20, got "2025-02-30"');
    expect(() => reportDays('2025-11-20', 'Berlin')).toThrow('expected an IANA time zone');
  });

  it('end with yesterday in the zone unless another one is named', () => {
    const nowMs = Date.parse('2025-11-20T23:30:00Z');
    expect(yesterdayIn('UTC', nowMs)).toBe('2025-11-19');
    expect(yesterdayIn('Europe/Berlin', nowMs)).toBe('2025-11-20');
    expect(yesterdayIn('America/Los_Angeles', nowMs)).toBe('2025-11-19');
  });
});
