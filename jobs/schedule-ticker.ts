import { type Clock, describeError, type Logger } from '../src/shared/index.ts';
import { findJob } from './job-registry.ts';
import { type JobSchedule, latestDueMs } from './job-schedule.ts';
import type { JobStore } from './job-store.ts';

/** Later than this, a run counts as missed. */
const missedMs = 5 * 60_000;
const tickMs = 2000;

/**
 * Starts the runs that are due. Any number of processes may tick for the same schedules: what was settled is in the store,
 * and a run has one id. Nothing is kept here, so a process that was away goes on with what was due meanwhile.
 */
export class ScheduleTicker {
  readonly #schedules: readonly JobSchedule[];
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { schedules: readonly JobSchedule[]; store: JobStore; clock: Clock; logger: Logger }) {
    this.#schedules = options.schedules;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Ticks until the signal; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.tick();
      await this.#clock.sleep(tickMs, signal).catch(() => {});
    }
  }

  /** Looks at every schedule once. Trouble with one (a store or brokers that do not answer) is left to the next look. */
  async tick(): Promise<void> {
    for (const schedule of this.#schedules) {
      try {
        await this.#look(schedule);
      } catch (error) {
        this.#logger.error({ schedule: schedule.name, reason: describeError(error) }, 'ScheduleNotStarted');
      }
    }
  }

  async #look(schedule: JobSchedule): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const { name } = schedule;
    const { lastDueMs, pause, isRunning, lastRunId } = await this.#store.state(schedule);
    // A new schedule begins now: what would have been due before was never promised.
    if (lastDueMs === null) return await this.#store.settle(name, nowMs, null);
    const dueMs = pause ? null : latestDueMs(schedule, lastDueMs, nowMs);
    if (dueMs === null) return;
    const due = new Date(dueMs).toISOString();
    if (schedule.missed === 'skip' && nowMs - dueMs > missedMs) {
      return await this.#skip(name, dueMs, `the run due at ${due} was missed and skipped`);
    }
    if (isRunning) {
      if (schedule.overlap === 'queue') return;
      return await this.#skip(name, dueMs, `the run due at ${due} was skipped: ${lastRunId} had not ended`);
    }
    await this.#store.start(schedule, findJob(schedule.job), dueMs);
    this.#logger.info({ schedule: name, due, lateMs: nowMs - dueMs }, 'ScheduleStarted');
  }

  async #skip(name: string, dueMs: number, note: string): Promise<void> {
    await this.#store.settle(name, dueMs, note);
    this.#logger.warn({ schedule: name, note }, 'ScheduleSkipped');
  }
}
