import { FencedError, LedgerError, type PartitionChain } from '../offsets/index.ts';
import { type Clock, describeError, type Logger } from '../shared/index.ts';
import { isWarehouseError, type WarehouseFiles } from '../warehouse/index.ts';
import { currentPause, type PartitionPause, type RequestPlace } from './partition-control.ts';
import { openRequests, requestRoll } from './roll-request.ts';

/** What an owner looks at in between, traffic or not: whether it was replaced, and what others ask of it. */
export class OwnerWatch {
  readonly #place: RequestPlace;
  readonly #options: { files: WarehouseFiles; clock: Clock; logger: Logger; everyMs: number; signal: AbortSignal };
  #lookedAtMs = 0;
  /** Somebody waits for this checkpoint. */
  rollUpTo: bigint | null = null;
  pause: PartitionPause | null = null;

  constructor(
    place: RequestPlace,
    options: { files: WarehouseFiles; clock: Clock; logger: Logger; everyMs: number; signal: AbortSignal },
  ) {
    this.#place = place;
    this.#options = options;
  }

  /** Counts anew from now on. */
  begin(): void {
    this.#lookedAtMs = this.#options.clock.monotonicMs();
  }

  get msUntilDue(): number {
    return this.#lookedAtMs + this.#options.everyMs - this.#options.clock.monotonicMs();
  }

  /** Throws FencedError when the chain goes on without us. Trouble of the warehouse is left to the next look. */
  async look(chain: PartitionChain): Promise<void> {
    const { files, logger, signal } = this.#options;
    this.begin();
    try {
      if (await chain.hasSuccessor({ signal })) {
        throw new FencedError('another owner wrote to the chain', chain.state.holder);
      }
      const { rollUpTo, pause } = await openRequests(files, this.#place, chain.checkpoint!, signal);
      this.rollUpTo = rollUpTo;
      this.pause = pause;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof LedgerError || !isWarehouseError(error)) throw error;
      logger.warn({ reason: describeError(error) }, 'OwnershipNotChecked');
    }
  }

  /** Whether the partition is paused, asked without owning it. */
  async lookForPause(): Promise<PartitionPause | null> {
    const { files, signal } = this.#options;
    this.pause = await currentPause(files, this.#place, signal);
    return this.pause;
  }

  /** Asks the owner of the partition, who is somebody else, to have committed up to there soon. */
  async requestRoll(endOffset: bigint): Promise<void> {
    await requestRoll(this.#options.files, this.#place, endOffset, this.#options.signal);
  }
}
