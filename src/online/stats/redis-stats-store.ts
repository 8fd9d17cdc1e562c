import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { BadInputError, createLogger, type Logger, SluiceError } from '../../shared/index.ts';
import type { LogPlace } from '../consumer/consumed-batch.ts';
import { connectRedis } from './connect-redis.ts';
import { type MinuteCounts, minuteMs, minuteName, parseMinuteName } from './minute-counts.ts';
import { applyScript, keepScript, positionScript, snapshotScript } from './stats-scripts.ts';
import {
  defaultExpiryMs,
  type LeftOut,
  type MinuteRange,
  type MinuteRow,
  type StatsOutcome,
  type StatsPosition,
  type StatsSettings,
  type StatsSnapshot,
  type StatsStore,
  type StatsUpdate,
} from './stats-store.ts';

export interface RedisStatsOptions {
  /** `redis://[[user]:password@]host[:port][/db]`, or `rediss://`; `redis+sentinel://[[user]:password@]host[:port],.../name[/db]`. */
  url: string;
  /** Keys begin with it; `stats` when left out. */
  prefix?: string | undefined;
  /** What is counted; null: only look at what is there. */
  settings: StatsSettings | null;
  /** How long an answer is waited for before the connection is given up; 15 s when left out. */
  commandTimeoutMs?: number | undefined;
  logger?: Logger | undefined;
}

/** Key and counters in turn. */
type FlatRows = readonly (string | string[])[];

/** Answers of Redis that say "not now"; before Redis 7 those of a script's commands come with words in front. */
const passingReplies = /^(ERR .*script.* -)?(LOADING|BUSY|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS)\b/;

/**
 * The counters in a Redis (one server, or a primary with replicas): hashes `stats:<game>:<YYYY_MMDD_HHMM>` (UTC), unique counts
 * `stats:<game>:<YYYY_MMDD_HHMM>:<field>`. docs/formats.md has the other keys.
 */
export class RedisStatsStore implements StatsStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #settings: StatsSettings | null;
  readonly #keys: readonly string[];

  private constructor(redis: Redis, { prefix = 'stats', settings }: RedisStatsOptions) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#settings = settings;
    this.#keys = ['positions', 'index', 'kept', 'left-out'].map((name) => `${prefix}:${name}`);
  }

  /** Throws BadInputError when no Redis that can hold counters answers there. Later outages are errors with `isRetriable`. */
  static async open(options: RedisStatsOptions): Promise<RedisStatsStore> {
    const { url, commandTimeoutMs = 15_000, logger = createLogger('warn', { part: 'stats' }) } = options;
    return new RedisStatsStore(await connectRedis(url, { commandTimeoutMs, logger }), options);
  }

  async settings(): Promise<StatsSettings | null> {
    const run = await this.#ask(() => this.#redis.hget(this.#keys[0]!, 'run'));
    return run === null ? null : settingsOf(run);
  }

  /** Throws BadInputError when the counters that are there count something else. */
  async position({ topic, partition, topicId }: LogPlace): Promise<bigint | null> {
    const answer = await this.#run(positionScript, [this.#newRun(), `${topic}/${partition}`, topicId]);
    const [stands, run] = answer as [string, string];
    const [wanted, found] = [JSON.stringify(this.#settings), JSON.stringify(settingsOf(run))];
    if (wanted === found) return offsetOf(stands);
    throw new BadInputError(
      `expected counters ${this.#prefix}:* of ${wanted}, found those of ${found}: name another prefix, or remove the key ${this.#keys[0]} to begin anew`,
    );
  }

  async apply(update: StatsUpdate): Promise<StatsOutcome> {
    const { topic, partition, topicId, expected, first, next, aggregate } = update;
    const place = [`${topic}/${partition}`, topicId, `${expected ?? ''}`, `${first}`, `${next}`];
    const numbers = [this.#settings!.expiryMs, aggregate.unusable, aggregate.future];
    const minutes = aggregate.minutes.flatMap((minute) => this.#minuteArguments(minute));
    const answer = await this.#run(applyScript, [this.#newRun(), ...place, ...numbers, ...minutes]);
    const [stands, late] = answer as [string, number];
    return { stands: offsetOf(stands), late };
  }

  async snapshot({ fromMs, toMs }: MinuteRange): Promise<StatsSnapshot> {
    const answer = await this.#run(snapshotScript, [minuteName(fromMs), minuteName(toMs)]);
    const [nowMs, positions, leftOut, kept, rows, gone] = answer as [
      string,
      string[],
      string[],
      string[],
      FlatRows,
      string[],
    ];
    return {
      nowMs: Number(nowMs),
      positions: positionsOf(positions),
      rows: this.#rowsOf(rows),
      gone,
      leftOut: leftOutOf(leftOut),
      kept: kept.map(rangeOf),
    };
  }

  async uniques(game: string, { fromMs, toMs }: MinuteRange): Promise<number> {
    const field = (this.#settings ?? (await this.settings()))?.fields.unique ?? null;
    if (field === null) return 0;
    const keys: string[] = [];
    for (let at = fromMs; at < toMs; at += minuteMs) keys.push(`${this.#key(game, at)}:${field}`);
    if (keys.length === 0) return 0;
    return await this.#ask(() => this.#redis.pfcount(...keys));
  }

  async keep({ fromMs, toMs }: MinuteRange): Promise<boolean> {
    const expiryMs = (await this.settings())?.expiryMs ?? defaultExpiryMs;
    return (await this.#run(keepScript, [fromMs, toMs, minuteName(fromMs), minuteName(toMs), expiryMs])) === 1;
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  #key(game: string, startMs: number): string {
    return `${this.#prefix}:${game}:${minuteName(startMs)}`;
  }

  /** The counters' own: written down where they are begun. */
  #newRun(): string {
    if (this.#settings === null) throw new Error('the counters were opened to look at them only');
    return `${randomUUID()} ${JSON.stringify(this.#settings)}`;
  }

  #minuteArguments({ game, minuteMs: startMs, counts, uniques }: MinuteCounts): (string | number)[] {
    const key = this.#key(game, startMs);
    const values = [...uniques];
    return [
      ...[startMs, key, values.length === 0 ? '' : `${key}:${this.#settings!.fields.unique}`],
      ...[counts.size, ...[...counts].flat(), values.length, ...values],
    ];
  }

  #rowsOf(list: FlatRows): MinuteRow[] {
    const rows: MinuteRow[] = [];
    for (let i = 0; i < list.length; i += 2) {
      const key = list[i] as string;
      const split = key.lastIndexOf(':');
      const counts = Object.fromEntries(pairsOf(list[i + 1] as string[]).map(([name, count]) => [name, Number(count)]));
      rows.push({
        game: key.slice(this.#prefix.length + 1, split),
        minuteMs: parseMinuteName(key.slice(split + 1)),
        counts,
      });
    }
    return rows.sort((a, b) => a.minuteMs - b.minuteMs || (a.game < b.game ? -1 : 1));
  }

  async #run(script: string, args: readonly (string | number)[]): Promise<unknown> {
    const { length } = this.#keys;
    return await this.#ask(async () => {
      try {
        return await this.#redis.evalsha(sha1(script), length, ...this.#keys, ...args);
      } catch (error) {
        if (!/^NOSCRIPT/.test((error as Error).message)) throw error;
        return await this.#redis.eval(script, length, ...this.#keys, ...args);
      }
    });
  }

  async #ask<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      const { name, message } = error as Error;
      const isReply = name === 'ReplyError';
      if (isReply && !passingReplies.test(message))
        throw new SluiceError('stats-failed', `Redis refused: ${message}`, { cause: error });
      const what = isReply ? 'Redis cannot count now' : 'Redis does not answer';
      throw new SluiceError('redis-unreachable', `${what}: ${message}`, { cause: error, isRetriable: true });
    }
  }
}

const shas = new Map<string, string>();

function sha1(script: string): string {
  let sha = shas.get(script);
  if (sha === undefined) {
    sha = createHash('sha1').update(script).digest('hex');
    shas.set(script, sha);
  }
  return sha;
}

function offsetOf(answer: unknown): bigint | null {
  return answer === '' ? null : BigInt(answer as string);
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

function positionsOf(flat: readonly string[]): StatsPosition[] {
  const positions = pairsOf(flat)
    .filter(([name]) => name.includes('/'))
    .map(([name, value]) => {
      const split = name.lastIndexOf('/');
      const [first, next, topicId] = value.split(' ') as [string, string, string];
      const place = { topic: name.slice(0, split), topicId, partition: Number(name.slice(split + 1)) };
      return { ...place, first: BigInt(first), next: BigInt(next) };
    });
  return positions.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

function leftOutOf(flat: readonly string[]): LeftOut {
  const found = new Map(pairsOf(flat));
  const count = (name: string): number => Number(found.get(name) ?? 0);
  return { late: count('late'), future: count('future'), unusable: count('unusable') };
}

function settingsOf(run: string): StatsSettings {
  return JSON.parse(run.slice(run.indexOf(' ') + 1)) as StatsSettings;
}

function rangeOf(text: string): MinuteRange {
  const [fromMs, toMs] = text.split(' ').map(Number) as [number, number];
  return { fromMs, toMs };
}
