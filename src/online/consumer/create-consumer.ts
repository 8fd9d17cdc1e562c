import { BadInputError, describeError } from '../../shared/index.ts';
import { GroupMember, isKafkaError, KafkaCluster, Slots, type TopicPartition } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import { HistoryBook } from '../history/history-book.ts';
import type { LogPlace } from './consumed-batch.ts';
import { ConsumerMetrics, type PartitionView } from './consumer-metrics.ts';
import { type ConsumerOptions, type ConsumerSettings, fromMsOf, isSink, settingsOf } from './consumer-options.ts';
import { DeadLetters } from './dead-letters.ts';
import { LogFeed } from './log-feed.ts';
import { keyOf, PartitionConsumer, type PartitionSurroundings } from './partition-consumer.ts';
import { patiently } from './patiently.ts';
import { PauseGate } from './pause-gate.ts';
import { PositionCommitter } from './position-committer.ts';

/** A handler and a list of topics. Nothing happens before `start`. Throws BadInputError for options that do not fit together. */
export function createConsumer<T>(options: ConsumerOptions<T>): Consumer<T> {
  return new Consumer(options);
}

/**
 * Hands the events of topics to a handler: each partition in its order, several partitions at once, at least once; to a PositionedSink
 * exactly once.
 *
 *   created --start--> running --(stop, signal, until end)--> stopping --> finished
 *                      running --(a handler failed for good, the group will not have us)--> stopping --> finished, with an error
 */
export class Consumer<T> {
  readonly #options: ConsumerOptions<T>;
  readonly #settings: ConsumerSettings<T>;
  readonly #cluster: KafkaCluster;
  readonly #feed: LogFeed;
  readonly #gate = new PauseGate();
  readonly #metrics: ConsumerMetrics;
  readonly #histories: HistoryBook | null;
  readonly #around: PartitionSurroundings<T>;
  readonly #partitions = new Map<string, PartitionConsumer<T>>();
  readonly #closing = new AbortController();
  #member: GroupMember | null = null;
  #committer: PositionCommitter | null = null;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #failure: Error | null = null;
  #settle: { resolve: () => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} };
  /** Resolves when the consumer has stopped in good order; rejects with what stopped it. */
  readonly finished: Promise<void>;

  constructor(options: ConsumerOptions<T>) {
    const settings = settingsOf(options);
    const { brokers, cluster, clientConfig } = options;
    if ((brokers === undefined) === (cluster === undefined)) throw new BadInputError('expected brokers, or a cluster');
    this.#options = options;
    this.#settings = settings;
    this.#cluster = cluster ?? new KafkaCluster({ brokers: brokers!, clientId: 'sluice-consumer', clientConfig });
    this.#feed = new LogFeed(this.#cluster, settings.maxBytes);
    this.#metrics = new ConsumerMetrics(options.registry, () => this.partitions);
    this.#histories = this.#historyBook();
    this.#around = {
      ...{ settings, cluster: this.#cluster, feed: this.#feed, histories: this.#histories, gate: this.#gate },
      slots: new Slots(settings.concurrency, Number.POSITIVE_INFINITY),
      metrics: this.#metrics,
      deadLetters: settings.deadLetterTopic === null ? null : new DeadLetters(this.#cluster, settings.deadLetterTopic),
      committed: (place, signal) => this.#committed(place, signal),
      onHandled: ({ topic, partition }, offset) => this.#committer?.note({ topic, partition, offset }),
    };
    this.finished = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.finished.catch(() => {}); // whoever does not look at it finds it in the log
  }

  /** Prometheus metrics, `sluice_consumer_...`. */
  get registry(): ConsumerMetrics['registry'] {
    return this.#metrics.registry;
  }

  /** The partitions that are ours at the moment. */
  get partitions(): PartitionView[] {
    return [...this.#partitions.values()].map(({ view }) => view);
  }

  /** Resolves when the topics were found and reading has begun. Throws BadInputError when something that was named is not there. */
  start(): Promise<void> {
    this.#started ??= this.#start().catch(async (error: Error) => {
      this.#failure = error;
      await this.stop();
      throw error;
    });
    return this.#started;
  }

  /** Starts, and resolves when it has finished. */
  async run(): Promise<void> {
    await this.start();
    await this.finished;
  }

  /** Holds batches back, those under way excepted: all, or those of one partition. */
  pause(place?: TopicPartition): void {
    this.#gate.close(place ? keyOf(place) : null);
  }

  /** All, or one partition. */
  resume(place?: TopicPartition): void {
    this.#gate.open(place ? keyOf(place) : null);
  }

  /** Waits for handlers under way (`stopTimeoutMs` at most), commits and leaves the group. Never throws: see `finished`. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #historyBook(): HistoryBook | null {
    const { warehouse, table, timeField } = this.#settings;
    if (warehouse === null) return null;
    const fromMs = (): number | null => fromMsOf(this.#settings);
    return new HistoryBook({ warehouse, table, timeField, fromMs, signal: this.#closing.signal });
  }

  async #start(): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    signal?.addEventListener('abort', () => void this.stop(), { once: true });
    const places = await this.#places(this.#settings.topics);
    const missing = this.#settings.topics.filter((name) => !places.some(({ topic }) => topic === name));
    if (missing.length > 0)
      throw new BadInputError(`expected existing topics, got ${missing.map((name) => `"${name}"`).join(', ')}`);
    const { group, untilEnd } = this.#settings;
    if (group !== null && !untilEnd) this.#join(group);
    else await this.#takeAll(places);
  }

  async #places(topics: readonly string[]): Promise<LogPlace[]> {
    const found = await this.#cluster.topics({ signal: this.#closing.signal }, topics);
    return found.flatMap(({ name, topicId, partitions }) =>
      partitions.map(({ partition }) => ({ topic: name, topicId: topicId.replaceAll('-', ''), partition })),
    );
  }

  #join(group: string): void {
    const { cluster, sessionTimeoutMs, instanceId, assignor } = { ...this.#options, cluster: this.#cluster };
    const member = new GroupMember({
      ...{ cluster, groupId: group, topics: this.#settings.topics },
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
      ...(instanceId === undefined ? {} : { instanceId }),
      ...(assignor === undefined ? {} : { assignor }),
      onAssigned: (partitions) => this.#take(partitions),
      onRevoked: (partitions) => this.#giveUp(partitions),
      onLost: (partitions) => this.#lose(partitions),
      onFatal: (error) => this.#fail(error),
    });
    this.#member = member;
    this.#committer = new PositionCommitter(this.#settings, (offsets, signal) => member.commit(offsets, { signal }));
    member.start();
  }

  /** Without a group, or beside one: every partition is ours. */
  async #takeAll(places: readonly LogPlace[]): Promise<void> {
    const { group, untilEnd } = this.#settings;
    if (group !== null) {
      if (!isSink(this.#settings.handler)) await this.#requireEmptyGroup(group);
      const commit: ConstructorParameters<typeof PositionCommitter>[1] = (offsets, signal) =>
        this.#cluster.commitOffsets(group, offsets, { signal });
      this.#committer = new PositionCommitter(this.#settings, commit);
    }
    const ends = untilEnd ? await this.#ends(places) : null;
    for (const place of places) this.#begin(place, ends?.get(keyOf(place)) ?? null);
  }

  async #ends(places: readonly LogPlace[]): Promise<Map<string, bigint>> {
    const ends = new Map<string, bigint>();
    const options = { isolation: 'read_committed', signal: this.#closing.signal } as const;
    for (const topic of new Set(places.map((place) => place.topic))) {
      const own = places.filter((place) => place.topic === topic).map(({ partition }) => partition);
      const listed = await this.#cluster.listOffsets(topic, own, 'latest', options);
      for (const [partition, { offset }] of listed) ends.set(keyOf({ topic, partition }), offset);
    }
    return ends;
  }

  /** Positions of a group can be moved from outside only while nobody is in it. */
  async #requireEmptyGroup(group: string): Promise<void> {
    try {
      const { members } = await this.#cluster.describeGroup(group, { signal: this.#closing.signal });
      if (members.length === 0) return;
      const count = members.length;
      throw new BadInputError(`expected nobody in group ${group} for a run until the end, found ${count} members`);
    } catch (error) {
      if (!isKafkaError(error, errorCodes.GROUP_ID_NOT_FOUND)) throw error;
    }
  }

  async #committed(place: LogPlace, signal: AbortSignal): Promise<bigint | null> {
    if (this.#settings.group === null) return null;
    const [found] = await this.#cluster.fetchOffsets(this.#settings.group, [place], { signal });
    return found?.offset ?? null;
  }

  async #take(partitions: readonly TopicPartition[]): Promise<void> {
    const { clock, logger } = this.#settings;
    const waits = { clock, logger, signal: this.#closing.signal };
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const places = topics.length === 0 ? [] : await patiently('topics', waits, () => this.#places(topics));
    for (const partition of partitions) {
      const place = places.find((one) => keyOf(one) === keyOf(partition));
      if (place) this.#begin(place, null);
    }
  }

  #begin(place: LogPlace, end: bigint | null): void {
    const consumer = new PartitionConsumer(place, this.#around, end);
    this.#partitions.set(keyOf(place), consumer);
    consumer.run().then(
      () => {
        if (end !== null && this.partitions.every(({ state }) => state === 'ended')) void this.stop();
      },
      (error: Error) => this.#fail(error),
    );
  }

  async #giveUp(partitions: readonly TopicPartition[]): Promise<void> {
    await Promise.all(
      partitions.map((place) => this.#partitions.get(keyOf(place))?.stop(this.#settings.stopTimeoutMs)),
    );
    await this.#committer?.commit(AbortSignal.timeout(10_000));
    this.#forget(partitions);
  }

  async #lose(partitions: readonly TopicPartition[]): Promise<void> {
    await Promise.all(partitions.map((place) => this.#partitions.get(keyOf(place))?.stop(0)));
    this.#forget(partitions);
  }

  #forget(partitions: readonly TopicPartition[]): void {
    for (const place of partitions) {
      this.#partitions.delete(keyOf(place));
      this.#committer?.forget(place);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settings.logger.error({ error: describeError(error) }, 'ConsumerFailed');
    void this.stop();
  }

  async #stop(): Promise<void> {
    const { stopTimeoutMs } = this.#settings;
    if (this.#member) await this.#member.close().catch((error: Error) => (this.#failure ??= error));
    await Promise.all([...this.#partitions.values()].map((partition) => partition.stop(stopTimeoutMs)));
    const isCommitted = await this.#committer?.close();
    if (isCommitted === false && !this.#member && !isSink(this.#settings.handler))
      this.#failure ??= new Error(`the positions of group ${this.#settings.group} could not be committed`);
    this.#closing.abort();
    await this.#feed.close();
    await this.#around.deadLetters?.close();
    await this.#histories?.close();
    if (this.#options.cluster === undefined) await this.#cluster.close();
    if (this.#failure) this.#settle.reject(this.#failure);
    else this.#settle.resolve();
  }
}
