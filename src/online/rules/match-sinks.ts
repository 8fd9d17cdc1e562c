import { Redis } from 'ioredis';
import { BadInputError, type Clock, type Logger, SluiceError } from '../../shared/index.ts';
import { BackOff, type KafkaCluster, ProducerClient } from '../../wire/client/index.ts';
import type { MatchFeed } from './match-feed.ts';
import { type MatchRecord, matchId } from './match-record.ts';
import type { ActionTarget, Rule } from './rule-ast.ts';

export interface SinkContext {
  cluster: KafkaCluster | null;
  /** `redis://host:port/db`; null: actions may not name Redis. */
  redisUrl: string | null;
  /** Null: actions may not name the dashboard. */
  dashboard: MatchFeed | null;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

const httpTries = 8;
const httpTimeoutMs = 10_000;

/**
 * Where actions send their matches: at least once, each with an `id` that is the same when it is sent again. `flush` resolves
 * when everything has been taken over by its receiver; only then may a checkpoint pass it.
 */
export class MatchSinks {
  readonly #context: SinkContext;
  #producer: ProducerClient | null = null;
  #redis: Redis | null = null;
  #sending: Promise<unknown>[] = [];

  /** Throws BadInputError when an action needs what was not named. */
  constructor(rules: readonly Rule[], context: SinkContext) {
    this.#context = context;
    for (const { target } of rules.flatMap(({ actions }) => actions)) this.#open(target);
  }

  #open(target: ActionTarget): void {
    const { cluster, redisUrl, dashboard } = this.#context;
    if (target.kind === 'topic' && !this.#producer) {
      if (!cluster) throw new BadInputError('expected --brokers for an action TO TOPIC');
      this.#producer = new ProducerClient({ cluster, acks: 'all' });
    }
    if (target.kind === 'redis' && !this.#redis) {
      if (!redisUrl) throw new BadInputError('expected --redis redis://HOST:PORT for an action TO REDIS');
      this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: 20 });
      this.#redis.on('error', (error) => this.#context.logger.warn({ error: error.message }, 'RedisUnreachable'));
    }
    if (target.kind === 'dashboard' && !dashboard) {
      throw new BadInputError('expected --dashboard HOST:PORT for an action TO DASHBOARD');
    }
    if (target.kind === 'http' && !/^https?:\/\//.test(target.url)) {
      throw new BadInputError(`expected an action TO HTTP "http://..." or "https://...", found "${target.url}"`);
    }
  }

  send(record: MatchRecord, target: ActionTarget): void {
    if (target.kind === 'none') return;
    const id = matchId(record);
    if (target.kind === 'log') this.#context.logger.info({ id, ...record }, 'RuleMatched');
    else if (target.kind === 'dashboard') this.#context.dashboard!.publish({ id, ...record });
    else this.#sending.push(this.#deliver(id, record, target));
  }

  async flush(): Promise<void> {
    const sending = this.#sending;
    this.#sending = [];
    await Promise.all(sending);
    await this.#producer?.flush({ signal: this.#context.signal });
  }

  async close(): Promise<void> {
    await this.#producer?.close({ timeoutMs: 5_000 });
    this.#redis?.disconnect();
  }

  async #deliver(id: string, record: MatchRecord, target: ActionTarget): Promise<void> {
    const value = JSON.stringify({ id, ...record });
    if (target.kind === 'topic') await this.#producer!.send(target.topic, { key: keyText(record), value });
    if (target.kind === 'redis') await this.#redis!.rpush(target.key, value);
    if (target.kind === 'http') await this.#post(target.url, id, value);
  }

  async #post(url: string, id: string, body: string): Promise<void> {
    const { clock, logger, signal } = this.#context;
    const backOff = new BackOff({ firstMs: 200, maxMs: 10_000 });
    for (let attempt = 1; ; attempt++) {
      const problem = await postOnce(url, id, body, signal);
      if (problem === null) return;
      signal.throwIfAborted();
      if (attempt === httpTries)
        throw new SluiceError('action-failed', `${url} did not take a match in ${httpTries} tries: ${problem}`);
      logger.warn({ url, id, attempt, problem }, 'ActionRetried');
      await clock.sleep(backOff.nextMs(), signal);
    }
  }
}

/** Null when the receiver took it; else why not. */
async function postOnce(url: string, id: string, body: string, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'idempotency-key': id },
      signal: AbortSignal.any([signal, AbortSignal.timeout(httpTimeoutMs)]),
    });
    await response.body?.cancel();
    return response.ok ? null : `HTTP ${response.status}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const keyText = ({ key }: MatchRecord): string | null =>
  key === null ? null : typeof key === 'string' ? key : JSON.stringify(key);
