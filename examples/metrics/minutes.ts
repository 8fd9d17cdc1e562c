import type { Point } from './hosts.ts';

/** What one minute of all hosts together was like. */
export interface Minute {
  atMs: number;
  requests: number;
  errors: number;
  /** Of the points of this minute: half, and nineteen of twenty, were at most this. */
  latencyMs: { p50: number; p95: number };
}

const minuteMs = 60_000;

/**
 * Adds points up by the minute in which they were measured, not the one in which they came. A minute is over when the newest
 * point is so much newer that no straggler is expected; what comes even later is counted and left out.
 */
export class Minutes {
  readonly #patienceMs: number;
  readonly #open = new Map<number, Point[]>();
  #newestMs = 0;
  #closedBeforeMs = 0;
  lateCount = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The minutes that this point shows to be over. */
  add(point: Point): Minute[] {
    const minute = Math.floor(point.atMs / minuteMs) * minuteMs;
    if (minute < this.#closedBeforeMs) {
      this.lateCount++;
      return [];
    }
    const points = this.#open.get(minute);
    if (points) points.push(point);
    else this.#open.set(minute, [point]);
    this.#newestMs = Math.max(this.#newestMs, point.atMs);
    return this.#closeBefore(Math.floor((this.#newestMs - this.#patienceMs) / minuteMs) * minuteMs);
  }

  finish(): Minute[] {
    return this.#closeBefore(Number.POSITIVE_INFINITY);
  }

  #closeBefore(endMs: number): Minute[] {
    const over = [...this.#open.keys()].filter((minute) => minute < endMs).sort((a, b) => a - b);
    this.#closedBeforeMs = Math.max(this.#closedBeforeMs, endMs);
    return over.map((minute) => {
      const points = this.#open.get(minute)!;
      this.#open.delete(minute);
      return minuteOf(minute, points);
    });
  }
}

function minuteOf(atMs: number, points: Point[]): Minute {
  const values = (metric: Point['metric']) => points.filter((one) => one.metric === metric).map(({ value }) => value);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const latencies = values('latency_ms').sort((a, b) => a - b);
  const quantile = (share: number) => latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)] ?? 0;
  return {
    atMs,
    requests: sum(values('requests')),
    errors: sum(values('errors')),
    latencyMs: { p50: quantile(0.5), p95: quantile(0.95) },
  };
}
