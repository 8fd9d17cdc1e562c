/**
 * The retention pin of a topic (`sluice.pin.group`): segments with records that the named group has not committed are kept past
 * retention. Once those that only the pin keeps are larger than `sluice.pin.max.bytes`, `sluice.pin.policy` decides: `refuse` turns
 * producers away with a retriable error until the group moves on, `drop` removes the oldest, and the reader meets a gap.
 *
 * A group that has committed nothing pins the log at its start; so does every group until the coordinator has read its state.
 */
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import type { PartitionState } from './partition-state.ts';

export interface DueSegment {
  segment: LogSegment;
  /** Offset behind its last record. */
  nextOffset: bigint;
}

export class SegmentPin {
  readonly #state: PartitionState;
  readonly #context: LogContext;
  /** What retention would have removed at its last run. */
  #held: DueSegment[] = [];

  constructor(state: PartitionState, context: LogContext) {
    this.#state = state;
    this.#context = context;
  }

  get isActive(): boolean {
    return this.#state.config.pinGroup !== '';
  }

  /** Everything below it may go, as far as the pin is concerned; null without a pin. */
  get landedTo(): bigint | null {
    if (!this.isActive) return null;
    const { topic, topicId, partition } = this.#state.identity;
    const committed = this.#context.pins.lookUp?.(this.#state.config.pinGroup, topic, topicId, partition);
    return committed ?? this.#state.logStartOffset;
  }

  /** How many of the segments that are due, oldest first, may go. */
  countRemovable(due: readonly DueSegment[]): number {
    const landedTo = this.landedTo;
    if (landedTo === null) {
      this.#held = [];
      return due.length;
    }
    const firstHeld = due.findIndex(({ nextOffset }) => nextOffset > landedTo);
    const free = firstHeld < 0 ? due.length : firstHeld;
    const dropped = this.#state.config.pinPolicy === 'drop' ? this.#surplusCount(due.slice(free)) : 0;
    if (dropped > 0) this.#warnDropped(landedTo, due[free + dropped - 1]!.nextOffset);
    this.#held = due.slice(free + dropped);
    return free + dropped;
  }

  /** Throws LogError KAFKA_STORAGE_ERROR, as for a full disk, while the pin holds more than it may. */
  assertAppending(): void {
    const { pinMaxBytes, pinPolicy, pinGroup } = this.#state.config;
    if (this.#held.length === 0 || pinMaxBytes < 0 || pinPolicy !== 'refuse') return;
    const landedTo = this.landedTo;
    this.#held = landedTo === null ? [] : this.#held.filter(({ nextOffset }) => nextOffset > landedTo);
    const heldBytes = sum(this.#held);
    if (heldBytes <= pinMaxBytes) return;
    const { directoryName } = this.#state.identity;
    throw new LogError(
      'KAFKA_STORAGE_ERROR',
      `${directoryName} holds ${heldBytes} bytes past retention for group ${pinGroup}, which has committed ${landedTo}: ` +
        `expected at most sluice.pin.max.bytes = ${pinMaxBytes}. Let the group catch up, raise the limit, or take the pin off`,
    );
  }

  #surplusCount(held: readonly DueSegment[]): number {
    const { pinMaxBytes } = this.#state.config;
    let count = 0;
    while (pinMaxBytes >= 0 && count < held.length && sum(held.slice(count)) > pinMaxBytes) count++;
    return count;
  }

  #warnDropped(landedTo: bigint, droppedTo: bigint): void {
    const { topic, partition } = this.#state.identity;
    const { pinGroup, pinMaxBytes } = this.#state.config;
    this.#context.logger.warn({ topic, partition, pinGroup, pinMaxBytes, landedTo, droppedTo }, 'PinnedRecordsDropped');
  }
}

function sum(segments: readonly DueSegment[]): number {
  return segments.reduce((total, { segment }) => total + segment.sizeBytes, 0);
}
