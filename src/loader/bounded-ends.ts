import { PartitionChain } from '../offsets/index.ts';
import { type Clock, describeError, type Logger, WakeUp } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import type { LoadOptions } from './load-options.ts';
import { requestRoll } from './roll-request.ts';
import type { KnownTopic } from './topic-id.ts';

const lookEveryMs = 1000;

/** One partition of a bounded load: all of [checkpoint, end) is to land. */
export interface BoundedPartition {
  topic: string;
  topicId: string;
  partition: number;
  /** Exclusive: the last stable offset when the load began. */
  endOffset: bigint;
}

/** The partitions of a bounded load with the ends it stops at. What is produced afterwards is left to the next load. */
export async function takeEnds(
  cluster: KafkaCluster,
  topics: readonly KnownTopic[],
  options: LoadOptions,
  signal: AbortSignal,
): Promise<BoundedPartition[]> {
  const manual = options.assignment?.kind === 'manual' ? options.assignment.partitions : null;
  const bounded: BoundedPartition[] = [];
  for (const { name, topicId, partitions } of topics) {
    const wanted = manual ? manual.filter(({ topic }) => topic === name).map(({ partition }) => partition) : partitions;
    const ends = await cluster.listOffsets(name, wanted, 'latest', { isolation: 'read_committed', signal });
    for (const partition of wanted) {
      const given = manual?.find((one) => one.topic === name && one.partition === partition)?.endOffset;
      bounded.push({ topic: name, topicId, partition, endOffset: given ?? ends.get(partition)!.offset });
    }
  }
  return bounded;
}

/**
 * Watches the checkpoints of a bounded load's partitions until all have passed their ends, whoever gets them there: our
 * workers, which tell, or owners elsewhere, whose chains are read and who are asked to roll early.
 */
export class BoundedEnds {
  readonly #open = new Map<string, BoundedPartition>();
  readonly #ours = new Set<string>();
  readonly #wake = new WakeUp();
  readonly #files: WarehouseFiles;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(
    partitions: readonly BoundedPartition[],
    context: { files: WarehouseFiles; clock: Clock; logger: Logger },
  ) {
    for (const one of partitions) this.#open.set(key(one), one);
    this.#files = context.files;
    this.#clock = context.clock;
    this.#logger = context.logger;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get open(): readonly BoundedPartition[] {
    return [...this.#open.values()];
  }

  /** A worker of ours is at work on it and will tell. */
  noteOurs(topic: string, partition: number, isOurs: boolean): void {
    if (isOurs) this.#ours.add(key({ topic, partition }));
    else this.#ours.delete(key({ topic, partition }));
  }

  /** It has landed, or has failed for good. */
  noteEnded(topic: string, partition: number): void {
    this.#open.delete(key({ topic, partition }));
    if (this.#open.size === 0) this.#wake.call();
  }

  /** Looks once at the chains nobody of ours works on; gives the checkpoint of each that is through. */
  async look(signal: AbortSignal): Promise<(BoundedPartition & { checkpoint: bigint })[]> {
    const ended: (BoundedPartition & { checkpoint: bigint })[] = [];
    for (const one of this.open) {
      if (this.#ours.has(key(one))) continue;
      const checkpoint = await this.#lookAt(one, signal);
      if (checkpoint !== null) ended.push({ ...one, checkpoint });
    }
    return ended;
  }

  /** Resolves when all partitions have ended. `onEnded` is told of those that owners elsewhere have finished. */
  async watch(onEnded: (one: BoundedPartition, checkpoint: bigint) => void, signal: AbortSignal): Promise<void> {
    while (this.#open.size > 0) {
      await this.#wake.sleep(this.#clock, lookEveryMs, signal);
      signal.throwIfAborted();
      for (const one of await this.look(signal)) {
        this.noteEnded(one.topic, one.partition);
        onEnded(one, one.checkpoint);
      }
    }
  }

  async #lookAt(one: BoundedPartition, signal: AbortSignal): Promise<bigint | null> {
    const { topic, topicId, partition, endOffset } = one;
    const place = { table: topic, topicId, partition };
    try {
      const { state } = await PartitionChain.open(this.#files, { ...place, topic }, { signal });
      if (state.next !== null && state.next >= endOffset) return state.next;
      if (state.holder) await requestRoll(this.#files, place, endOffset, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#logger.warn({ topic, partition, reason: describeError(error) }, 'CheckpointNotRead');
    }
    return null;
  }
}

function key({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}
