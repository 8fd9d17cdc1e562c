import type { ConsoleCounters } from '../../console/index.ts';
import { type MinuteRange, RedisStatsStore, type StatsSettings, type StatsSnapshot } from '../../online/index.ts';
import { describeError, type Logger, SluiceError, withoutPassword } from '../../shared/index.ts';

/** A page waits for the answer. */
const commandTimeoutMs = 3000;

/** The counters in a Redis for the console: connected when somebody looks, and again when that failed. */
export function consoleCounters(
  url: string,
  prefix: string,
  logger: Logger,
): { counters: ConsoleCounters; close: () => Promise<void> } {
  const store = new LazyStats({ url, prefix, logger });
  return { counters: { store, place: `${withoutPassword(url)} (${prefix}:*)` }, close: () => store.close() };
}

class LazyStats {
  readonly #options: { url: string; prefix: string; logger: Logger };
  #opened: Promise<RedisStatsStore> | null = null;

  constructor(options: { url: string; prefix: string; logger: Logger }) {
    this.#options = options;
  }

  async settings(): Promise<StatsSettings | null> {
    return await (await this.#store()).settings();
  }

  async snapshot(range: MinuteRange): Promise<StatsSnapshot> {
    return await (await this.#store()).snapshot(range);
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => null))?.close();
  }

  async #store(): Promise<RedisStatsStore> {
    this.#opened ??= RedisStatsStore.open({ ...this.#options, settings: null, commandTimeoutMs });
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = null;
      throw new SluiceError('redis-unreachable', describeError(error), { cause: error, isRetriable: true });
    }
  }
}
