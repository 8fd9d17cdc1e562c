import { randomUUID } from 'node:crypto';
import { type Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { SluiceError } from '../src/shared/index.ts';
import { type AnyJob, jobNames } from './job-registry.ts';
import { type JobSchedule, runIdOf } from './job-schedule.ts';
import type { JobRun, JobStore, SchedulePause, ScheduleState } from './job-store.ts';
import type { RedisScheduler } from './redis-scheduler.ts';
import { stepsQueue } from './redis-scheduler.ts';
import type { JobOutcome } from './table-jobs.ts';

const lockMs = 60_000;
const unended = new Set(['active', 'waiting', 'waiting-children', 'delayed', 'prioritized', 'paused']);

/**
 * Schedules in Redis hashes `<prefix>:schedule:<name>`, runs as BullMQ's jobs. Any number of schedulers may share it: a run's
 * id is its due time, and the look whether it is there and its submission are under a short lock.
 */
export class RedisJobStore implements JobStore {
  readonly #scheduler: RedisScheduler;
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue>();

  constructor(scheduler: RedisScheduler) {
    this.#scheduler = scheduler;
    this.#redis = new Redis(scheduler.connection);
    this.#redis.on('error', () => {}); // said by whoever waits for an answer
  }

  async state({ name, job }: JobSchedule): Promise<ScheduleState> {
    const kept = await this.#redis.hgetall(this.#key(name));
    const lastRunId = kept['lastRunId'] ?? null;
    const run = lastRunId === null ? null : await this.#queue(job).getJob(lastRunId);
    return {
      lastDueMs: kept['lastDueMs'] === undefined ? null : Number(kept['lastDueMs']),
      lastRunId,
      isRunning: run ? unended.has(await run.getState()) : false,
      pause: kept['pause'] ? (JSON.parse(kept['pause']) as SchedulePause) : null,
      note: kept['note'] ?? null,
    };
  }

  async settle(name: string, dueMs: number, note: string | null): Promise<void> {
    await this.#advance(name, dueMs, note === null ? {} : { note });
  }

  async setPause(name: string, pause: SchedulePause | null): Promise<void> {
    if (pause) await this.#redis.hset(this.#key(name), { pause: JSON.stringify(pause) });
    else await this.#redis.hdel(this.#key(name), 'pause');
  }

  async start(schedule: JobSchedule, job: AnyJob, dueMs: number): Promise<void> {
    const id = runIdOf(schedule, dueMs);
    await this.#locked(id, async () => {
      if (!(await this.#queue(job.name).getJob(id))) {
        await this.#scheduler.submit(job, job.parseInput(schedule.input), id);
      }
      await this.#advance(schedule.name, dueMs, { lastRunId: id });
    });
  }

  async runs(limit: number): Promise<JobRun[]> {
    const found = await Promise.all(
      jobNames.map(async (name) => (await this.#queue(name).getJobs(undefined, 0, limit - 1)).filter(Boolean)),
    );
    const runs = await Promise.all(found.flat().map((job) => describeJob(job)));
    return runs.sort((a, b) => (b.startedMs ?? 0) - (a.startedMs ?? 0)).slice(0, limit);
  }

  async logs(runId: string): Promise<string[] | null> {
    for (const name of jobNames) {
      const job = await this.#queue(name).getJob(runId);
      if (!job) continue;
      const own = await this.#queue(name).getJobLogs(runId);
      const steps = await Promise.all((await childIds(job)).map((id) => this.#queue(stepsQueue(name)).getJobLogs(id)));
      const lines = [...own.logs, ...steps.flatMap(({ logs }) => logs)];
      return lines.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
    }
    return null;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
    this.#redis.disconnect();
    await this.#scheduler.close();
  }

  /** Two schedulers may settle at once: the later due time stays. */
  async #advance(name: string, dueMs: number, fields: Record<string, string>): Promise<void> {
    const script = `
      local last = tonumber(redis.call('HGET', KEYS[1], 'lastDueMs') or '-1')
      if last >= tonumber(ARGV[1]) then return 0 end
      redis.call('HSET', KEYS[1], 'lastDueMs', ARGV[1], unpack(ARGV, 2))
      return 1`;
    await this.#redis.eval(script, 1, this.#key(name), String(dueMs), ...Object.entries(fields).flat());
  }

  /** Whoever does not get the lock leaves the run to the one who has it. */
  async #locked(id: string, work: () => Promise<void>): Promise<void> {
    const key = `${this.#scheduler.prefix}:schedule-lock:${id}`;
    const token = randomUUID();
    if ((await this.#redis.set(key, token, 'PX', lockMs, 'NX')) !== 'OK') return;
    try {
      await work();
    } finally {
      const release = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end`;
      await this.#redis.eval(release, 1, key, token).catch(() => {});
    }
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Queue(name, { connection: this.#scheduler.connection, prefix: this.#scheduler.prefix });
      queue.on('error', () => {}); // BullMQ connects again by itself
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #key(name: string): string {
    return `${this.#scheduler.prefix}:schedule:${name}`;
  }
}

async function describeJob(job: Job): Promise<JobRun> {
  const state = await job.getState();
  const result = job.returnvalue as { outcome?: JobOutcome; failures?: { step: string; error: string }[] } | null;
  const failures = result?.failures?.map(({ step, error }) => `${step}: ${error}`).join('; ');
  if (job.id === undefined) throw new SluiceError('bad-job', 'expected a job of the queue to have an id');
  return {
    id: job.id,
    job: job.queueName,
    state: stateOf(state, result?.outcome),
    startedMs: job.timestamp,
    endedMs: job.finishedOn ?? null,
    result: result ?? null,
    error: job.failedReason || failures || null,
  };
}

function stateOf(state: string, outcome: JobOutcome | undefined): JobRun['state'] {
  if (state === 'completed') return outcome ?? 'complete';
  if (state === 'failed') return 'failed';
  // A parent waits for its children: they are the work.
  return state === 'active' || state === 'waiting-children' ? 'running' : 'waiting';
}

/** Ids of all children, from keys like `sluice:load-window-steps:<id>`. */
async function childIds(job: Job): Promise<string[]> {
  const { processed = {}, unprocessed = [], ignored = {}, failed = [] } = await job.getDependencies();
  const keys = [...Object.keys(processed), ...unprocessed, ...Object.keys(ignored), ...failed];
  return keys.map((key) => key.slice(key.lastIndexOf(':') + 1));
}

function timeOf(line: string): string {
  return /"time":"([^"]+)"/.exec(line)?.[1] ?? '';
}
