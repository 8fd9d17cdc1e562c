import { join } from 'node:path';
import type { FetchedPartition } from '../wire/client/index.ts';
import type { OwnerStatus, PartitionPosition } from './load-progress.ts';
import type { OwnedPartition, OwnerContext, TableContext } from './owner-context.ts';
import type { OwnerEnd } from './owner-state.ts';
import { PartitionOwner } from './partition-owner.ts';
import type { KnownTopic } from './topic-id.ts';

interface Place {
  topic: string;
  partition: number;
}

interface RunningOwner {
  owner: PartitionOwner;
  ended: Promise<void>;
}

/** The owners of one worker, at most one a partition at any time. */
export class OwnerSet {
  readonly #context: OwnerContext;
  readonly #topics: ReadonlyMap<string, KnownTopic>;
  readonly #tables: ReadonlyMap<string, TableContext>;
  readonly #scratch: string;
  readonly #onStarted: (partition: OwnedPartition) => void;
  readonly #onEnded: (partition: OwnedPartition, end: OwnerEnd) => void;
  readonly #owners = new Map<string, RunningOwner>();
  #isStopping = false;
  #startedCount = 0;

  constructor(options: {
    context: OwnerContext;
    topics: ReadonlyMap<string, KnownTopic>;
    tables: ReadonlyMap<string, TableContext>;
    scratch: string;
    onStarted: (partition: OwnedPartition) => void;
    onEnded: (partition: OwnedPartition, end: OwnerEnd) => void;
  }) {
    this.#context = options.context;
    this.#topics = options.topics;
    this.#tables = options.tables;
    this.#scratch = options.scratch;
    this.#onStarted = options.onStarted;
    this.#onEnded = options.onEnded;
  }

  start(places: readonly Place[]): void {
    for (const place of places) void this.#startOne(place);
  }

  async #startOne({ topic, partition }: Place): Promise<void> {
    const key = keyOf({ topic, partition });
    await this.#owners.get(key)?.ended;
    const known = this.#topics.get(topic);
    const table = this.#tables.get(topic);
    const endOffset = this.#context.settings.endOffsets?.get(key) ?? null;
    // A partition that was added after a bounded load began is not part of it.
    const isWanted = this.#context.settings.endOffsets === null || endOffset !== null;
    if (this.#isStopping || !known || !table || !isWanted || this.#owners.has(key)) return;
    const owned: OwnedPartition = { topic, topicId: known.topicId, ownId: known.ownId, partition, endOffset };
    const scratch = join(this.#scratch, `${topic}-${partition}-${this.#startedCount++}`);
    const owner = new PartitionOwner({ partition: owned, context: this.#context, table, scratch });
    this.#onStarted(owned);
    const ended = owner.run().then((end) => {
      this.#owners.delete(key);
      this.#onEnded(owned, end);
    });
    this.#owners.set(key, { owner, ended });
  }

  offer(fetched: FetchedPartition): void {
    this.#owners.get(keyOf(fetched))?.owner.offer(fetched);
  }

  /** In good order; what is not done after `graceMs` is dropped. Resolves when all of them have ended. */
  async stop(places: readonly Place[], cause: 'revoked' | 'shutdown', graceMs: number): Promise<void> {
    const running = places.flatMap((place) => this.#owners.get(keyOf(place)) ?? []);
    for (const { owner } of running) owner.stop(cause, graceMs);
    await Promise.all(running.map(({ ended }) => ended));
  }

  /** Others may own these already: nothing of what is open may land. */
  async abandon(places: readonly Place[]): Promise<void> {
    const running = places.flatMap((place) => this.#owners.get(keyOf(place)) ?? []);
    for (const { owner } of running) owner.abandon();
    await Promise.all(running.map(({ ended }) => ended));
  }

  /** Starts nothing any more. */
  async stopAll(cause: 'revoked' | 'shutdown', graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.stop(
      [...this.#owners.values()].map(({ owner }) => owner.partition),
      cause,
      graceMs,
    );
  }

  /**
   * Whether more may be fetched. Beyond the budget the partition that holds the most is rolled first; true also when
   * nothing that is held can be freed by waiting.
   */
  makeRoom(budgetBytes: number): boolean {
    const owners = [...this.#owners.values()].map(({ owner }) => owner);
    if (this.memoryBytes < budgetBytes) return true;
    if (owners.some((owner) => owner.isFreeing)) return false;
    const largest = owners.reduce<PartitionOwner | null>(
      (best, owner) => (owner.rollableBytes > (best?.rollableBytes ?? 0) ? owner : best),
      null,
    );
    largest?.askForMemory();
    return largest === null;
  }

  /** Bytes that all owners hold. */
  get memoryBytes(): number {
    return [...this.#owners.values()].reduce((sum, { owner }) => sum + owner.memoryBytes, 0);
  }

  statuses(): OwnerStatus[] {
    return [...this.#owners.values()].map(({ owner }) => owner.status);
  }

  positions(): PartitionPosition[] {
    return [...this.#owners.values()].flatMap(({ owner }) => owner.position ?? []);
  }
}

export function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
