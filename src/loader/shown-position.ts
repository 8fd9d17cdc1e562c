import type { PartitionChain } from '../offsets/index.ts';
import type { Membership } from './membership.ts';

/**
 * A partition's checkpoint as its group shows it to lag tools and to the broker's pin. Nobody reads it back, but it has to become true
 * without further records: the owner before us may have died right behind its commit, and a group that rebalances refuses positions.
 */
export class ShownPosition {
  readonly #topic: string;
  readonly #partition: number;
  readonly #chain: PartitionChain;
  readonly #membership: Membership;
  #shown: bigint | null = null;
  #showing: Promise<void> | null = null;

  constructor(options: { topic: string; partition: number; chain: PartitionChain; membership: Membership }) {
    this.#topic = options.topic;
    this.#partition = options.partition;
    this.#chain = options.chain;
    this.#membership = options.membership;
  }

  /** Shows the checkpoint unless it is shown already. Never rejects: what cannot be shown now is left to the next call. */
  show(): Promise<void> {
    this.#showing ??= this.#show().finally(() => {
      this.#showing = null;
    });
    return this.#showing;
  }

  /** The checkpoint may move on meanwhile. */
  async #show(): Promise<void> {
    for (;;) {
      const { next, leaderEpoch } = this.#chain.state;
      if (next === null || next === this.#shown) return;
      if (!(await this.#membership.publishPosition(this.#topic, this.#partition, next, leaderEpoch))) return;
      this.#shown = next;
    }
  }
}
