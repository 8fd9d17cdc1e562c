import { createStats, defaultExpiryMs, defaultStatsFields, RedisStatsStore } from '../../online/index.ts';
import { type Clock, createLogger, describeError, type Logger, systemClock } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';

export interface KeepCountingOptions {
  cluster: KafkaCluster;
  topics: string[];
  redisUrl: string;
  /** Field with the event time; null: the records' own. */
  timeField: string | null;
  signal: AbortSignal;
}

const retryMs = 5000;

/** `sluice stats` for those who have a Redis beside `sluice up`: counts until the signal, over outages of Redis. Never rejects. */
export async function keepCounting(
  options: KeepCountingOptions,
  clock: Clock = systemClock,
  logger: Logger = createLogger('warn', { part: 'stats' }),
): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    try {
      await count(options, clock, logger);
    } catch (error) {
      if (!signal.aborted) logger.warn({ reason: describeError(error) }, 'CountingInterrupted');
    }
    await clock.sleep(retryMs, signal).catch(() => {});
  }
}

async function count(
  { cluster, topics, redisUrl, timeField, signal }: KeepCountingOptions,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  const settings = { fields: { ...defaultStatsFields, time: timeField }, expiryMs: defaultExpiryMs };
  const store = await RedisStatsStore.open({ url: redisUrl, settings, logger });
  try {
    const { consumer } = createStats({ cluster, topics, store, settings, clock, logger, signal });
    await consumer.start();
    await consumer.finished;
  } finally {
    await store.close();
  }
}
