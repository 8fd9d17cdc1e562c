import { LoadLab } from '../support/load-lab.ts';
import { startRedis } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { killStats, StatsLab } from '../support/stats-lab.ts';

/** Kills `sluice stats` around its steps of a real Redis, all of the log delivered again each time. True: the counters equal the reference. */
export async function killStatsConsumers(options: {
  seed: number;
  kills: number;
  print: (line: string) => void;
}): Promise<boolean> {
  const random = seededRandom(options.seed);
  const [lab, redis] = await Promise.all([LoadLab.open(), startRedis()]);
  try {
    const events = await StatsLab.open(lab, 'stats', 3, random);
    const { killed } = await killStats(events, redis.url, { kills: options.kills, random });
    const store = await events.store(redis.url);
    const isEqual = await events.isEqual(store);
    await store.close();
    const verdict = isEqual ? 'equal the reference' : 'DIFFER from the reference';
    options.print(
      `stats, seed ${options.seed}: ${killed} of ${options.kills} processes killed, counters of ${events.eventCount} events ${verdict}`,
    );
    return isEqual;
  } finally {
    await lab.close();
    await redis.stop();
  }
}
