import type { DailyReport } from './daily-report.ts';

/** The report as programs take it (docs/reports.md, "JSON"): times as RFC 3339 text, money in cents. */
export function reportJson(report: DailyReport): object {
  const { startMs, endMs, madeAtMs, ...rest } = report;
  const iso = (timeMs: number): string => new Date(timeMs).toISOString();
  return { ...rest, from: iso(startMs), until: iso(endMs), madeAt: iso(madeAtMs) };
}
