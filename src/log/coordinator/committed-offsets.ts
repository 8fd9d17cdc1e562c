/** The committed offsets of one group: topic -> partition -> commit. Offsets are the next one to read. */

export interface CommittedOffset {
  readonly offset: bigint;
  /** -1 when the client did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: bigint;
  /** Zero uuid when not known. */
  readonly topicId: string;
}

export class CommittedOffsets {
  readonly #topics = new Map<string, Map<number, CommittedOffset>>();

  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  set(topic: string, partition: number, commit: CommittedOffset): void {
    let partitions = this.#topics.get(topic);
    if (!partitions) this.#topics.set(topic, (partitions = new Map()));
    partitions.set(partition, commit);
  }

  delete(topic: string, partition: number): boolean {
    const partitions = this.#topics.get(topic);
    if (!partitions?.delete(partition)) return false;
    if (partitions.size === 0) this.#topics.delete(topic);
    return true;
  }

  topics(): IterableIterator<string> {
    return this.#topics.keys();
  }

  partitions(topic: string): ReadonlyMap<number, CommittedOffset> {
    return this.#topics.get(topic) ?? new Map();
  }

  *entries(): Generator<{ topic: string; partition: number; commit: CommittedOffset }> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, commit] of partitions) yield { topic, partition, commit };
    }
  }
}
