import { readTimesAt } from '../../operation/index.ts';
import { anyOf, describeError, larger, stringifyJson } from '../../shared/index.ts';
import type { CountedMinute, CountedSecond, OverviewAnswer, PulseTick } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import type { EventHub } from './event-hub.ts';
import { GameCounts } from './game-counts.ts';
import type { LedgerSight } from './ledger-look.ts';
import type { LogSight } from './log-look.ts';
import { LogSampler, type SamplerLimits } from './log-sampler.ts';
import type { SharedLook } from './shared-look.ts';

const everyMs = 1000;
const keptTicks = 900;
/** Records of a second need so long to be here. */
const settleSeconds = 2;
/** What a tick may carry of the past, so that it stays small. */
const secondsPerTick = 60;
/** After the last dashboard is closed it goes on for so long, then rests. */
const lingerMs = 60_000;
const oldestAsked = 64;

/**
 * What the overview shows, once a second for everybody: it runs while somebody looks. `history` is for those who come, ticks
 * go through the hub.
 */
export class Pulse {
  readonly #context: ConsoleContext;
  readonly #log: SharedLook<LogSight>;
  readonly #ledger: SharedLook<LedgerSight>;
  readonly #hub: EventHub;
  readonly #limits: SamplerLimits;
  readonly #ticks: PulseTick[] = [];
  #counts = new GameCounts();
  #wantedUntilMs = 0;
  #running: Promise<void> | null = null;

  constructor(
    context: ConsoleContext,
    looks: { log: SharedLook<LogSight>; ledger: SharedLook<LedgerSight> },
    hub: EventHub,
    limits: SamplerLimits,
  ) {
    this.#context = context;
    this.#log = looks.log;
    this.#ledger = looks.ledger;
    this.#hub = hub;
    this.#limits = limits;
  }

  /** Somebody looks: begins if it rests. */
  want(): void {
    this.#wantedUntilMs = this.#context.clock.monotonicMs() + lingerMs;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** The last quarter of an hour, as far as it was watched, and the games' seconds from the log itself. */
  history(): OverviewAnswer {
    const ticks = this.#ticks.map(({ seconds: _, ...tick }) => tick);
    return { ticks, seconds: this.#counts.between(0, settledSecond(this.#context.clock.nowMs())) };
  }

  /** Kinds of events by minute, of the last quarter of an hour. */
  minutes(): CountedMinute[] {
    return this.#counts.minutes();
  }

  games(): readonly string[] {
    return this.#counts.games();
  }

  /** Resolves when all work has ended; the context's signal ends it. */
  async closed(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#context;
    const rest = new AbortController();
    const both = anyOf(signal, rest.signal);
    this.#counts = new GameCounts();
    const sampling = new LogSampler(this.#context, this.#log, this.#counts, this.#limits).run(both);
    while (!signal.aborted && (this.#hub.clientCount > 0 || clock.monotonicMs() < this.#wantedUntilMs)) {
      await this.#tick().catch((error: unknown) => {
        if (!signal.aborted) this.#context.logger.warn({ reason: describeError(error) }, 'PulseMissed');
      });
      await clock.sleep(everyMs, signal).catch(() => {});
    }
    rest.abort(new Error('nobody looks'));
    await sampling;
    this.#ticks.length = 0;
  }

  async #tick(): Promise<void> {
    const [log, ledger] = await Promise.all([this.#log.get(), this.#ledger.get()]);
    const nowMs = this.#context.clock.nowMs();
    const shown = log.topics.filter(({ isInternal }) => !isInternal);
    const behind = behindOf(log, ledger);
    const problems = [log.problem, ledger.problem, ...shown.map(({ problem }) => problem)].flatMap(
      (text) => text ?? [],
    );
    const tick: PulseTick = {
      atMs: nowMs,
      appended: shown.flatMap(({ partitions }) => partitions).reduce((sum, { end }) => sum + end, 0n),
      landed: ledger.landed,
      dead: ledger.dead,
      lag: behind?.reduce((sum, { lag }) => sum + lag, 0n) ?? null,
      freshnessMs: behind && (await this.#freshness(behind, nowMs)),
      topicCount: shown.length,
      partitionCount: shown.reduce((sum, { partitionCount }) => sum + partitionCount, 0),
      fileCount: ledger.files,
      seconds: this.#settled(nowMs),
      problems: problems.slice(0, 5),
    };
    this.#counts.trim(nowMs);
    this.#ticks.push(tick);
    if (this.#ticks.length > keptTicks) this.#ticks.shift();
    this.#hub.broadcast('tick', stringifyJson(tick));
  }

  /** Also of long ago, when its records came late or are being read for the first time: a browser puts them in their place. */
  #settled(nowMs: number): CountedSecond[] {
    return this.#counts.takeFresh(settledSecond(nowMs), secondsPerTick);
  }

  async #freshness(behind: readonly BehindPartition[], nowMs: number): Promise<number | null> {
    if (behind.length === 0) return 0;
    const { cluster, signal } = this.#context;
    const most = [...behind].sort((a, b) => (a.lag > b.lag ? -1 : 1)).slice(0, oldestAsked);
    const times = await readTimesAt(cluster, most, signal);
    if (times.size === 0) return null;
    const oldest = Math.min(...[...times.values()].map(Number));
    return Math.max(0, nowMs - oldest);
  }
}

function settledSecond(nowMs: number): number {
  return Math.floor(nowMs / 1000) - settleSeconds;
}

interface BehindPartition {
  topic: string;
  partition: number;
  offset: bigint;
  lag: bigint;
}

/** Loaded partitions with records that have not landed; null: nothing is loaded. */
function behindOf(log: LogSight, ledger: LedgerSight): BehindPartition[] | null {
  if (ledger.partitions.length === 0 || log.topics.length === 0) return null;
  const found: BehindPartition[] = [];
  for (const { name, partitions } of log.topics) {
    for (const { partition, start, end } of partitions) {
      const next = ledger.byPartition.get(`${name}/${partition}`)?.state?.next ?? null;
      if (next === null || next >= end) continue;
      const offset = larger(next, start);
      if (offset < end) found.push({ topic: name, partition, offset, lag: end - next });
    }
  }
  return found;
}
