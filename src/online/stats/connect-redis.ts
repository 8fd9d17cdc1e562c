import { Redis, type RedisOptions } from 'ioredis';
import { BadInputError, describeError, type Logger, parseRedisUrl, withoutPassword } from '../../shared/index.ts';
import { parseSentinelUrl } from './sentinel-url.ts';

/**
 * A connection that says at once what is wrong, and later leaves all waiting to its user: commands fail while there is no connection,
 * because one that is sent again behind his back could not be stopped. Throws BadInputError for a Redis that cannot hold counters.
 */
export async function connectRedis(
  url: string,
  { commandTimeoutMs, logger }: { commandTimeoutMs: number; logger: Logger },
): Promise<Redis> {
  const sentinels = parseSentinelUrl(url);
  const database = sentinels?.db ?? Number(parseRedisUrl(url).pathname.slice(1));
  let isOpen = false;
  let trouble: Error | null = null;
  const retryStrategy = (attempt: number): number | null => (isOpen ? Math.min(50 * 2 ** attempt, 2000) : null);
  const options: RedisOptions = {
    ...{ lazyConnect: true, connectTimeout: 5000, commandTimeout: commandTimeoutMs },
    // A server that is gone without a word would keep us on its dead connection for a quarter of an hour.
    socketTimeout: commandTimeoutMs,
    ...{ enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
    retryStrategy,
    // All sentinels were asked in vain: asked again as long as it takes, once there was a primary.
    ...{ sentinelRetryStrategy: retryStrategy, sentinelCommandTimeout: commandTimeoutMs },
    // After a failover the old primary may answer as a replica, while the name leads to the new one already.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  };
  const redis = sentinels ? new Redis({ ...options, ...sentinels }) : new Redis(url, options);
  redis.on('error', (error: Error) => {
    trouble = error;
    logger.debug({ error: error.message }, 'RedisUnreachable');
  });
  try {
    await redis.connect();
    await redis.ping();
    if (database > 0) await redis.select(database); // asked once more: a refusal while connecting leaves us in 0, in silence
    await requireSingleServer(redis);
  } catch (error) {
    redis.disconnect();
    if (error instanceof BadInputError) throw error;
    // What went wrong while connecting is told to listeners only.
    const reason = describeError(trouble ?? error);
    throw new BadInputError(`expected a Redis at ${withoutPassword(url)}, but: ${reason}`, { cause: error });
  }
  isOpen = true;
  await warnOfEviction(redis, logger);
  return redis;
}

/** Throws BadInputError for a URL of neither a Redis nor sentinels; asks nobody. */
export function checkRedisUrl(url: string): void {
  if (!parseSentinelUrl(url)) parseRedisUrl(url);
}

/** The keys of one script lie in many slots, so a cluster would refuse it in the middle of the work. */
async function requireSingleServer(redis: Redis): Promise<void> {
  const info = await redis.info('cluster').catch(() => ''); // not everybody may ask
  if (/^cluster_enabled:1/m.test(info))
    throw new BadInputError('expected one Redis server, or a primary with replicas, found a Redis Cluster');
}

/** A Redis that removes keys when it is full would leave counters that look complete. */
async function warnOfEviction(redis: Redis, logger: Logger): Promise<void> {
  const answer = await redis.config('GET', 'maxmemory-policy').catch(() => []); // not everybody may ask
  const policy = (answer as string[])[1];
  if (policy === undefined || policy === 'noeviction') return;
  logger.warn({ policy, expected: 'noeviction' }, 'RedisMayEvictCounters');
}
