// Promises of the counters in a real Redis, and of their comparison with the warehouse.
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepCounting } from '../../src/cli/up/keep-counting.ts';
import { RedisStatsStore, reconcileHour } from '../../src/online/index.ts';
import { type Logger, silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { LoadLab } from '../support/load-lab.ts';
import { type PeerRedis, startRedis, waitFor } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startSentinel } from '../support/sentinel.ts';
import { runSluice } from '../support/sluice-process.ts';
import { killStats, labStats, StatsLab } from '../support/stats-lab.ts';

const seed = Number(process.env['SLUICE_SEED'] ?? 515);

let lab: LoadLab;
let redis: PeerRedis;
let client: Redis;

beforeAll(async () => {
  [lab, redis] = await Promise.all([LoadLab.open(), startRedis()]);
  client = new Redis(redis.url, { maxRetriesPerRequest: 20 });
  client.on('error', () => {}); // it is killed on purpose
});
afterAll(async () => {
  client.disconnect();
  await lab.close();
  await redis.stop();
});

describe('counters in Redis', () => {
  it('equal a reference although their process is killed around its steps and everything is delivered again', async () => {
    const random = seededRandom(seed);
    const events = await StatsLab.open(lab, 'killed', 3, random);
    const { killed } = await killStats(events, redis.url, { kills: 5, random });
    expect(killed).toBeGreaterThan(0);
    const store = await events.store(redis.url);
    expect(await events.found(store), `seed ${seed}`).toEqual(events.expected);
    // As others read them: plain hashes, which expire.
    const [key, counts] = Object.entries(events.expected)[0]!;
    const texts = Object.fromEntries(Object.entries(counts).map(([call, count]) => [call, String(count)]));
    expect(await client.hgetall(`killed:${key}`)).toEqual(texts);
    const expiresMs = await client.pexpiretime(`killed:${key}`);
    expect((expiresMs - events.startMs) % 60_000).toBe(0);
    expect(expiresMs - events.startMs).toBeGreaterThanOrEqual(6 * 3_600_000);
    expect(await client.pfcount(`killed:${key}:user_id`)).toBeGreaterThan(0);
    await store.close();
  });

  it('are exact again after Redis was killed, flushed, frozen, and robbed of positions', async () => {
    const events = await StatsLab.open(lab, 'troubled', 3, seededRandom(seed + 1));
    const store = await events.store(redis.url, 1000);
    const { consumer } = events.stats(store);
    await events.produce(400);
    await consumer.start();
    await events.untilEqual(store);
    const positions = 'troubled:positions';
    const retries = async (): Promise<number> => {
      const { values } = await consumer.registry.getSingleMetric('sluice_consumer_retries_total')!.get();
      return values.reduce((sum, { value }) => sum + value, 0);
    };
    /** Events come while Redis refuses to count them, and it refuses until that was noticed. */
    const whileRefusing = async (refuse: () => Promise<unknown>, take: () => Promise<unknown>): Promise<void> => {
      const before = await retries();
      await refuse();
      await events.produce(50);
      await waitFor('counting to be refused', 120_000, async () => (await retries()) > before);
      await take();
    };
    const troubles: [name: string, make: () => Promise<unknown>][] = [
      [
        'killed and started again',
        async () => {
          await redis.kill('redis');
          await events.produce(50);
          await redis.start('redis');
        },
      ],
      ['flushed', () => client.flushall()],
      [
        'frozen',
        async () => {
          const pid = redis.pid('redis');
          process.kill(pid, 'SIGSTOP');
          await events.produce(50);
          await new Promise((resolve) => setTimeout(resolve, 2500)); // longer than a command may take
          process.kill(pid, 'SIGCONT');
        },
      ],
      [
        'out of memory',
        () =>
          whileRefusing(
            () => client.config('SET', 'maxmemory', 1),
            () => client.config('SET', 'maxmemory', 0),
          ),
      ],
      [
        'a replica that takes nothing',
        () =>
          whileRefusing(
            () => client.replicaof('127.0.0.1', 1),
            () => client.replicaof('NO', 'ONE'),
          ),
      ],
      ['robbed of one position', () => client.hdel(positions, 'troubled/1')],
      ['robbed of all positions', () => client.del(positions)],
      [
        'set back to an older position',
        async () => {
          // As a Redis that lost its last second: counters and positions of before.
          const keys = await client.keys('troubled:*');
          const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
          await events.produce(50);
          await events.untilEqual(store);
          const restore = client.multi().flushall();
          for (const [i, key] of keys.entries()) restore.restore(key, 0, dumps[i]!);
          await restore.exec();
        },
      ],
    ];
    try {
      for (const [name, make] of troubles) {
        await make();
        await events.produce(100);
        await events.untilEqual(store).catch((error: Error) => {
          throw new Error(`Redis was ${name}, seed ${seed}: ${error.message}`);
        });
      }
    } finally {
      await consumer.stop();
      await store.close();
    }
    await consumer.finished;
  });
});

describe('counters in a Redis that sentinels watch', () => {
  it('are exact after its primary was killed and a replica, which may lack the last of them, took its place', async () => {
    const events = await StatsLab.open(lab, 'watched', 2, seededRandom(seed + 5));
    const primary = await startRedis('--repl-diskless-sync-delay 0'); // it would wait for more replicas
    const replica = await startRedis(`--replicaof 127.0.0.1 ${primary.port}`);
    const sentinel = await startSentinel(primary, replica);
    try {
      const store = await events.store(sentinel.url);
      const { consumer } = events.stats(store);
      await consumer.start();
      await events.produce(200);
      await events.untilEqual(store);
      await Promise.all([events.produce(200), primary.kill('redis')]);
      await waitFor('the replica to be the primary', 300_000, async () => {
        return (await sentinel.primaryPort()) === replica.port;
      });
      await events.produce(50);
      await events.untilEqual(store);
      await consumer.stop();
      await store.close();
    } finally {
      await Promise.all([sentinel.stop(), primary.stop(), replica.stop()]);
    }
    await expect(events.store(sentinel.url)).rejects.toThrow(
      /^expected a Redis at redis\+sentinel:.*, but: All sentinels are unreachable/,
    );
  });
});

describe('a Redis that cannot hold counters', () => {
  it('is refused with its reason before anything is counted, and without the password', async () => {
    const clustered = await startRedis('--cluster-enabled yes');
    const open = (url: string) => RedisStatsStore.open({ url, settings: null, logger: silentLogger });
    try {
      await expect(open(clustered.url)).rejects.toThrow(/^expected one Redis server, .* found a Redis Cluster$/);
    } finally {
      await clustered.stop();
    }
    const withUser = redis.url.replace('//', '//joe:s3cret@');
    await expect(open(withUser)).rejects.toThrow(/^expected a Redis at redis:\/\/\*\*\*@127.0.0.1:\d+, but: WRONGPASS/);
    await expect(open(`${redis.url}/99`)).rejects.toThrow(/but: ERR DB index is out of range$/);
    await expect(open('redis://joe:s3/cret@127.0.0.1')).rejects.toThrow(/got "redis:\/\/\*\*\*@127.0.0.1"$/);
  });

  it('because it removes keys when it is full, is named, and so are counters that have gone', async () => {
    const events = await StatsLab.open(lab, 'evicted', 1, seededRandom(seed + 3));
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const warnings: unknown[] = [];
    const logger = {
      ...silentLogger,
      warn: (details: unknown, text: string) => warnings.push([details, text]),
    } as Logger;
    const store = await RedisStatsStore.open({ url: redis.url, prefix: 'evicted', settings: labStats, logger });
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    expect(warnings).toEqual([[{ policy: 'allkeys-lru', expected: 'noeviction' }, 'RedisMayEvictCounters']]);
    await events.produce(100);
    await events.stats(store, { untilEnd: true }).consumer.run();
    const range = { fromMs: events.startMs, toMs: events.startMs + 3_600_000 };
    expect((await store.snapshot(range)).gone).toEqual([]);
    const key = `evicted:${Object.keys(events.expected)[3]}`;
    await client.del(key);
    expect((await store.snapshot(range)).gone).toEqual([key]);
    const shown = await runSluice(['stats', 'show', '--redis', redis.url, '--prefix', 'evicted', '--last', '4h']);
    expect(shown.stdout).toContain(
      `removed before their time, by eviction or by hand: 1 counters (${key}); remove the key`,
    );
    await store.close();
  });
});

describe('the counters of sluice up', () => {
  it('are kept from the moment that a Redis is there until the signal, over its end and return', async () => {
    const events = await StatsLab.open(lab, 'beside', 2, seededRandom(seed + 4));
    const stop = new AbortController();
    const { cluster } = lab;
    const options = { cluster, topics: [events.topic], redisUrl: redis.url, timeField: 'ts', signal: stop.signal };
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_: unknown, text: string) => warnings.push(text) } as Logger;
    const impatient = {
      ...systemClock,
      sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 100), signal),
    };
    const store = await RedisStatsStore.open({ url: redis.url, settings: null, logger: silentLogger });
    await events.produce(100);
    await redis.kill('redis');
    const counting = keepCounting(options, impatient, logger);
    await waitFor('a look for a Redis that is not there', 120_000, () => warnings.includes('CountingInterrupted'));
    await redis.start('redis');
    await events.untilEqual(store);
    await redis.kill('redis');
    await events.produce(100);
    await redis.start('redis');
    await events.untilEqual(store);
    stop.abort();
    await counting;
    await events.produce(10); // counted by nobody any more
    expect(await events.isEqual(store)).toBe(false);
    await store.close();
  });
});

describe('sluice reconcile', () => {
  it('finds counters and warehouse equal, and one removed update by its key; refuses what is not landed yet or has expired', async () => {
    const events = await StatsLab.open(lab, 'compared', 2, seededRandom(seed + 2));
    const { url } = lab.warehouse('compared');
    const store = await events.store(redis.url);
    const load = async (): Promise<void> => {
      const done = await lab.load('compared', url, ['--until-end', '--time-field', 'ts']).finished;
      expect(done.code, done.stderr).toBe(0);
    };
    const reconcile = (...args: string[]) =>
      runSluice([
        ...['reconcile', '--hour', events.hour, '--table', 'compared', '--warehouse', url, '--redis', redis.url],
        ...['--prefix', 'compared', '--json', ...args],
      ]);
    const reconcileHere = async (hour = events.hour) => {
      const files = await openWarehouse(url, { access: 'read' });
      const { signal } = new AbortController();
      const times = { keep: false, timeoutMs: 0, pollMs: 100, clock: systemClock, signal };
      return await reconcileHour({ store, files, table: 'compared', hour, ...times }).finally(() => files.close());
    };
    await events.produce(500);
    await load();
    await events.produce(100);
    await events.stats(store, { untilEnd: true }).consumer.run();
    const lags = [0, 1].map((partition) => ({ topic: 'compared', partition, position: 600n, checkpoint: 500n }));
    expect(await reconcileHere()).toMatchObject({ isEqual: null, lags });

    await load();
    await events.produce(100); // in the log only, and in no counter: not compared
    await load();
    const equal = await reconcile('--keep');
    expect(equal.code, equal.stdout + equal.stderr).toBe(0);
    expect(JSON.parse(equal.stdout)).toMatchObject({ isEqual: true, events: 1200, differences: [] });

    const [key, counts] = Object.entries(await events.found(store))[7]!;
    const [call, count] = Object.entries(counts)[0]!;
    expect(await client.pexpiretime(`compared:${key}`)).toBe(-1); // kept
    await client.hincrby(`compared:${key}`, call, -1);
    expect(await reconcile('--table', 'nowhere')).toMatchObject({
      code: 2,
      stderr: `sluice: expected a table of ${url} (compared), got "nowhere"\n`,
    });
    const different = await reconcile();
    expect(different.code, different.stdout + different.stderr).toBe(4);
    expect(JSON.parse(different.stdout).differences).toEqual([{ key, call, counter: count - 1, rows: count }]);

    // The log is gone: what was lost is counted again from the warehouse, then the log goes on.
    for (const partition of [0, 1]) await lab.deleteRecords('compared', partition, 650n);
    await client.flushall();
    await events.stats(store, { untilEnd: true, warehouse: url }).consumer.run();
    expect(await events.found(store), `seed ${seed}`).toEqual(events.expected);
    expect(await reconcileHere()).toMatchObject({ isEqual: true, events: 1400 });
    await expect(reconcileHere('2026-01-01T07')).rejects.toThrow(
      /^expected an hour whose counters are still there, got 2026-01-01T07: they live for 6 h; reconcile it earlier with --keep/,
    );
    await store.close();
  });
});
