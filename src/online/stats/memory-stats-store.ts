import type { Clock } from '../../shared/index.ts';
import type { LogPlace } from '../consumer/consumed-batch.ts';
import { HyperLogLog } from './hyper-log-log.ts';
import type { MinuteCounts } from './minute-counts.ts';
import type {
  LeftOut,
  MinuteRange,
  StatsOutcome,
  StatsPosition,
  StatsSettings,
  StatsSnapshot,
  StatsStore,
  StatsUpdate,
} from './stats-store.ts';

interface Minute {
  game: string;
  minuteMs: number;
  counts: Map<string, number>;
  uniques: HyperLogLog | null;
}

/** The counters of a process that has no Redis: the same, for as long as the process lives. */
export class MemoryStatsStore implements StatsStore {
  readonly #settings: StatsSettings;
  readonly #clock: Clock;
  readonly #positions = new Map<string, StatsPosition>();
  readonly #minutes = new Map<string, Minute>();
  readonly #kept: MinuteRange[] = [];
  readonly #leftOut: LeftOut = { late: 0, future: 0, unusable: 0 };

  constructor(settings: StatsSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  async settings(): Promise<StatsSettings> {
    return this.#settings;
  }

  async position(place: LogPlace): Promise<bigint | null> {
    return this.#standing(place)?.next ?? null;
  }

  async apply(update: StatsUpdate): Promise<StatsOutcome> {
    const { topic, topicId, partition, expected, first, next, aggregate } = update;
    const standing = this.#standing(update);
    if ((standing?.next ?? null) !== expected) return { stands: standing?.next ?? null, late: 0 };
    this.#expire();
    const nowMs = this.#clock.nowMs();
    let late = 0;
    for (const minute of aggregate.minutes) {
      if (this.#isExpired(minute.minuteMs, nowMs)) for (const count of minute.counts.values()) late += count;
      else this.#add(minute);
    }
    this.#positions.set(`${topic}/${partition}`, { topic, topicId, partition, first: standing?.first ?? first, next });
    this.#leftOut.late += late;
    this.#leftOut.future += aggregate.future;
    this.#leftOut.unusable += aggregate.unusable;
    return { stands: next, late };
  }

  async snapshot({ fromMs, toMs }: MinuteRange): Promise<StatsSnapshot> {
    this.#expire();
    const rows = [...this.#minutes.values()]
      .filter(({ minuteMs }) => minuteMs >= fromMs && minuteMs < toMs)
      .sort((a, b) => a.minuteMs - b.minuteMs || (a.game < b.game ? -1 : 1))
      .map(({ game, minuteMs, counts }) => ({ game, minuteMs, counts: Object.fromEntries(counts) }));
    return {
      nowMs: this.#clock.nowMs(),
      positions: [...this.#positions.values()],
      rows,
      gone: [],
      leftOut: { ...this.#leftOut },
      kept: [...this.#kept],
    };
  }

  async uniques(game: string, { fromMs, toMs }: MinuteRange): Promise<number> {
    this.#expire();
    const all = new HyperLogLog();
    for (const { game: own, minuteMs, uniques } of this.#minutes.values()) {
      if (own === game && minuteMs >= fromMs && minuteMs < toMs && uniques) all.merge(uniques);
    }
    return all.count;
  }

  async keep(range: MinuteRange): Promise<boolean> {
    if (this.#isExpired(range.fromMs, this.#clock.nowMs())) return false;
    this.#kept.push(range);
    return true;
  }

  async close(): Promise<void> {}

  #standing({ topic, partition, topicId }: LogPlace): StatsPosition | undefined {
    const found = this.#positions.get(`${topic}/${partition}`);
    return found?.topicId === topicId ? found : undefined;
  }

  #isExpired(minuteMs: number, nowMs: number): boolean {
    if (minuteMs + this.#settings.expiryMs > nowMs) return false;
    return !this.#kept.some(({ fromMs, toMs }) => minuteMs >= fromMs && minuteMs < toMs);
  }

  #expire(): void {
    const nowMs = this.#clock.nowMs();
    for (const [key, { minuteMs }] of this.#minutes) if (this.#isExpired(minuteMs, nowMs)) this.#minutes.delete(key);
  }

  #add({ game, minuteMs, counts, uniques }: MinuteCounts): void {
    const key = `${minuteMs} ${game}`;
    let minute = this.#minutes.get(key);
    if (!minute) {
      minute = { game, minuteMs, counts: new Map(), uniques: null };
      this.#minutes.set(key, minute);
    }
    for (const [call, count] of counts) minute.counts.set(call, (minute.counts.get(call) ?? 0) + count);
    if (uniques.size > 0) minute.uniques ??= new HyperLogLog();
    for (const text of uniques) minute.uniques!.add(text);
  }
}
