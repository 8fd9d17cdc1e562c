import { type LoadStatus, lagOf, type PartitionView } from './load-status.ts';
import { type RollSettings, waitWords } from './wait-words.ts';

export interface HealthReason {
  /** Null: of the whole process. */
  topic: string | null;
  partition: number | null;
  lag: bigint | null;
  /** For how long nothing was committed, seconds. */
  standsStillS: number;
  /** What it waits for, in words. */
  wait: string;
}

export interface Health {
  status: 'ok' | 'failing';
  reasons: HealthReason[];
}

export interface HealthLimits {
  /** A checkpoint that stands still for so long, with records behind it all the while, makes the load unhealthy. */
  stallMs: number;
  roll: RollSettings;
}

/** Twice what a roll may take by its age, and a minute for the warehouse to answer. */
export function defaultStallMs(rollAgeMs: number): number {
  return 2 * rollAgeMs + 60_000;
}

/**
 * A load is healthy when it does its work, not when its process runs: every partition that it owns or has given up commits, or
 * has nothing to commit, or was paused by a person. Partitions that other processes own are theirs to answer for.
 */
export function judgeHealth(status: LoadStatus, limits: HealthLimits, nowMs: number): Health {
  const reasons = [...partitionReasons(status, limits, nowMs), ...processReasons(status, limits, nowMs)];
  return { status: reasons.length > 0 ? 'failing' : 'ok', reasons };
}

function* partitionReasons(status: LoadStatus, limits: HealthLimits, nowMs: number): Generator<HealthReason> {
  for (const view of status.partitions) {
    const isOurs = view.worker !== null || view.error !== null;
    if (!isOurs || view.owner?.pause) continue;
    const stillMs = stillFor(view, nowMs);
    if (view.error === null && (stillMs === null || stillMs < limits.stallMs)) continue;
    const { topic, partition } = view;
    const context = { workers: status.workers, roll: limits.roll, nowMs };
    const standsStillS = Math.round((stillMs ?? 0) / 1000);
    yield { topic, partition, lag: lagOf(view), standsStillS, wait: waitWords(view, context) };
  }
}

/** For how long records have waited behind a checkpoint that did not move; null: they have not. */
function stillFor(view: PartitionView, nowMs: number): number | null {
  if (view.behindSinceMs === null) {
    // Not claimed yet, so nothing is known of its lag: that must not last either.
    return view.checkpoint === null && view.worker !== null ? nowMs - view.movedAtMs : null;
  }
  return nowMs - Math.max(view.behindSinceMs, view.movedAtMs);
}

function* processReasons(status: LoadStatus, limits: HealthLimits, nowMs: number): Generator<HealthReason> {
  const whole = { topic: null, partition: null, lag: null };
  const { logProblem } = status;
  if (logProblem && nowMs - logProblem.sinceMs >= limits.stallMs) {
    const standsStillS = Math.round((nowMs - logProblem.sinceMs) / 1000);
    yield { ...whole, standsStillS, wait: `the brokers do not answer: ${logProblem.reason}` };
  }
  for (const [worker, { phase, phaseSinceMs, delay }] of status.workers) {
    const stillMs = nowMs - phaseSinceMs;
    if (phase === 'working' || stillMs < limits.stallMs) continue;
    const what = phase === 'opening' ? 'does not get its connections open' : 'gets no answer from its group';
    const why = delay ? `: ${delay.event}: ${delay.reason}` : '';
    yield { ...whole, standsStillS: Math.round(stillMs / 1000), wait: `worker ${worker} ${what}${why}` };
  }
  const silentMs = nowMs - status.startedMs;
  if (status.workers.size === 0 && silentMs >= limits.stallMs) {
    yield { ...whole, standsStillS: Math.round(silentMs / 1000), wait: 'no worker has said anything since the start' };
  }
}
