import { createTopics, json, kafkaAt, publish, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { type Point, points } from './hosts.ts';
import { type Minute, Minutes } from './minutes.ts';

export interface Alert {
  fromMs: number;
  /** Of the second of the two bad minutes. */
  errorShare: number;
}

export interface MetricsReport {
  minutes: Minute[];
  alerts: Alert[];
  lateCount: number;
  /** Errors of each host in the minutes of the alert: who it was. */
  culprits: { host: string; errors: number }[];
}

const errorLimit = 0.05;
const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);

/** Hosts send points, one consumer makes minutes and alerts of them, and later the raw points say who was to blame. */
export async function collectMetrics(brokers: string[], show: Show): Promise<MetricsReport> {
  const kafka = kafkaAt(brokers, 'hosts');
  // One partition for each metric would do as well; the host as key keeps the points of a host in order.
  await createTopics(kafka, { points: { partitions: 1 }, minutes: {}, alerts: {} });
  const sent = points();
  await publish(
    kafka,
    'points',
    sent.map((point) => ({ key: point.host, value: JSON.stringify(point), timestamp: `${point.atMs}` })),
  );
  show.log(`${sent.length} points of three hosts published to "points"\n`);

  const lateCount = await aggregate(brokers);
  const minutes: Minute[] = [];
  await readToEnd(kafka, { topic: 'minutes', eachMessage: ({ message }) => void minutes.push(json<Minute>(message)) });
  show.table(
    minutes.map(({ atMs, requests, errors, latencyMs }) => ({
      minute: clock(atMs),
      requests,
      errors,
      'p50 ms': latencyMs.p50,
      'p95 ms': latencyMs.p95,
      'error share': '#'.repeat(Math.round((100 * errors) / requests)),
    })),
  );

  const alerts: Alert[] = [];
  await readToEnd(kafka, { topic: 'alerts', eachMessage: ({ message }) => void alerts.push(json<Alert>(message)) });
  for (const { fromMs, errorShare } of alerts) {
    show.log(`ALERT: two minutes above ${100 * errorLimit} % errors since ${clock(fromMs)} (${percent(errorShare)})`);
  }
  const culprits = alerts[0] ? await whoWasIt(brokers, alerts[0]) : [];
  show.log('Who was it? The raw points are still there: the same two minutes, by host');
  show.table(culprits);
  return { minutes, alerts, lateCount, culprits };
}

/** Points to minutes, minutes to alerts. */
async function aggregate(brokers: string[]): Promise<number> {
  const kafka = kafkaAt(brokers, 'aggregator');
  const minutes = new Minutes(20_000);
  const over: Minute[] = [];
  await readToEnd(kafka, {
    groupId: 'aggregator',
    topic: 'points',
    eachMessage: ({ message }) => void over.push(...minutes.add(json<Point>(message))),
  });
  over.push(...minutes.finish());
  await publish(
    kafka,
    'minutes',
    over.map((minute) => ({ value: JSON.stringify(minute), timestamp: `${minute.atMs}` })),
  );
  const alerts = alertsOf(over);
  if (alerts.length > 0) {
    await publish(
      kafka,
      'alerts',
      alerts.map((alert) => ({ value: JSON.stringify(alert) })),
    );
  }
  return minutes.lateCount;
}

/** One alert when two minutes in a row are bad, and none more until a good one has come. */
export function alertsOf(minutes: readonly Minute[]): Alert[] {
  const alerts: Alert[] = [];
  let badSinceMs: number | null = null;
  let isAlerted = false;
  for (const { atMs, errors, requests } of minutes) {
    const isBad = errors / requests > errorLimit;
    if (isBad && badSinceMs !== null && !isAlerted) {
      alerts.push({ fromMs: badSinceMs, errorShare: errors / requests });
      isAlerted = true;
    }
    if (isBad) badSinceMs ??= atMs;
    else {
      badSinceMs = null;
      isAlerted = false;
    }
  }
  return alerts;
}

/** Goes back to the moment by the time index of the log, and reads on from there. */
async function whoWasIt(brokers: string[], { fromMs }: Alert): Promise<MetricsReport['culprits']> {
  const kafka = kafkaAt(brokers, 'drill-down');
  const admin = kafka.admin();
  await admin.connect();
  const places = await admin.fetchTopicOffsetsByTimestamp('points', fromMs);
  await admin.disconnect();
  const errors = new Map<string, number>();
  await readToEnd(kafka, {
    topic: 'points',
    from: new Map(places.map(({ partition, offset }) => [partition, BigInt(offset)])),
    eachMessage: ({ message }) => {
      const { host, metric, value, atMs } = json<Point>(message);
      if (metric !== 'errors' || atMs < fromMs || atMs >= fromMs + 120_000) return;
      errors.set(host, (errors.get(host) ?? 0) + value);
    },
  });
  return [...errors].map(([host, count]) => ({ host, errors: count })).sort((a, b) => b.errors - a.errors);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
