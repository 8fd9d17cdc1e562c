import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Clock, describeError, type Logger, stringifyJson } from '../src/shared/index.ts';
import type { InProcessScheduler } from './in-process-scheduler.ts';
import { type AnyJob, findJob } from './job-registry.ts';
import { type JobSchedule, runIdOf } from './job-schedule.ts';
import type { JobRun, JobStore, SchedulePause, ScheduleState } from './job-store.ts';
import { lineLogger } from './line-logger.ts';
import { isAlive } from './process-alive.ts';

/** `<folder>/schedules/<name>.json` */
interface KeptSchedule {
  lastDueMs: number | null;
  lastRunId: string | null;
  pause: SchedulePause | null;
  note: string | null;
}

/** `<folder>/runs/<id>.json`, its log beside it as `<id>.log`. */
interface KeptRun extends JobRun {
  schedule: string;
  input: unknown;
  attempt: number;
  /** Who works on it. */
  host: string;
  pid: number;
}

const keptRuns = 200;
const freshSchedule: KeptSchedule = { lastDueMs: null, lastRunId: null, pause: null, note: null };

/**
 * Schedules and runs in a local folder, the runs themselves in this process. Several processes may share the folder: a run
 * is begun by creating its file, which one of them manages. Runs of processes that are gone are begun again by `resume`.
 */
export class FileJobStore implements JobStore {
  readonly #folder: string;
  readonly #scheduler: InProcessScheduler;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #working = new Set<Promise<void>>();

  constructor(options: { folder: string; scheduler: InProcessScheduler; clock: Clock; logger: Logger }) {
    this.#folder = options.folder;
    this.#scheduler = options.scheduler;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async state({ name }: JobSchedule): Promise<ScheduleState> {
    const kept = await this.#schedule(name);
    const run = kept.lastRunId === null ? null : await this.#run(kept.lastRunId);
    const isRunning = run !== null && run.state === 'running' && !isAbandoned(run);
    return { ...kept, isRunning };
  }

  async settle(name: string, dueMs: number, note: string | null): Promise<void> {
    const kept = await this.#schedule(name);
    if (kept.lastDueMs !== null && kept.lastDueMs >= dueMs) return;
    await this.#write(this.#schedulePath(name), { ...kept, lastDueMs: dueMs, note: note ?? kept.note });
  }

  async setPause(name: string, pause: SchedulePause | null): Promise<void> {
    await this.#write(this.#schedulePath(name), { ...(await this.#schedule(name)), pause });
  }

  async start(schedule: JobSchedule, job: AnyJob, dueMs: number): Promise<void> {
    const id = runIdOf(schedule, dueMs);
    const run: KeptRun = { ...this.#fresh(id, job.name, 1), schedule: schedule.name, input: schedule.input };
    await mkdir(join(this.#folder, 'runs'), { recursive: true });
    const isOurs = await createNew(this.#runPath(id), `${stringifyJson(run)}\n`);
    // Whatever goes wrong from here on: a run that has its file is under way.
    if (isOurs) this.#begin(run, job);
    const kept = await this.#schedule(schedule.name);
    const lastDueMs = Math.max(kept.lastDueMs ?? 0, dueMs);
    await this.#write(this.#schedulePath(schedule.name), { ...kept, lastDueMs, lastRunId: id });
    await this.#prune();
  }

  /** Begins runs again whose process is gone; called once at the start. */
  async resume(): Promise<void> {
    for (const run of await this.#all()) {
      if (run.state !== 'running' || !isAbandoned(run)) continue;
      const attempt = run.attempt + 1;
      const claim = `${this.#runPath(run.id)}.attempt-${attempt}`;
      if (!(await createNew(claim, ''))) continue;
      const again = { ...run, ...this.#fresh(run.id, run.job, attempt) };
      await this.#write(this.#runPath(run.id), again);
      this.#begin(again, findJob(run.job));
    }
  }

  async runs(limit: number): Promise<JobRun[]> {
    const all = (await this.#all()).sort((a, b) => (b.startedMs ?? 0) - (a.startedMs ?? 0));
    return all.slice(0, limit).map(({ id, job, state, startedMs, endedMs, result, error, ...rest }) => {
      const gone = state === 'running' && isAbandoned({ state, ...rest });
      return { id, job, state, startedMs, endedMs, result, error: gone ? 'its process is gone' : error };
    });
  }

  async logs(runId: string): Promise<string[] | null> {
    if (!(await this.#run(runId))) return null;
    const text = await readFile(this.#logPath(runId), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async close(): Promise<void> {
    await this.#scheduler.close();
    await Promise.all(this.#working);
  }

  #fresh(id: string, job: string, attempt: number) {
    const startedMs = this.#clock.nowMs();
    const at = { startedMs, endedMs: null, result: null, error: null };
    return { id, job, state: 'running' as const, ...at, attempt, host: hostname(), pid: process.pid };
  }

  #begin(run: KeptRun, job: AnyJob): void {
    const work = this.#work(run, job).catch((error: unknown) => {
      this.#logger.error({ run: run.id, reason: describeError(error) }, 'RunNotRecorded');
    });
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  async #work(run: KeptRun, job: AnyJob): Promise<void> {
    let lines = Promise.resolve();
    const keep = (line: string): void => {
      lines = lines.then(() => appendFile(this.#logPath(run.id), `${line}\n`)).catch(() => {});
    };
    const logger = lineLogger(this.#logger, keep, { run: run.id });
    let ended: Pick<JobRun, 'state' | 'result' | 'error'>;
    try {
      const input = job.parseInput(run.input);
      const result = await this.#scheduler.run(job, input, { jobId: run.id, logger, firstAttempt: run.attempt });
      const error = result.failures.map(({ step, error }) => `${step}: ${error}`).join('; ');
      ended = { state: result.outcome, result, error: error || null };
      logger.info({ outcome: result.outcome }, 'RunEnded');
    } catch (error) {
      ended = { state: 'failed', result: null, error: describeError(error) };
      logger.error({ reason: ended.error }, 'RunFailed');
    }
    await lines;
    await this.#write(this.#runPath(run.id), { ...run, ...ended, endedMs: this.#clock.nowMs() });
  }

  async #schedule(name: string): Promise<KeptSchedule> {
    return { ...freshSchedule, ...(await readJson<KeptSchedule>(this.#schedulePath(name))) };
  }

  #run(id: string): Promise<KeptRun | null> {
    return readJson<KeptRun>(this.#runPath(id));
  }

  async #all(): Promise<KeptRun[]> {
    const names = await readdir(join(this.#folder, 'runs')).catch(() => []);
    const ids = names.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -5)] : []));
    return (await Promise.all(ids.map((id) => this.#run(id)))).filter((run) => run !== null);
  }

  async #prune(): Promise<void> {
    const ended = (await this.#all()).filter(({ endedMs }) => endedMs !== null);
    const old = ended.sort((a, b) => b.endedMs! - a.endedMs!).slice(keptRuns);
    for (const { id } of old) {
      await rm(this.#runPath(id), { force: true });
      await rm(this.#logPath(id), { force: true });
    }
  }

  async #write(path: string, value: object): Promise<void> {
    await mkdir(join(path, '..'), { recursive: true });
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, `${stringifyJson(value)}\n`);
    await rename(temporary, path);
  }

  #schedulePath(name: string): string {
    return join(this.#folder, 'schedules', `${encodeURIComponent(name)}.json`);
  }

  #runPath(id: string): string {
    return join(this.#folder, 'runs', `${encodeURIComponent(id)}.json`);
  }

  #logPath(id: string): string {
    return join(this.#folder, 'runs', `${encodeURIComponent(id)}.log`);
  }
}

/** Of another machine nothing is known: the folder is local. */
function isAbandoned({ host, pid }: { state: string; host: string; pid: number }): boolean {
  return host === hostname() && !isAlive(pid);
}

/** True: the file was not there before. */
async function createNew(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(content);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isGone || error instanceof SyntaxError) return null; // a process that died while it wrote its first line
    throw error;
  }
}
