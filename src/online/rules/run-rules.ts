import { BadInputError, type Clock, isAbortError, type Logger } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { feedHistory } from './feed-history.ts';
import { HistoryEvents } from './history-events.ts';
import { LiveEvents } from './live-events.ts';
import type { MatchFeed } from './match-feed.ts';
import { type MatchRecord, matchRecord } from './match-record.ts';
import { MatchSinks } from './match-sinks.ts';
import { parseRules } from './parse-rules.ts';
import type { Rule } from './rule-ast.ts';
import { defaultStateBytes, RuleEngine } from './rule-engine.ts';
import { RulesCheckpoint } from './rules-checkpoint.ts';

export interface RunRulesOptions {
  /** The program's text. */
  program: string;
  cluster: KafkaCluster;
  topics: readonly string[];
  typeField: string;
  /** Null: the record's timestamp. */
  timeField: string | null;
  from: 'beginning' | 'end';
  /** A table of one of the topics, whose rows come before the log: it goes on where they end. Not looked at when there is a checkpoint. */
  history: { files: WarehouseFiles; table: string } | null;
  /** Stop at the end that each partition has now. */
  untilEnd: boolean;
  /** A partition that was quiet for so long does not hold up the others. */
  idleMs: number;
  /** Folder of checkpoint and matches; null: nothing is remembered. */
  stateFolder: string | null;
  /** The time between two checkpoints at least; writing them takes no more than a tenth of the time. */
  checkpointEveryMs: number;
  /** What rules may remember, about: the oldest beginnings are given up. 1 GiB when left out. */
  maxStateBytes?: number;
  redisUrl: string | null;
  /** Who is told of matches TO DASHBOARD; left out: no rule may have that action. */
  dashboard?: MatchFeed | null;
  onMatch: (record: MatchRecord) => void;
  /** Called once, when everything named could be used and reading begins. */
  onRunning?: (partitions: number) => void;
  onProgress?: (report: RulesReport) => void;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

export interface RulesReport {
  events: number;
  /** Records that are no events. */
  skipped: number;
  late: number;
  droppedRuns: number;
  matches: number;
}

/** Runs a program over topics until their end or until it is stopped. Throws BadInputError before anything is read when something named cannot be used. */
export async function runRules(options: RunRulesOptions): Promise<RulesReport> {
  const rules = parseRules(options.program);
  const run = new RulesRun(rules, options);
  return await run.run();
}

class RulesRun {
  readonly #rules: readonly Rule[];
  readonly #options: RunRulesOptions;
  readonly #engine: RuleEngine;
  #checkpoint: RulesCheckpoint | null = null;
  readonly #maxStateBytes: number;
  #skipped = 0;
  #gaveUp = 0;
  /** When each partition last brought something, and when the newest event was seen: monotonic ms. */
  readonly #heardAtMs = new Map<string, number>();
  #newestMs = Number.NEGATIVE_INFINITY;
  #newestSeenAtMs: number;

  constructor(rules: readonly Rule[], options: RunRulesOptions) {
    this.#rules = rules;
    this.#options = options;
    this.#maxStateBytes = options.maxStateBytes ?? defaultStateBytes;
    this.#engine = new RuleEngine(rules, options.program, { maxStateBytes: this.#maxStateBytes });
    this.#newestSeenAtMs = options.clock.monotonicMs();
  }

  async run(): Promise<RulesReport> {
    const { cluster, redisUrl, dashboard = null, clock, logger, signal, stateFolder, program } = this.#options;
    const partitions = await this.#partitions();
    let isNew = true;
    const sinks = new MatchSinks(this.#rules, { cluster, redisUrl, dashboard, clock, logger, signal });
    if (stateFolder !== null) {
      const { checkpoint, state } = await RulesCheckpoint.open(stateFolder, program);
      this.#checkpoint = checkpoint;
      if (state) this.#engine.restore(state);
      isNew = state === null;
    }
    const ends = this.#options.untilEnd ? await this.#ends(partitions) : null;
    const history = isNew ? await this.#openHistory(partitions) : null;
    await this.#assign(partitions, history);
    if (history) await this.#feed(history, sinks);
    const live = this.#liveEvents(ends);
    for (const { topic, partition } of partitions) live.assign(topic, partition);
    try {
      this.#options.onRunning?.(partitions.length);
      await this.#loop(live, sinks, ends);
      if (ends && !signal.aborted) this.#engine.finish();
      this.#deliver(sinks);
      await this.#save(sinks);
    } finally {
      await live.close();
      await sinks.close();
    }
    return this.report();
  }

  report(): RulesReport {
    const { events, late, droppedRuns, matches } = this.#engine.counts;
    return { events, skipped: this.#skipped, late, droppedRuns, matches };
  }

  async #partitions(): Promise<{ topic: string; partition: number }[]> {
    const { cluster, topics, signal } = this.#options;
    const found = await cluster.topics({ signal }, [...topics]);
    const missing = topics.filter((name) => !found.some((topic) => topic.name === name));
    if (missing.length > 0)
      throw new BadInputError(`expected existing topics, got ${missing.map((name) => `"${name}"`).join(', ')}`);
    return found.flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })));
  }

  async #offsets(
    partitions: readonly { topic: string; partition: number }[],
    at: 'earliest' | 'latest',
  ): Promise<Map<string, bigint>> {
    const { cluster, signal } = this.#options;
    const offsets = new Map<string, bigint>();
    for (const topic of new Set(partitions.map((place) => place.topic))) {
      const own = partitions.filter((place) => place.topic === topic).map(({ partition }) => partition);
      const listed = await cluster.listOffsets(topic, own, at, { isolation: 'read_committed', signal });
      for (const [partition, { offset }] of listed) offsets.set(`${topic}-${partition}`, offset);
    }
    return offsets;
  }

  #ends(partitions: readonly { topic: string; partition: number }[]): Promise<Map<string, bigint>> {
    return this.#offsets(partitions, 'latest');
  }

  async #openHistory(partitions: readonly { topic: string; partition: number }[]): Promise<HistoryEvents | null> {
    const { history, typeField, timeField, signal } = this.#options;
    if (!history) return null;
    const events = { typeField, timeField, fieldKeys: this.#engine.fieldKeys };
    const opened = await HistoryEvents.open({ ...history, events, signal });
    const strange = opened.partitions.find(({ topic }) => !partitions.some((place) => place.topic === topic));
    if (!strange) return opened;
    await opened.close();
    throw new BadInputError(`expected the history of one of the topics, found that of "${strange.topic}"`);
  }

  async #feed(history: HistoryEvents, sinks: MatchSinks): Promise<void> {
    try {
      await feedHistory(history, this.#engine, {
        isWhole: false,
        maxWaitingBytes: this.#maxStateBytes,
        onPiece: () => this.#deliver(sinks),
      });
      await this.#save(sinks);
    } finally {
      await history.close();
    }
  }

  async #assign(
    partitions: readonly { topic: string; partition: number }[],
    history: HistoryEvents | null,
  ): Promise<void> {
    for (const { topic, partition, first } of history?.partitions ?? []) this.#engine.assign(topic, partition, first);
    const starts = await this.#offsets(partitions, this.#options.from === 'end' ? 'latest' : 'earliest');
    for (const { topic, partition } of partitions)
      this.#engine.assign(topic, partition, starts.get(`${topic}-${partition}`)!);
  }

  #liveEvents(ends: ReadonlyMap<string, bigint> | null): LiveEvents {
    const { cluster, typeField, timeField, logger } = this.#options;
    return new LiveEvents({
      cluster,
      engine: this.#engine,
      events: {
        typeField,
        timeField,
        fieldKeys: this.#engine.fieldKeys,
        fieldKeysOfTypes: this.#engine.fieldKeysOfTypes,
      },
      ends,
      onSkipped: (topic, partition, skipped) => {
        this.#skipped += skipped.length;
        const { offset, reason } = skipped[0]!;
        logger.warn({ topic, partition, offset: `${offset}`, reason, count: skipped.length }, 'RecordsAreNoEvents');
      },
    });
  }

  async #loop(live: LiveEvents, sinks: MatchSinks, ends: ReadonlyMap<string, bigint> | null): Promise<void> {
    const { clock, signal, checkpointEveryMs, onProgress } = this.#options;
    let saveAtMs = clock.monotonicMs() + checkpointEveryMs;
    if (ends) this.#endReached(ends);
    while (!signal.aborted && !(ends && this.#hasReached(ends))) {
      try {
        for (const key of await live.poll(signal)) this.#heardAtMs.set(key, clock.monotonicMs());
      } catch (error) {
        if (signal.aborted || isAbortError(error)) return;
        throw error;
      }
      if (ends) this.#endReached(ends);
      else this.#promiseForQuiet(live);
      live.holdBack(this.#maxStateBytes / 4);
      this.#deliver(sinks);
      const startMs = clock.monotonicMs();
      if (startMs < saveAtMs) continue;
      await this.#save(sinks);
      const endMs = clock.monotonicMs();
      saveAtMs = endMs + Math.max(checkpointEveryMs, 9 * (endMs - startMs));
      this.#warnOfLoss();
      onProgress?.(this.report());
    }
  }

  /** In a bounded run nothing waits for a partition that has come to its end. */
  #endReached(ends: ReadonlyMap<string, bigint>): void {
    for (const { topic, partition, next, hasEnded } of this.#engine.progress) {
      if (!hasEnded && next >= (ends.get(`${topic}-${partition}`) ?? 0n)) this.#engine.end(topic, partition);
    }
  }

  #warnOfLoss(): void {
    const { droppedRuns } = this.#engine.counts;
    if (droppedRuns === this.#gaveUp) return;
    const [count, maxStateBytes] = [droppedRuns - this.#gaveUp, this.#maxStateBytes];
    this.#gaveUp = droppedRuns;
    this.#options.logger.warn({ count, maxStateBytes }, 'BeginningsGivenUp');
  }

  #hasReached(ends: ReadonlyMap<string, bigint>): boolean {
    return this.#engine.progress.every(
      ({ topic, partition, next }) => next >= (ends.get(`${topic}-${partition}`) ?? 0n),
    );
  }

  /** Quiet partitions have come as far as the newest event, plus the time that has passed since it was seen. */
  #promiseForQuiet(live: LiveEvents): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { newestMs } = this.#engine;
    if (newestMs > this.#newestMs) {
      this.#newestMs = newestMs;
      this.#newestSeenAtMs = nowMs;
    }
    if (newestMs === Number.NEGATIVE_INFINITY) return;
    for (const { topic, partition } of this.#engine.progress) {
      const key = `${topic}-${partition}`;
      const heardAtMs = this.#heardAtMs.get(key) ?? this.#newestSeenAtMs;
      if (nowMs - heardAtMs < this.#options.idleMs || live.lag(topic, partition) !== 0n) continue;
      const passedMs = Math.max(0, nowMs - this.#newestSeenAtMs - this.#options.idleMs);
      this.#engine.promise(topic, partition, this.#newestMs + Math.floor(passedMs));
    }
  }

  #deliver(sinks: MatchSinks): void {
    for (const match of this.#engine.takeMatches()) {
      for (const action of match.rule.actions) {
        const record = matchRecord(match, action);
        this.#checkpoint?.append(JSON.stringify(record));
        this.#options.onMatch(record);
        sinks.send(record, action.target);
      }
    }
  }

  async #save(sinks: MatchSinks): Promise<void> {
    await sinks.flush();
    await this.#checkpoint?.save(this.#engine.state());
  }
}
