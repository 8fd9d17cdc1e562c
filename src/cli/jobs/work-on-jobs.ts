import { allJobs, jobNames, jobsPage, ScheduleTicker } from '../../../jobs/index.ts';
import { OperationServer, type Route } from '../../operation/index.ts';
import { createLogger, systemClock } from '../../shared/index.ts';
import { exitCodes } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { type JobsOptions, type OpenJobs, openJobs } from './open-jobs.ts';
import { shownSchedules, toJson } from './show-jobs.ts';

export interface WorkOptions extends JobsOptions {
  workers: number;
  /** How long a worker may be silent before its work is given to another, ms. */
  lock?: number;
  http?: { host: string; port: number };
}

const shownRuns = 100;

/** `sluice jobs work`: works on jobs and starts what is due, until SIGTERM or SIGINT. */
export async function workOnJobs(options: WorkOptions): Promise<number> {
  const { signal } = stopSignal();
  const logger = createLogger('info');
  const jobs = await openJobs(options, options.workers, logger);
  const { schedules, store, redis, files } = jobs;
  const server = options.http
    ? await OperationServer.start({ ...options.http, token: null, logger, routes: routes(jobs) })
    : null;
  try {
    for (const job of redis ? allJobs() : []) redis?.register(job);
    await files?.resume();
    const http = server ? ` http=${server.url}/jobs` : '';
    process.stdout.write(
      `ready jobs=${jobNames.join(',')} workers=${options.workers} schedules=${schedules.length}${http}\n`,
    );
    await new ScheduleTicker({ schedules, store, clock: systemClock, logger }).run(signal);
    return exitCodes.complete;
  } finally {
    await server?.close();
    await store.close();
  }
}

function routes(jobs: OpenJobs): Route[] {
  const both = async () => ({ schedules: await shownSchedules(jobs), runs: await jobs.store.runs(shownRuns) });
  return [
    { method: 'GET', pattern: /^\/live$/, answer: () => ({ status: 200, json: { status: 'ok' } }) },
    {
      method: 'GET',
      pattern: /^\/jobs$/,
      answer: async () => {
        const { schedules, runs } = await both();
        return { status: 200, text: jobsPage(schedules, runs), type: 'text/html; charset=utf-8' };
      },
    },
    {
      method: 'GET',
      pattern: /^\/v1\/jobs$/,
      answer: async () => {
        const { schedules, runs } = await both();
        return { status: 200, json: { schedules: schedules.map(toJson), runs } };
      },
    },
    {
      method: 'GET',
      pattern: /^\/v1\/jobs\/([^/]+)\/log$/,
      answer: async ({ params }) => {
        const lines = await jobs.store.logs(params[0]!);
        if (lines === null) return { status: 404, json: { error: `there is no run ${params[0]}` } };
        return { status: 200, text: lines.map((line) => `${line}\n`).join(''), type: 'application/x-ndjson' };
      },
    },
  ];
}
