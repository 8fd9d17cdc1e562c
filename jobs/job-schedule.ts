import { Cron } from 'croner';
import { BadInputError, describeError } from '../src/shared/index.ts';

/** When a job runs by itself, and what becomes of runs that are late or meet each other. */
export interface JobSchedule {
  /** Of the schedule; the runs are named after it. */
  name: string;
  /** Of the job, e.g. `load-window`. */
  job: string;
  /** Five or six fields: [second] minute hour day month weekday. */
  cron: string;
  /** IANA name. Where the clock jumps over the time, the job runs right behind the jump; where it comes twice, the first time only. */
  zone: string;
  /**
   * The run before has not ended. `skip`: this one does not happen. `queue`: it begins when the one before has ended;
   * several that are due by then are one run.
   */
  overlap: 'skip' | 'queue';
  /**
   * Nobody was there when it was due. `run-once`: one run on return, however many were missed; a load goes on at its
   * checkpoint, so that run's window is all that was missed. `skip`: the next run is the next one that is due.
   */
  missed: 'run-once' | 'skip';
  /** Of the job, as JSON. */
  input: unknown;
}

/** Throws BadInputError that says what is wrong with the pattern or the zone. */
export function checkSchedule({ name, cron, zone }: Pick<JobSchedule, 'name' | 'cron' | 'zone'>): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(name)) {
    throw new BadInputError(`expected a schedule name of letters, digits, "-" and "_", got "${name}"`);
  }
  try {
    if (new Cron(cron, { timezone: zone, paused: true }).nextRun() === null) throw new Error('it never comes');
  } catch (error) {
    throw new BadInputError(
      `schedule ${name}: expected cron fields like "30 2 * * *" and a zone like Europe/Berlin, got "${cron}" in "${zone}": ${describeError(error)}`,
    );
  }
}

/** The next time it is due after `afterMs`, epoch ms; null: never again. */
export function nextDueMs({ cron, zone }: JobSchedule, afterMs: number): number | null {
  return pattern(cron, zone).nextRun(new Date(afterMs))?.getTime() ?? null;
}

/** The latest time within (afterMs, nowMs] at which it was due; null: it was not. */
export function latestDueMs(schedule: JobSchedule, afterMs: number, nowMs: number): number | null {
  const first = nextDueMs(schedule, afterMs);
  if (first === null || first > nowMs) return null;
  const [latest] = pattern(schedule.cron, schedule.zone).previousRuns(1, new Date(nowMs + 1000));
  const latestMs = latest?.getTime() ?? first;
  return latestMs <= nowMs && latestMs >= first ? latestMs : first;
}

/** The id of a run: the same for every scheduler, so that two of them make one run. BullMQ's ids hold no ':'. */
export function runIdOf({ name }: JobSchedule, dueMs: number): string {
  return `${name}.${new Date(dueMs).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
}

/** When the run of that id was due, epoch ms, also for one of its children; null: it was not started by a schedule. */
export function dueMsOf(runId: string): number | null {
  const match = /\.(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z(?:\.|$)/.exec(runId);
  return match ? Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`) : null;
}

function pattern(cron: string, zone: string): Cron {
  return new Cron(cron, { timezone: zone, paused: true });
}
