import { describe, expect, it } from 'vitest';
import { checkSchedule, type JobSchedule, latestDueMs, nextDueMs, runIdOf } from '../../../jobs/job-schedule.ts';
import { BadInputError } from '../../../src/shared/index.ts';

const nightly: JobSchedule = {
  name: 'nightly',
  job: 'load-window',
  cron: '30 2 * * *',
  zone: 'Europe/Berlin',
  overlap: 'skip',
  missed: 'run-once',
  input: {},
};

/** All times that are due within (from, to], as ISO text. */
function dueTimes(schedule: JobSchedule, from: string, to: string): string[] {
  const times: string[] = [];
  for (let at = nextDueMs(schedule, Date.parse(from)); at !== null && at <= Date.parse(to); ) {
    times.push(new Date(at).toISOString());
    at = nextDueMs(schedule, at);
  }
  return times;
}

describe('a schedule over a change of the clock', () => {
  it('runs once in the night that has no 02:30, right behind the jump', () => {
    expect(dueTimes(nightly, '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  it('runs once in the night that has 02:30 twice', () => {
    expect(dueTimes(nightly, '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('has one run a night over years, in zones of both hemispheres', () => {
    for (const zone of [
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'America/Sao_Paulo',
      'Asia/Kolkata',
    ]) {
      for (const cron of ['30 2 * * *', '0 0 * * *', '15 1 * * *', '0 3 * * *']) {
        const due = dueTimes({ ...nightly, zone, cron }, '2025-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
        expect(due, `${zone} ${cron}`).toHaveLength(730);
        const gaps = due.slice(1).map((time, i) => Date.parse(time) - Date.parse(due[i]!));
        expect(Math.min(...gaps), `${zone} ${cron}`).toBeGreaterThanOrEqual(22.5 * 3_600_000);
        expect(Math.max(...gaps), `${zone} ${cron}`).toBeLessThanOrEqual(25.5 * 3_600_000);
      }
    }
  });
});

describe('what is due', () => {
  it('is the latest time only, however many were missed', () => {
    const from = Date.parse('2026-11-01T12:00:00Z');
    const due = (to: string): string | null => {
      const dueMs = latestDueMs(nightly, from, Date.parse(to));
      return dueMs === null ? null : new Date(dueMs).toISOString();
    };
    expect(due('2026-11-02T01:29:59Z')).toBeNull();
    expect(due('2026-11-02T01:30:00Z')).toBe('2026-11-02T01:30:00.000Z');
    expect(due('2026-11-09T12:00:00Z')).toBe('2026-11-09T01:30:00.000Z');
  });

  it('agrees with the list of all times, at any moment of the year', () => {
    const from = Date.parse('2026-01-01T00:00:00Z');
    const all = dueTimes(nightly, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z').map((time) => Date.parse(time));
    for (let at = from; at < Date.parse('2026-12-31T00:00:00Z'); at += 7 * 3_600_000 + 61_000) {
      const expected = all.filter((time) => time <= at).at(-1) ?? null;
      expect(latestDueMs(nightly, from, at), new Date(at).toISOString()).toBe(expected);
    }
  });

  it('gives every scheduler the same id, which BullMQ takes', () => {
    expect(runIdOf(nightly, Date.parse('2026-11-02T01:30:00Z'))).toBe('nightly.2026-11-02T01-30-00Z');
  });
});

describe('a schedule that is wrong', () => {
  it('is refused by name', () => {
    for (const wrong of [{ cron: '61 2 * * *' }, { cron: 'daily' }, { zone: 'Europe/Atlantis' }, { name: 'a/b' }]) {
      expect(() => checkSchedule({ ...nightly, ...wrong }), JSON.stringify(wrong)).toThrow(BadInputError);
    }
    checkSchedule(nightly);
  });
});
