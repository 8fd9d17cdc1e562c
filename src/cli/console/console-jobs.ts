import { findJob } from '../../../jobs/index.ts';
import type { ConsoleJobs } from '../../console/index.ts';
import { createLogger } from '../../shared/index.ts';
import { findSchedule, type JobsOptions, type OpenJobs, openJobs } from '../jobs/open-jobs.ts';
import { shownSchedules } from '../jobs/show-jobs.ts';

const shownRuns = 100;

/** The jobs of the settings file for the console, with what closes them; null: the file names none. */
export async function openConsoleJobs(
  options: JobsOptions,
): Promise<{ jobs: ConsoleJobs; close: () => Promise<void> } | null> {
  const opened = await openJobs(options, 1, createLogger('warn', { part: 'jobs' }));
  const isSetUp = opened.schedules.length > 0 || opened.redis !== null || options.state !== undefined;
  const close = (): Promise<void> => opened.store.close();
  if (!isSetUp) {
    await close();
    return null;
  }
  return { jobs: consoleJobs(opened), close };
}

function consoleJobs(opened: OpenJobs): ConsoleJobs {
  const { schedules, store } = opened;
  return {
    list: async () => ({
      schedules: (await shownSchedules(opened)).map(({ schedule, state, nextDueMs }) => {
        const { name, job, cron, zone } = schedule;
        const { lastRunId, isRunning, pause, note } = state;
        return { name, job, cron, zone, nextDueMs, lastRunId, isRunning, pause, note };
      }),
      runs: await store.runs(shownRuns),
    }),
    log: (runId) => store.logs(runId),
    run: async (name) => {
      const schedule = findSchedule(schedules, name);
      await store.start(schedule, findJob(schedule.job), Date.now());
    },
    setPause: async (name, pause) => {
      findSchedule(schedules, name);
      await store.setPause(name, pause);
    },
  };
}
