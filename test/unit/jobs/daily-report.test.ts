import { describe, expect, it } from 'vitest';
import { type DailyReportInput, dailyReport } from '../../../jobs/daily-report.ts';
import { childJobId } from '../../../jobs/job-flow.ts';
import { dueMsOf, type JobSchedule, runIdOf } from '../../../jobs/job-schedule.ts';

const mail = { host: 'mail.example.com', from: 'a@example.com', to: ['b@example.com'], password: '$' + '{env:SECRET}' };
const input = { warehouseUrl: 'file:///data', games: ['hh', { game: 'dd', title: 'Dragon Dash' }], mail };

function parse(value: unknown): DailyReportInput {
  return dailyReport.parseInput(value);
}

describe('the input of the job daily-report', () => {
  it('means the same when it comes back from a queue, and never holds a secret', () => {
    const parsed = parse(input);
    const queued = JSON.stringify(parsed);
    expect(JSON.stringify(parse(JSON.parse(queued)))).toBe(queued);
    expect(parsed.games.map(({ game, title }) => [game, title])).toEqual([
      ['hh', undefined],
      ['dd', 'Dragon Dash'],
    ]);
    expect(parsed.mail).toMatchObject({ port: 587, password: '$' + '{env:SECRET}' });
  });

  it.each([
    [{ ...input, games: [] }, /^daily-report: games: /],
    [{ ...input, mail: { ...mail, to: [] } }, /^daily-report: mail\.to: /],
    [{ ...input, locale: 'xx-nonsense-locale' }, /^expected a locale like de/],
    [{ ...input, recipients: ['b@example.com'] }, /^daily-report: .*recipients/],
    [{ ...input, mail: undefined }, /^daily-report: expected mail .* or out/],
  ])('is refused when it is wrong, number %#', (value, message) => {
    expect(() => parse(value)).toThrow(message);
  });
});

describe('the id of a run', () => {
  it('says when the run was due, so that a late one keeps its day', () => {
    const dueMs = Date.parse('2026-11-21T06:00:00Z');
    const id = runIdOf({ name: 'reports-2026' } as JobSchedule, dueMs);
    expect(dueMsOf(id)).toBe(dueMs);
    expect(dueMsOf(childJobId(id, 'hh'))).toBe(dueMs);
    expect(dueMsOf('daily-report-6d64add3-43c2-4e8e-adf1-c57cccde28a2')).toBeNull();
  });
});
