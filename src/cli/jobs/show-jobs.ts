import { hostname, userInfo } from 'node:os';
import { type JobRun, nextDueMs, type ShownSchedule } from '../../../jobs/index.ts';
import { BadInputError, createLogger } from '../../shared/index.ts';
import { exitCodes, formatDuration, printJson, printTable } from '../output.ts';
import { findSchedule, type JobsOptions, type OpenJobs, openJobs } from './open-jobs.ts';

/** The schedules as they stand. */
export async function shownSchedules({
  schedules,
  store,
}: Pick<OpenJobs, 'schedules' | 'store'>): Promise<ShownSchedule[]> {
  return await Promise.all(
    schedules.map(async (schedule) => ({
      schedule,
      state: await store.state(schedule),
      nextDueMs: nextDueMs(schedule, Date.now()),
    })),
  );
}

/** `sluice jobs list`. */
export async function listJobs(options: JobsOptions & { limit: number }): Promise<number> {
  const jobs = await openJobs(options, 0, createLogger('error'));
  try {
    const schedules = await shownSchedules(jobs);
    const runs = await jobs.store.runs(options.limit);
    if (options.json) printJson({ schedules: schedules.map(toJson), runs });
    else printBoth(schedules, runs);
    return exitCodes.complete;
  } finally {
    await jobs.store.close();
  }
}

export function toJson({ schedule, state, nextDueMs }: ShownSchedule) {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { ...schedule, ...state, lastDueAt: iso(state.lastDueMs), nextDueAt: iso(nextDueMs) };
}

function printBoth(schedules: readonly ShownSchedule[], runs: readonly JobRun[]): void {
  const iso = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString().slice(0, 19).concat('Z'));
  if (schedules.length === 0) process.stdout.write('no schedules: see section jobs of sluice.yaml\n');
  else {
    printTable(schedules, [
      { header: 'SCHEDULE', cell: ({ schedule }) => schedule.name },
      { header: 'JOB', cell: ({ schedule }) => schedule.job },
      { header: 'CRON', cell: ({ schedule }) => schedule.cron },
      { header: 'ZONE', cell: ({ schedule }) => schedule.zone },
      { header: 'NEXT', cell: ({ nextDueMs }) => iso(nextDueMs) },
      { header: 'LAST RUN', cell: ({ state }) => state.lastRunId ?? '' },
      { header: 'STATE', cell: stateText },
    ]);
  }
  if (runs.length === 0) return;
  process.stdout.write('\n');
  printTable(runs, [
    { header: 'RUN', cell: ({ id }) => id },
    { header: 'JOB', cell: ({ job }) => job },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'STARTED', cell: ({ startedMs }) => iso(startedMs) },
    { header: 'TOOK', cell: tookText, align: 'right' },
    { header: 'ERROR', cell: ({ error }) => (error ?? '').slice(0, 120) },
  ]);
}

function stateText({ state }: ShownSchedule): string {
  const { pause, isRunning, note, lastDueMs } = state;
  if (pause) return `paused by ${pause.by}: ${pause.reason}`;
  if (isRunning) return 'running';
  return note ?? (lastDueMs === null ? 'new: begins with the next "sluice jobs work"' : '');
}

function tookText({ startedMs, endedMs }: JobRun): string {
  return startedMs === null || endedMs === null ? '' : formatDuration(endedMs - startedMs);
}

/** `sluice jobs pause|resume`. */
export async function pauseJob(name: string, options: JobsOptions & { reason: string | null }): Promise<number> {
  const jobs = await openJobs(options, 0, createLogger('error'));
  try {
    findSchedule(jobs.schedules, name);
    const by = `${userInfo().username}@${hostname()}`;
    const { reason } = options;
    await jobs.store.setPause(name, reason === null ? null : { by, reason, atMs: Date.now() });
    process.stdout.write(reason === null ? `${name} goes on\n` : `${name} is paused: its next runs do not begin\n`);
    return exitCodes.complete;
  } finally {
    await jobs.store.close();
  }
}

/** `sluice jobs logs RUN`. */
export async function showLogs(runId: string, options: JobsOptions): Promise<number> {
  const jobs = await openJobs(options, 0, createLogger('error'));
  try {
    const lines = await jobs.store.logs(runId);
    if (lines === null) throw new BadInputError(`expected the id of a run, got "${runId}"; see "sluice jobs list"`);
    if (options.json) printJson(lines.map((line) => JSON.parse(line) as unknown));
    else for (const line of lines) process.stdout.write(`${line}\n`);
    return exitCodes.complete;
  } finally {
    await jobs.store.close();
  }
}
