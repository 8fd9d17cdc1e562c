import { Redis } from 'ioredis';
import { BadInputError, describeError, parseRedisUrl } from '../src/shared/index.ts';

/** Where a Redis is, in the words both ioredis and BullMQ understand. */
export interface RedisSettings {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: object;
  maxRetriesPerRequest: null;
}

/**
 * Reads `redis://[[user]:password@]host[:port][/db]` (or `rediss://` for TLS) into client options that never give up a
 * command: BullMQ's workers must outlive a restart of Redis. Throws BadInputError without showing the password.
 */
export function redisSettings(text: string): RedisSettings {
  const url = parseRedisUrl(text);
  const db = url.pathname.replace(/^\//, '');
  return {
    host: url.hostname,
    port: url.port === '' ? 6379 : Number(url.port),
    db: db === '' ? 0 : Number(db),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    maxRetriesPerRequest: null,
  };
}

/** One PING without retries, so that a wrong address is said at once instead of being retried for ever. */
export async function checkRedis(options: RedisSettings): Promise<void> {
  const client = new Redis({
    ...options,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: 5000,
  });
  // The same failure also rejects connect(): the event alone must not end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new BadInputError(`expected a Redis at ${options.host}:${options.port}, but: ${describeError(error)}`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}
