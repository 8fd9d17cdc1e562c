import type { BatchFetcher, KafkaCluster, TopicPartition } from '../../wire/client/index.ts';
import { GroupMember } from '../../wire/client/index.ts';

export interface GroupReaderOptions {
  cluster: KafkaCluster;
  group: string;
  topic: string;
  fetcher: BatchFetcher;
  /** Where to begin in partitions for which the group has committed nothing. */
  startOf: (partitions: readonly number[]) => Promise<Map<number, bigint>>;
  onFatal: (error: Error) => void;
}

/** Keeps a fetcher on the partitions that the group gives us, and commits how far they were printed. */
export class GroupReader {
  readonly #options: GroupReaderOptions;
  readonly #member: GroupMember;
  /** Next offset to print, of partitions where something was printed since the last commit. */
  readonly #toCommit = new Map<number, bigint>();
  readonly #assigned = new Set<number>();

  constructor(options: GroupReaderOptions) {
    this.#options = options;
    this.#member = new GroupMember({
      cluster: options.cluster,
      groupId: options.group,
      topics: [options.topic],
      onAssigned: (partitions) => this.#begin(partitions),
      onRevoked: async (partitions) => {
        await this.commit();
        this.#end(partitions);
      },
      onLost: (partitions) => this.#end(partitions),
      onFatal: options.onFatal,
    });
  }

  get assigned(): ReadonlySet<number> {
    return this.#assigned;
  }

  get hasAssignment(): boolean {
    return this.#member.generation >= 0;
  }

  start(): void {
    this.#member.start();
  }

  notePrinted(partition: number, nextOffset: bigint): void {
    if (this.#assigned.has(partition)) this.#toCommit.set(partition, nextOffset);
  }

  async commit(): Promise<void> {
    const offsets = [...this.#toCommit].map(([partition, offset]) => ({
      topic: this.#options.topic,
      partition,
      offset,
    }));
    this.#toCommit.clear();
    if (offsets.length > 0) await this.#member.commit(offsets);
  }

  close(): Promise<void> {
    return this.#member.close();
  }

  async #begin(partitions: readonly TopicPartition[]): Promise<void> {
    const { cluster, group, topic, fetcher, startOf } = this.#options;
    const committed = await cluster.fetchOffsets(group, partitions);
    const starts = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    const others = partitions.map(({ partition }) => partition).filter((partition) => !starts.has(partition));
    for (const [partition, offset] of others.length > 0 ? await startOf(others) : []) starts.set(partition, offset);
    for (const [partition, offset] of starts) {
      this.#assigned.add(partition);
      fetcher.assign(topic, partition, offset);
    }
  }

  #end(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#assigned.delete(partition);
      this.#toCommit.delete(partition);
      this.#options.fetcher.unassign(topic, partition);
    }
  }
}
