import type { Logger } from '../../shared/index.ts';
import type { RecordHeader } from '../../wire/index.ts';

/** A partition of one incarnation of a topic: one that was deleted and created anew has another id. */
export interface LogPlace {
  topic: string;
  /** 32 hex digits; all zeros in a cluster without topic ids. */
  topicId: string;
  partition: number;
}

export interface EventPlace {
  topic: string;
  partition: number;
  offset: bigint;
  /** Of the record: the producer's, or the broker's where the topic says LogAppendTime. Epoch ms. */
  timestampMs: number;
  key: Buffer | null;
  /** None for events from a warehouse, which does not keep them. */
  headers: readonly RecordHeader[];
}

/** A record and what `decode` made of its value. */
export interface ConsumedEvent<T> extends EventPlace {
  value: T;
  /** The record's value as it was, of events from a warehouse the row as JSON; null: it had none. */
  bytes: Buffer | null;
}

/** Events of one partition, in the order of their offsets. */
export interface ConsumedBatch<T> extends LogPlace {
  /** Where the batch before it ended. Offsets without an event (filtered, aborted, compacted away) belong to a batch as well. */
  first: bigint;
  /** Exclusive: where reading goes on. */
  next: bigint;
  events: readonly ConsumedEvent<T>[];
  source: 'log' | 'history';
}

export interface HandlerContext {
  /** Aborted when the consumer cannot wait for the handler any longer: the partition is another's, or `stopTimeoutMs` is over. */
  signal: AbortSignal;
  /** 1 at first; counts up while the same events fail. */
  attempt: number;
  /** Everything up to this offset, inclusive, is done: if the handler fails now, the next attempt begins behind it. */
  handled(offset: bigint): void;
  logger: Logger;
}

/** Gets every batch at least once: again after an error, a crash or a rebalance. Batches of one partition come one after the other. */
export type BatchHandler<T> = (batch: ConsumedBatch<T>, context: HandlerContext) => Promise<void> | void;

/** A handler for single events; one that fails is tried again without those before it. */
export function eachEvent<T>(
  handle: (event: ConsumedEvent<T>, context: HandlerContext) => Promise<void> | void,
): BatchHandler<T> {
  return async (batch, context) => {
    for (const event of batch.events) {
      context.signal.throwIfAborted();
      await handle(event, context);
      context.handled(event.offset);
    }
  };
}

/**
 * A receiver that keeps the position with the data, in one step: the one way to have every event exactly once. The runtime asks it,
 * not the group, where each partition goes on.
 */
export interface PositionedSink<T> {
  /** Behind the last offset that the sink holds of the partition; null: it holds nothing, so all of it is to be read. */
  position(place: LogPlace, signal: AbortSignal): Promise<bigint | null>;
  /**
   * If the sink still stands at `expected`, stores the events and `batch.next` in one step. Resolves to where it stands
   * now: `batch.next`, or another position, from which the runtime then reads. Errors with `isRetriable` are waited out.
   */
  store(batch: ConsumedBatch<T>, expected: bigint | null, context: HandlerContext): Promise<bigint | null>;
}
