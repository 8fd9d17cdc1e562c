import { BadInputError } from '../src/shared/index.ts';
import { audit } from './audit-tables.ts';
import { catchUp } from './catch-up.ts';
import { closeHours } from './close-hours.ts';
import { compactFiles } from './compact-files.ts';
import { continuousLoad } from './continuous-load.ts';
import { dailyReport } from './daily-report.ts';
import { expireWarehouse } from './expire-warehouse.ts';
import type { JobFlow } from './job-flow.ts';
import { loadWindow } from './load-window.ts';
import { syncCatalog } from './sync-catalog.ts';
import type { JobResult } from './table-jobs.ts';

/** A job of which only the name is known; its input is checked by itself. */
export type AnyJob = JobFlow<unknown, unknown, unknown, JobResult>;

const flows = [
  ...[loadWindow, catchUp, continuousLoad, closeHours, compactFiles, expireWarehouse, audit, syncCatalog, dailyReport],
];
const jobs: readonly AnyJob[] = flows.map((flow) => flow as unknown as AnyJob);

export const jobNames: readonly string[] = jobs.map(({ name }) => name);

export function allJobs(): readonly AnyJob[] {
  return jobs;
}

export function findJob(name: string): AnyJob {
  const found = jobs.find((job) => job.name === name);
  if (found) return found;
  throw new BadInputError(`expected one of the jobs ${jobNames.join(', ')}, got "${name}"`);
}
