import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningConsole, readAccounts, startConsole } from '../../console/index.ts';
import { BadInputError, createLogger, describeError, systemClock } from '../../shared/index.ts';
import type { ClientConfigSource } from '../../wire/client/index.ts';
import type { JobsOptions } from '../jobs/open-jobs.ts';
import { openConsoleJobs } from './console-jobs.ts';
import { startConsoleRules } from './console-rules.ts';

/** What the console of a cluster and a warehouse is served with. */
export interface ConsoleSettings {
  /** `isDefault`: nobody chose the port, so another one may be taken. */
  listen: { host: string; port: number; isDefault: boolean };
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  warehouseUrl: string;
  user: string | undefined;
  accounts: string | undefined;
  origin: string | undefined;
  auditLog: string | undefined;
  rules: { file: string; topics: string[]; timeField: string | null } | null;
  jobs: JobsOptions;
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
    const served = await startOnFreePort(settings.listen, (listen) =>
      startConsole({
        ...{ listen, brokers, clientConfig, warehouseUrl },
        warehouseOptions: user === undefined ? {} : { user },
        accounts: settings.accounts === undefined ? null : readAccounts(settings.accounts),
        publicOrigin: settings.origin ?? null,
        auditPath: settings.auditLog ?? null,
        jobs: jobs?.jobs ?? null,
        rules: rules?.rules ?? null,
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

/** A second cluster on this machine gets a console, too: on a free port, when nobody asked for a certain one. */
async function startOnFreePort(
  { host, port, isDefault }: ConsoleSettings['listen'],
  start: (listen: { host: string; port: number }) => Promise<RunningConsole>,
): Promise<RunningConsole> {
  try {
    return await start({ host, port });
  } catch (error) {
    const cause = error instanceof BadInputError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (!isDefault || cause?.code !== 'EADDRINUSE') throw error;
    return await start({ host, port: 0 });
  }
}

/** The built pages: beside the built program, or below the sources' dist. */
function pagesDirectory(): string {
  const candidates = ['../../../web', '../../../dist/web'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return candidates.find((path) => existsSync(join(path, 'console.js'))) ?? candidates[0]!;
}
