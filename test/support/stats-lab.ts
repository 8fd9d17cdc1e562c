import { isDeepStrictEqual } from 'node:util';
import {
  createStats,
  type MinuteRow,
  minuteName,
  RedisStatsStore,
  type StatsSettings,
  type StatsStore,
} from '../../src/online/index.ts';
import { silentLogger } from '../../src/shared/index.ts';
import type { LoadLab } from './load-lab.ts';
import { waitFor } from './peers.ts';
import { SluiceProcess } from './sluice-process.ts';

const hourMs = 3_600_000;
const games = ['mw', 'hh', 'dd', 'ml', 'bi'];
const calls = ['login', 'page_view', 'search', 'request', 'purchase'];

export const labStats: StatsSettings = {
  fields: { game: 'game', call: ['call', 'type'], time: 'ts', unique: 'user_id' },
  expiryMs: 6 * hourMs,
};

/** Events of games in a topic, and what a plain loop counts of them: what tests compare counters with. */
export class StatsLab {
  readonly topic: string;
  readonly partitions: number;
  /** Begin of the hour that all events are of. It is over, and its counters live for some hours more. */
  readonly startMs: number;
  /** By `<game>:<minute>`, then call. */
  readonly reference = new Map<string, Map<string, number>>();
  eventCount = 0;
  readonly #lab: LoadLab;
  readonly #random: () => number;
  #store: RedisStatsStore | null = null;

  private constructor(lab: LoadLab, topic: string, partitions: number, random: () => number) {
    this.#lab = lab;
    this.#random = random;
    this.topic = topic;
    this.partitions = partitions;
    this.startMs = Math.floor(Date.now() / hourMs) * hourMs - 2 * hourMs;
  }

  static async open(lab: LoadLab, topic: string, partitions: number, random: () => number): Promise<StatsLab> {
    await lab.createTopic(topic, partitions);
    return new StatsLab(lab, topic, partitions, random);
  }

  /** `2026-11-21T07` */
  get hour(): string {
    return new Date(this.startMs).toISOString().slice(0, 13);
  }

  async produce(countPerPartition: number): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) {
      const records = Array.from({ length: countPerPartition }, () => ({ key: null, value: this.#event() }));
      await this.#lab.produce(this.topic, partition, records, 50);
    }
  }

  /** The events were counted by both: each of the counters has the value that the reference has, and there are no others. */
  async isEqual(store: StatsStore): Promise<boolean> {
    return isDeepStrictEqual(await this.found(store), this.expected);
  }

  async untilEqual(store: StatsStore): Promise<void> {
    await waitFor(`the counters of ${this.topic} to equal the reference`, 120_000, () =>
      this.isEqual(store).catch((error: { isRetriable?: boolean }) => {
        if (error.isRetriable) return false;
        throw error;
      }),
    );
  }

  get expected(): Record<string, Record<string, number>> {
    return Object.fromEntries([...this.reference].sort().map(([key, counts]) => [key, Object.fromEntries(counts)]));
  }

  async found(store: StatsStore): Promise<Record<string, Record<string, number>>> {
    const { rows } = await store.snapshot({ fromMs: this.startMs - hourMs, toMs: this.startMs + 3 * hourMs });
    const keyOf = ({ game, minuteMs }: MinuteRow): string => `${game}:${minuteName(minuteMs)}`;
    return Object.fromEntries(
      rows.map((row) => [keyOf(row), row.counts] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  /** The counters in a Redis, under a prefix of their own. */
  async store(redisUrl: string, commandTimeoutMs?: number): Promise<RedisStatsStore> {
    const options = { url: redisUrl, prefix: this.topic, settings: labStats, logger: silentLogger, commandTimeoutMs };
    this.#store = await RedisStatsStore.open(options);
    return this.#store;
  }

  /** A consumer in this process that counts into a store. */
  stats(store: StatsStore, options: Partial<Parameters<typeof createStats>[0]> = {}): ReturnType<typeof createStats> {
    return createStats({
      ...{ brokers: [this.#lab.bootstrap], topics: [this.topic], group: null, store, settings: labStats },
      ...{ batchEvents: 100, logger: silentLogger, retries: { firstMs: 20, maxMs: 200 }, ...options },
    });
  }

  /** `sluice stats` in a process of its own. */
  process(redisUrl: string, args: readonly string[] = [], fault?: string): SluiceProcess {
    return new SluiceProcess(
      [
        ...[
          'stats',
          '--brokers',
          this.#lab.bootstrap,
          '--topics',
          this.topic,
          '--redis',
          redisUrl,
          '--prefix',
          this.topic,
        ],
        ...['--time-field', 'ts', '--unique', 'user_id', '--expiry', '6h', '--batch-events', '50', ...args],
      ],
      fault === undefined ? {} : { env: { SLUICE_FAULT: fault } },
    );
  }

  #event(): string {
    const pick = <T>(list: readonly T[]): T => list[Math.floor(this.#random() * list.length)]!;
    const [game, type] = [pick(games), pick(calls)];
    const timeMs = this.startMs + Math.floor(this.#random() * hourMs);
    const key = `${game}:${minuteName(timeMs)}`;
    const counts = this.reference.get(key) ?? new Map<string, number>();
    counts.set(type, (counts.get(type) ?? 0) + 1);
    this.reference.set(key, counts);
    this.eventCount++;
    const userId = 100_000_000_000_000_000n + BigInt(Math.floor(this.#random() * 500));
    return `{"ts":"${new Date(timeMs).toISOString()}","type":"${type}","game":"${game}","user_id":${userId}}`;
  }
}

/**
 * Kills `sluice stats` again and again, right before or right after a step of Redis; each process is of a group that knows nothing, so that
 * all of the log would be delivered again, and some have a second one at work on the same partitions. Then lets one of them finish.
 */
export async function killStats(
  lab: StatsLab,
  redisUrl: string,
  options: { kills: number; random: () => number; signal?: AbortSignal; onRound?: (round: number) => void },
): Promise<{ killed: number; rounds: number }> {
  const { kills, random, signal, onRound } = options;
  let killed = 0;
  let round = 0;
  for (; round < kills && !signal?.aborted; round++) {
    onRound?.(round);
    await lab.produce(150);
    const point = random() < 0.5 ? 'stats.apply' : 'stats.applied';
    const args = ['--until-end', '--group', `${lab.topic}-${round}`];
    const doomed = lab.process(redisUrl, args, `${point}#${1 + Math.floor(random() * 6)}=kill`);
    const rival =
      random() < 0.3 ? lab.process(redisUrl, ['--until-end', '--group', `${lab.topic}-rival-${round}`]) : null;
    const [first, second] = await Promise.all([doomed.finished, rival?.finished]);
    if (first.code === null) killed++;
    else if (first.code !== 0)
      throw new Error(`expected a kill or the end, got exit code ${first.code}: ${first.stderr}`);
    if (second && second.code !== 0) throw new Error(`expected the rival's end, got ${second.code}: ${second.stderr}`);
  }
  const last = await lab.process(redisUrl, ['--until-end', '--group', `${lab.topic}-last`]).finished;
  if (last.code !== 0) throw new Error(`expected the end, got exit code ${last.code}: ${last.stderr}`);
  return { killed, rounds: round };
}
