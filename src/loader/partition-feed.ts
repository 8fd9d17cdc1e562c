import type { FetchedBatch, FetchedPartition } from '../wire/client/index.ts';
import type { OwnedPartition, PartitionFetching } from './owner-context.ts';
import { PartitionInbox } from './partition-inbox.ts';

const inboxBytes = 8 * 1024 * 1024;

/** The next thing that was fetched: a batch, or the end of an answer with where it goes on and what was wrong. */
export type FeedItem =
  | { kind: 'batch'; batch: FetchedBatch }
  | { kind: 'end'; nextOffset: bigint; error: FetchedPartition['error'] };

/**
 * What the fetcher has for one partition, batch by batch, in order and without a hole: an answer from elsewhere than where
 * the last one ended belongs to an assignment that is over, and is dropped.
 */
export class PartitionFeed {
  readonly #partition: OwnedPartition;
  readonly #fetching: PartitionFetching;
  readonly #inbox: PartitionInbox;
  /** What is being taken out, batch by batch. */
  #current: { fetched: FetchedPartition; index: number } | null = null;
  /** Where the next answer must begin. */
  #fetchPosition = -1n;
  #isOpen = false;
  #logEnd = -1n;

  constructor(partition: OwnedPartition, fetching: PartitionFetching) {
    this.#partition = partition;
    this.#fetching = fetching;
    const { topic, partition: number } = partition;
    this.#inbox = new PartitionInbox({
      maxBytes: inboxBytes,
      onPause: () => this.#isOpen && fetching.pause(topic, number),
      onResume: () => this.#isOpen && fetching.resume(topic, number),
    });
  }

  /** Bytes fetched and not yet taken out. */
  get bytes(): number {
    return this.#inbox.bytes;
  }

  /** First offset not fetched yet; -1 while it is closed. */
  get readUpTo(): bigint {
    return this.#isOpen ? this.#fetchPosition : -1n;
  }

  /** Last stable offset as last seen; -1 before the first answer. */
  get logEnd(): bigint {
    const { topic, partition } = this.#partition;
    const seen = this.#fetching.progress(topic, partition)?.lastStableOffset ?? -1n;
    if (seen > this.#logEnd) this.#logEnd = seen;
    return this.#logEnd;
  }

  /** Starts, or starts over, at an offset. `leaderEpoch`: of the record before it; null: not known. */
  open(at: bigint, leaderEpoch: number | null): void {
    this.close();
    const { topic, ownId, partition } = this.#partition;
    this.#fetchPosition = at;
    this.#isOpen = true;
    this.#fetching.assign(topic, partition, at, {
      ...(ownId === null ? {} : { topicId: ownId }),
      ...(leaderEpoch === null ? {} : { leaderEpoch }),
    });
  }

  /** Fetches no more and forgets what is held. */
  close(): void {
    if (this.#isOpen) this.#fetching.unassign(this.#partition.topic, this.#partition.partition);
    this.#isOpen = false;
    this.#inbox.clear();
    this.#current = null;
  }

  /** Takes what the fetcher has for us; false when it is not wanted. */
  offer(fetched: FetchedPartition): boolean {
    if (!this.#isOpen || fetched.fetchOffset !== this.#fetchPosition) return false;
    this.#fetchPosition = fetched.nextOffset;
    if (fetched.lastStableOffset > this.#logEnd) this.#logEnd = fetched.lastStableOffset;
    this.#inbox.push(fetched);
    return true;
  }

  /** Null when there is nothing at the moment. */
  next(): FeedItem | null {
    if (!this.#current) {
      const fetched = this.#inbox.shift();
      if (!fetched) return null;
      this.#current = { fetched, index: 0 };
    }
    const { fetched, index } = this.#current;
    const batch = fetched.batches[index];
    if (batch) {
      this.#current.index++;
      return { kind: 'batch', batch };
    }
    this.#current = null;
    return { kind: 'end', nextOffset: fetched.nextOffset, error: fetched.error };
  }
}
