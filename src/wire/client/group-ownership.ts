import { type Logger, SluiceError } from '../../shared/index.ts';
import { partitionKey, type TopicPartition } from './consumer-protocol.ts';
import { runCallback } from './group-callbacks.ts';
import type { GroupCallbacks } from './group-options.ts';
import type { GroupSession } from './group-session.ts';

/**
 * What a group member owns, and the calls that tell its owner about it. Only one method runs at a time; each throws a
 * CallbackError when a callback threw.
 */
export class GroupOwnership {
  readonly #callbacks: GroupCallbacks;
  readonly #session: GroupSession;
  readonly #timeoutMs: number;
  /** The member is being closed: callbacks should come to an end, and are waited for. */
  readonly #hurry: AbortSignal;
  readonly #logger: Logger;
  #owned: TopicPartition[] = [];
  #generation = -1;

  constructor(options: {
    callbacks: GroupCallbacks;
    session: GroupSession;
    timeoutMs: number;
    hurry: AbortSignal;
    logger: Logger;
  }) {
    this.#callbacks = options.callbacks;
    this.#session = options.session;
    this.#timeoutMs = options.timeoutMs;
    this.#hurry = options.hurry;
    this.#logger = options.logger;
  }

  get partitions(): readonly TopicPartition[] {
    return this.#owned;
  }

  /** The generation of the last assignment; -1: none. */
  get generation(): number {
    return this.#generation;
  }

  /** Gives up what is not in the assignment, then takes what is new in it. Returns how many were given up; throws when the membership is lost meanwhile. */
  async take(assigned: TopicPartition[], generation: number): Promise<number> {
    const [revoked, added] = [without(this.#owned, assigned), without(assigned, this.#owned)];
    this.#generation = generation;
    this.#logger.info(
      { generation, assigned: assigned.length, revoked: revoked.length, added: added.length },
      'GroupRebalanced',
    );
    if (revoked.length > 0) await this.#giveUp(revoked);
    this.#session.lostSignal.throwIfAborted();
    this.#owned = assigned;
    if (added.length > 0) await this.#begin(added, generation);
    return revoked.length;
  }

  async giveUpAll(): Promise<void> {
    if (this.#owned.length > 0) await this.#giveUp(this.#owned);
  }

  /** When the session is lost: tells so, and begins the next one. */
  async handOverLost(): Promise<void> {
    if (!this.#session.isLost) return;
    const partitions = this.#owned;
    this.forget();
    this.#session.renew();
    if (partitions.length > 0) await this.#lose(partitions);
  }

  forget(): void {
    this.#owned = [];
    this.#generation = -1;
  }

  /** Throws for the first of these that is not ours. */
  check(partitions: readonly TopicPartition[]): void {
    const foreign = without(partitions, this.#owned)[0];
    if (!foreign) return;
    throw new SluiceError('not-owned', `expected a partition assigned to us, got ${partitionKey(foreign)}`);
  }

  async #begin(partitions: TopicPartition[], generation: number): Promise<void> {
    const isDone = await runCallback(
      'onAssigned',
      (signal) => this.#callbacks.onAssigned(partitions, generation, signal),
      {
        timeoutMs: this.#timeoutMs,
        stopWaiting: this.#session.lostSignal,
        hurry: this.#hurry,
      },
    );
    if (!isDone) this.#logger.warn({ generation, partitions: partitions.length }, 'AssignmentNotTakenInTime');
  }

  /** What is not given up in time counts as lost. */
  async #giveUp(partitions: TopicPartition[]): Promise<void> {
    const isDone = await runCallback('onRevoked', (signal) => this.#callbacks.onRevoked(partitions, signal), {
      timeoutMs: this.#timeoutMs,
      stopWaiting: this.#session.lostSignal,
      hurry: this.#hurry,
    });
    this.#owned = without(this.#owned, partitions);
    if (isDone) return;
    this.#logger.warn({ partitions: partitions.length }, 'PartitionsNotGivenUpInTime');
    await this.#lose(partitions);
  }

  async #lose(partitions: TopicPartition[]): Promise<void> {
    const limits = { timeoutMs: this.#timeoutMs, stopWaiting: null, hurry: this.#hurry };
    await runCallback('onLost', () => this.#callbacks.onLost(partitions), limits);
  }
}

function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  const keys = new Set(others.map(partitionKey));
  return partitions.filter((partition) => !keys.has(partitionKey(partition)));
}
