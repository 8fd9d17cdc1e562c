import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningConsole, readAccounts, startConsole } from '../../console/index.ts';
import { createLogger, describeError, systemClock } from '../../shared/index.ts';
import type { ClientConfigSource } from '../../wire/client/index.ts';
import { type ListenChoice, onFreePort } from '../free-port.ts';
import type { JobsOptions } from '../jobs/open-jobs.ts';
import { consoleCounters } from './console-counters.ts';
import { openConsoleJobs } from './console-jobs.ts';
import { startConsoleRules } from './console-rules.ts';

/** What the console of a cluster and a warehouse is served with. */
export interface ConsoleSettings {
  listen: ListenChoice;
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  warehouseUrl: string;
  user: string | undefined;
  accounts: string | undefined;
  origin: string | undefined;
  auditLog: string | undefined;
  rules: { file: string; topics: string[]; timeField: string | null } | null;
  jobs: JobsOptions;
  /** A Redis with the counters of `sluice stats`; null: there is none. */
  counters: { url: string; prefix: string } | null;
  /** Column with the event time, for reports. */
  timeField: string;
  /** The console is there for other things: a Redis that is gone leaves only the page of jobs empty. */
  areJobsOptional: boolean;
}

export const defaultConsolePort = 8080;

/** Serves the console, with jobs and rules where there are some; `close` ends all of it. */
export async function openConsole(settings: ConsoleSettings): Promise<RunningConsole> {
  const logger = createLogger('info', { part: 'console' });
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.reverse()) await one();
  };
  try {
    const jobs = await openConsoleJobs(settings.jobs).catch((error: unknown) => {
      if (!settings.areJobsOptional) throw error;
      logger.warn({ reason: describeError(error) }, 'JobsNotShown');
      return null;
    });
    if (jobs) closers.push(jobs.close);
    const { brokers, clientConfig, warehouseUrl, user } = settings;
    const rules = settings.rules && (await startConsoleRules({ ...settings.rules, brokers, clientConfig, logger }));
    if (rules) closers.push(rules.close);
    const shown = settings.counters && consoleCounters(settings.counters.url, settings.counters.prefix, logger);
    if (shown) closers.push(shown.close);
    const served = await onFreePort(settings.listen, (listen) =>
      startConsole({
        ...{ listen, brokers, clientConfig, warehouseUrl },
        warehouseOptions: user === undefined ? {} : { user },
        accounts: settings.accounts === undefined ? null : readAccounts(settings.accounts),
        publicOrigin: settings.origin ?? null,
        auditPath: settings.auditLog ?? null,
        jobs: jobs?.jobs ?? null,
        rules: rules?.rules ?? null,
        counters: shown?.counters ?? null,
        timeField: settings.timeField,
        pagesDirectory: pagesDirectory(),
        clock: systemClock,
        logger,
      }),
    );
    closers.push(() => served.close());
    return { url: served.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The built pages: beside the built program, or below the sources' dist. */
function pagesDirectory(): string {
  const candidates = ['../web', '../../../dist/web'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return candidates.find((path) => existsSync(join(path, 'console.js'))) ?? candidates[0]!;
}
