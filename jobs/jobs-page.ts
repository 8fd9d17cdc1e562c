import { escapeHtml } from '../src/shared/index.ts';
import type { JobSchedule } from './job-schedule.ts';
import type { JobRun, ScheduleState } from './job-store.ts';

/** A schedule with what is kept of it and when it is due next. */
export interface ShownSchedule {
  schedule: JobSchedule;
  state: ScheduleState;
  nextDueMs: number | null;
}

const style = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;margin-bottom:2rem}th,td{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600}code{font:13px ui-monospace,monospace}.failed{color:#b00020}.partial{color:#8a5a00}.running{color:#00529b}
@media (prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}th,td{border-color:#3a3a3a}.failed{color:#ff8a80}.partial{color:#ffcc80}.running{color:#90caf9}}`;

/** Schedules and the newest runs as one HTML page without scripts; everything shown is escaped. */
export function jobsPage(schedules: readonly ShownSchedule[], runs: readonly JobRun[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width"><title>Sluice: jobs</title><style>${style}</style></head><body>
<h1>Jobs</h1><h2>Schedules</h2>
${table(['Schedule', 'Job', 'Cron', 'Zone', 'Next', 'Last run', 'State'], schedules.map(scheduleCells))}
<h2>Runs</h2>
${table(['Run', 'Job', 'State', 'Started', 'Took', 'Error'], runs.map(runCells))}
</body></html>
`;
}

function scheduleCells({ schedule, state, nextDueMs }: ShownSchedule): string[] {
  const { name, job, cron, zone } = schedule;
  const { pause, isRunning, note, lastRunId } = state;
  const words = pause ? `paused by ${pause.by}: ${pause.reason}` : isRunning ? 'running' : (note ?? '');
  return [
    escapeHtml(name),
    escapeHtml(job),
    code(cron),
    escapeHtml(zone),
    time(nextDueMs),
    code(lastRunId ?? ''),
    escapeHtml(words),
  ];
}

function runCells({ id, job, state, startedMs, endedMs, error }: JobRun): string[] {
  const took = startedMs !== null && endedMs !== null ? `${((endedMs - startedMs) / 1000).toFixed(1)} s` : '';
  const shown = `<span class="${escapeHtml(state)}">${escapeHtml(state)}</span>`;
  return [code(id), escapeHtml(job), shown, time(startedMs), escapeHtml(took), escapeHtml((error ?? '').slice(0, 500))];
}

function table(headers: readonly string[], rows: readonly string[][]): string {
  if (rows.length === 0) return '<p>none</p>';
  const head = headers.map((header) => `<th scope="col">${escapeHtml(header)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

function time(ms: number | null): string {
  return ms === null ? '' : escapeHtml(new Date(ms).toISOString());
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}
