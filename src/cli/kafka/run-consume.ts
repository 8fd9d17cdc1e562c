import { BadInputError, isAbortError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition, type KafkaCluster } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import { exitCodes, formatCount } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { GroupReader } from './consume-group.ts';
import { type OffsetPosition, resolveOffsets } from './offset-position.ts';
import { RecordPrinter } from './record-printer.ts';
import { type ClusterFlags, withCluster } from './with-cluster.ts';

export interface ConsumeFlags extends ClusterFlags {
  from: OffsetPosition;
  group?: string;
  partition?: number;
  max?: number;
  untilEnd?: boolean;
  json?: boolean;
}

const COMMIT_EVERY_MS = 1000;

export async function runConsume(topic: string, flags: ConsumeFlags): Promise<number> {
  if (flags.group !== undefined && flags.partition !== undefined) {
    throw new BadInputError('expected --group or --partition, got both: a group shares out the partitions itself');
  }
  const { signal } = stopSignal();
  return await withCluster(flags, async (cluster) => {
    const partitions = await partitionsOf(cluster, topic, flags.partition);
    const consumer = new Consumer(cluster, topic, partitions, flags, signal);
    await consumer.run();
    process.stderr.write(`${formatCount(consumer.printedCount)} records\n`);
    return exitCodes.complete;
  });
}

async function partitionsOf(cluster: KafkaCluster, topic: string, only: number | undefined): Promise<number[]> {
  const [found] = await cluster.topics({}, [topic]);
  if (!found)
    throw new BadInputError(`expected an existing topic, got "${topic}"; sluice topics list shows what there is`);
  const partitions = found.partitions.map(({ partition }) => partition);
  if (only === undefined) return partitions;
  if (!partitions.includes(only)) {
    throw new BadInputError(`expected a partition of "${topic}" from 0 to ${partitions.length - 1}, got ${only}`);
  }
  return [only];
}

/** Fetches and prints until there is a reason to stop. */
class Consumer {
  printedCount = 0;
  readonly #cluster: KafkaCluster;
  readonly #topic: string;
  readonly #partitions: readonly number[];
  readonly #flags: ConsumeFlags;
  readonly #signal: AbortSignal;
  readonly #fetcher: BatchFetcher;
  readonly #printer: RecordPrinter;
  /** With --until-end: where to stop in each partition. */
  #ends: ReadonlyMap<number, bigint> | null = null;
  #group: GroupReader | null = null;
  #fatal: Error | null = null;
  #committedMs = performance.now();

  constructor(
    cluster: KafkaCluster,
    topic: string,
    partitions: readonly number[],
    flags: ConsumeFlags,
    signal: AbortSignal,
  ) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#partitions = partitions;
    this.#flags = flags;
    this.#signal = signal;
    this.#fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 250 });
    this.#printer = new RecordPrinter(process.stdout, flags.json ?? false);
  }

  async run(): Promise<void> {
    const { from, group, untilEnd } = this.#flags;
    const startOf = (partitions: readonly number[], position: OffsetPosition): Promise<Map<number, bigint>> =>
      resolveOffsets(this.#cluster, this.#topic, partitions, position, {
        isolation: 'read_committed',
        signal: this.#signal,
      });
    try {
      if (untilEnd) this.#ends = await startOf(this.#partitions, { kind: 'end' });
      if (group === undefined) {
        for (const [partition, offset] of await startOf(this.#partitions, from)) {
          this.#fetcher.assign(this.#topic, partition, offset);
        }
      } else {
        this.#group = this.#joinGroup(group, (partitions) => startOf(partitions, from));
      }
      await this.#loop();
    } catch (error) {
      if (!this.#signal.aborted && !isAbortError(error)) throw error;
    } finally {
      await this.#printer.flush();
      await this.#group?.close();
      await this.#fetcher.close();
    }
  }

  #joinGroup(group: string, startOf: (partitions: readonly number[]) => Promise<Map<number, bigint>>): GroupReader {
    const reader = new GroupReader({
      cluster: this.#cluster,
      group,
      topic: this.#topic,
      fetcher: this.#fetcher,
      startOf,
      onFatal: (error) => (this.#fatal = error),
    });
    reader.start();
    return reader;
  }

  async #loop(): Promise<void> {
    while (!this.#isDone()) {
      for (const fetched of await this.#fetcher.poll({ signal: this.#signal })) {
        if (this.#isFull()) break;
        if (fetched.error) throw fetched.error;
        await this.#printAll(fetched);
      }
      await this.#printer.flush();
      await this.#commitIfDue();
    }
  }

  #isFull(): boolean {
    return this.printedCount >= (this.#flags.max ?? Number.POSITIVE_INFINITY) || this.#printer.isClosed;
  }

  #isDone(): boolean {
    if (this.#fatal) throw this.#fatal;
    if (this.#isFull()) return true;
    if (!this.#ends || (this.#group && !this.#group.hasAssignment)) return false;
    const mine = this.#group ? [...this.#group.assigned] : this.#partitions;
    return mine.every((partition) => this.#hasReachedEnd(partition));
  }

  #hasReachedEnd(partition: number): boolean {
    const position = this.#fetcher.progress(this.#topic, partition)?.position ?? -1n;
    return position >= this.#ends!.get(partition)!;
  }

  async #printAll(fetched: FetchedPartition): Promise<void> {
    const { partition, batches, fetchOffset, nextOffset } = fetched;
    const end = this.#ends?.get(partition);
    for (const { bytes, header, isAborted } of batches) {
      if (isAborted || header.isControl) continue;
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) {
        if (cursor.offset < fetchOffset) continue;
        if (end !== undefined && cursor.offset >= end) return;
        const isMuch = this.#printer.print(this.#topic, partition, cursor);
        this.printedCount++;
        this.#group?.notePrinted(partition, cursor.offset + 1n);
        if (this.#isFull()) return;
        if (isMuch) await this.#printer.flush();
      }
    }
    this.#group?.notePrinted(partition, nextOffset);
  }

  async #commitIfDue(): Promise<void> {
    if (!this.#group || performance.now() - this.#committedMs < COMMIT_EVERY_MS) return;
    this.#committedMs = performance.now();
    await this.#group.commit();
  }
}
