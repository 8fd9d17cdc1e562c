import { LoadLab } from '../support/load-lab.ts';
import { startRedis } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { killStats, StatsLab } from '../support/stats-lab.ts';

/** Kills `sluice stats` around its steps of a real Redis, all of the log delivered again each time. True: the counters equal the reference. */
export async function killStatsConsumers(options: {
  seed: number;
  kills: number;
  /** Ends early, with the counters compared all the same. */
  signal: AbortSignal;
  print: (line: string) => void;
}): Promise<boolean> {
  const random = seededRandom(options.seed);
  const [lab, redis] = await Promise.all([LoadLab.open(), startRedis()]);
  try {
    const events = await StatsLab.open(lab, 'stats', 3, random);
    const { kills, signal } = options;
    const onRound = (round: number): void => {
      if (round % 20 === 0) options.print(`stats: ${round} of ${kills}`);
    };
    const { killed, rounds } = await killStats(events, redis.url, { kills, random, signal, onRound });
    const store = await events.store(redis.url);
    const isEqual = await events.isEqual(store);
    await store.close();
    const verdict = isEqual ? 'equal the reference' : 'DIFFER from the reference';
    options.print(
      `stats, seed ${options.seed}: ${killed} of ${rounds} processes killed, counters of ${events.eventCount} events ${verdict}`,
    );
    return isEqual;
  } finally {
    await lab.close();
    await redis.stop();
  }
}
