/** A seeded random user of the log: appends with and without waiting, retries as an idempotent producer, reads, removes, restarts. */
import type { LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import { LogError } from '../../../../src/log/storage/index.ts';
import { ManualClock } from '../../../../src/shared/index.ts';
import type { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';
import { batchOf, openSmall, startMs } from './log-fixture.ts';
import { PartitionTwin, type Promised } from './log-twin.ts';
import { type RetryPlan, TwinProducer } from './twin-producer.ts';

export interface CrashState {
  disk: SimulatedLogFileSystem;
  promised: [PartitionTwin, Promised][];
  retries: RetryPlan[];
}

export interface WorkloadOptions {
  random: () => number;
  disk: SimulatedLogFileSystem;
  /** Of all changes of the disk, the share after which a crash state is taken. */
  crashShare: number;
}

export class LogWorkload {
  readonly #random: () => number;
  readonly #crashShare: number;
  readonly twins: PartitionTwin[] = [];
  readonly clock = new ManualClock(startMs);
  disk: SimulatedLogFileSystem;
  manager!: LogManager;
  crashes: CrashState[] = [];
  #topicCount = 0;
  readonly #producers = new Map<PartitionTwin, TwinProducer>();

  constructor(options: WorkloadOptions) {
    this.#random = options.random;
    this.#crashShare = options.crashShare;
    this.disk = options.disk;
  }

  async open(): Promise<void> {
    this.#watch();
    await this.#openManager();
  }

  /** Leaves this process and this disk for what a crash made of it. */
  async continueAfter(disk: SimulatedLogFileSystem): Promise<void> {
    this.disk.onChange = () => {};
    this.disk = disk;
    await this.open();
    for (const twin of this.twins) {
      const log = this.#logOf(twin);
      if (log) twin.continueFrom(log);
      else twin.isDeleted = true;
      if (log) this.#producers.get(twin)?.retry(log);
    }
  }

  async run(stepCount: number): Promise<void> {
    for (let step = 0; step < stepCount; step++) {
      await this.#step();
      for (const twin of this.#alive()) twin.noteShown(this.#logOf(twin)!);
    }
  }

  promised(): [PartitionTwin, Promised][] {
    return this.twins.map((twin) => [twin, twin.promised()]);
  }

  retries(): RetryPlan[] {
    return [...this.#producers.values()].map((producer) => producer.unacknowledged());
  }

  async #step(): Promise<void> {
    const dice = this.#random();
    const twin = this.#pick();
    if (!twin || dice < 0.01) return this.#createTopic();
    const log = this.#logOf(twin)!;
    if (dice < 0.6) return this.#append(twin, log);
    if (dice < 0.75) return new Promise((resolve) => setImmediate(resolve));
    if (dice < 0.85) return this.clock.advance(15);
    if (dice < 0.93) return this.#read(twin, log);
    if (dice < 0.94) return this.#letMinutesPass();
    if (dice < 0.955) return this.#advanceLogStart(twin, log);
    if (dice < 0.97) return this.#addPartition(twin);
    if (dice < 0.98) return this.#deleteTopic(twin);
    if (dice < 0.99) return this.#restart();
  }

  async #append(twin: PartitionTwin, log: PartitionLog): Promise<void> {
    const values = Array.from({ length: 1 + this.#below(4) }, () => 'x'.repeat(this.#below(300)));
    if (this.#random() < 0.5) return this.#producerOf(twin).send(log, values);
    const batch = batchOf({ values });
    const result = log.append(batch);
    twin.noteAppend(result.baseOffset, batch);
    const dice = this.#random();
    if (dice < 0.4) return;
    const durable = result.durable.then(() => twin.noteDurable(result.lastOffset));
    if (dice < 0.7) return void durable.catch(ignoreDeleted);
    await durable;
  }

  #producerOf(twin: PartitionTwin): TwinProducer {
    const known = this.#producers.get(twin) ?? new TwinProducer(twin, BigInt(this.#producers.size + 1));
    this.#producers.set(twin, known);
    return known;
  }

  async #read(twin: PartitionTwin, log: PartitionLog): Promise<void> {
    const span = Number(log.highWatermark - log.logStartOffset);
    const offset = log.logStartOffset + BigInt(this.#below(span + 1));
    const { records, highWatermark } = await log.read(offset, this.#below(3000));
    twin.verifyRead(records, offset);
    if (highWatermark > twin.shownEnd) twin.shownEnd = highWatermark;
  }

  async #advanceLogStart(twin: PartitionTwin, log: PartitionLog): Promise<void> {
    const span = Number(log.highWatermark - log.logStartOffset);
    const target = log.logStartOffset + BigInt(this.#below(span + 1));
    if (target > twin.mayBeRemovedTo) twin.mayBeRemovedTo = target;
    await log.advanceLogStart(target);
  }

  async #createTopic(): Promise<void> {
    const name = `topic-${this.#topicCount++}`;
    const topic = await this.manager.createTopic(name, { partitionCount: 1 + this.#below(2) });
    for (const log of topic.partitions) this.twins.push(new PartitionTwin(log));
  }

  async #addPartition({ topic }: PartitionTwin): Promise<void> {
    const count = this.manager.topic(topic)!.partitions.length;
    if (count >= 4) return;
    await this.manager.addPartitions(topic, count + 1);
    this.twins.push(new PartitionTwin(this.manager.partition(topic, count)!));
  }

  async #deleteTopic({ topic, topicId }: PartitionTwin): Promise<void> {
    const own = this.twins.filter((twin) => twin.topicId === topicId);
    for (const twin of own) twin.isDeleteAsked = true;
    await this.manager.deleteTopic(topic);
    for (const twin of own) twin.isDeleted = true;
  }

  async #restart(): Promise<void> {
    await this.manager.close();
    await this.#openManager();
    for (const twin of this.#alive()) this.#producers.get(twin)?.retry(this.#logOf(twin)!);
  }

  async #openManager(): Promise<void> {
    const defaults = { retentionBytes: 10_000 };
    const preallocation = { fromBytes: 700, maxBytes: 1500 };
    this.manager = await openSmall(this.disk, { clock: this.clock, flushIntervalMs: 20, defaults, preallocation });
  }

  /** Long enough for checkpoints, and now and then for retention. */
  async #letMinutesPass(): Promise<void> {
    for (const twin of this.#alive()) twin.mayBeRemovedTo = this.#logOf(twin)!.logEndOffset;
    await this.clock.advance(61_000);
    if (this.#random() < 0.5) await this.manager.applyRetention(this.clock.nowMs());
  }

  #watch(): void {
    this.disk.onChange = () => {
      if (this.#random() >= this.#crashShare) return;
      const random = this.#random;
      const disk = random() < 0.8 ? this.disk.afterPowerLoss(random) : this.disk.afterKill(random);
      this.crashes.push({ disk, promised: this.promised(), retries: this.retries() });
    };
  }

  #pick(): PartitionTwin | undefined {
    const alive = this.#alive();
    return alive[this.#below(alive.length)];
  }

  #alive(): PartitionTwin[] {
    return this.#notDeleted().filter((twin) => this.#logOf(twin));
  }

  #notDeleted(): PartitionTwin[] {
    return this.twins.filter((twin) => !twin.isDeleted);
  }

  #logOf(twin: PartitionTwin): PartitionLog | undefined {
    return this.manager.topicById(twin.topicId)?.partitions[twin.partition];
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

function ignoreDeleted(error: unknown): void {
  if (!(error instanceof LogError)) throw error;
}
