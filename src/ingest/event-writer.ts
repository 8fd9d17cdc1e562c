import { type Logger, SluiceError } from '../shared/index.ts';
import { type Delivery, type KafkaCluster, ProducerClient } from '../wire/client/index.ts';
import type { ProducerRecord } from '../wire/index.ts';

export interface EventWriterOptions {
  cluster: KafkaCluster;
  /** Events accepted and not yet answered; more wait. */
  maxInFlightBytes: number;
  /** How long an event is tried to be delivered. */
  deliveryTimeoutMs: number;
  lingerMs?: number;
  logger: Logger;
}

/** Where an event is in the log. */
export interface WrittenEvent {
  partition: number;
  /** -1: in the log, but the broker no longer says where. */
  offset: bigint;
}

/**
 * Writes events with acks=all. A producer that had to end, because nobody knows whether its last batch was appended, is replaced by a new one: what
 * was on its way then is told as failed, and may be in the log all the same (`mayBeWritten`).
 */
export class EventWriter {
  readonly #options: EventWriterOptions;
  #producer: ProducerClient;
  #isClosed = false;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#producer = this.#newProducer();
  }

  get pendingBytes(): number {
    return this.#producer.pendingBytes;
  }

  /**
   * Accepts an event; the promise it may return is to be awaited before the next one: that is the back-pressure. Exactly one of the two
   * callbacks follows, unless this throws or rejects.
   */
  send(
    topic: string,
    record: ProducerRecord,
    callbacks: { onWritten: (written: WrittenEvent) => void; onFailed: (error: Error) => void },
    signal?: AbortSignal,
  ): Promise<void> | undefined {
    return this.#usable().send(topic, record, {
      onDelivered: ({ partition, offset }: Delivery) => callbacks.onWritten({ partition, offset }),
      onFailed: callbacks.onFailed,
      signal,
    });
  }

  /** Waits for what was sent, for at most `timeoutMs`. */
  async close(timeoutMs = 10_000): Promise<void> {
    this.#isClosed = true;
    // Who sent something has been told of its failure.
    await this.#producer.close({ timeoutMs }).catch(() => {});
  }

  #usable(): ProducerClient {
    if (this.#isClosed) throw new SluiceError('closed', 'expected an open writer, but it was closed');
    if (this.#producer.hasEnded) {
      this.#options.logger.warn({}, 'ProducerReplaced');
      this.#producer.close().catch(() => {});
      this.#producer = this.#newProducer();
    }
    return this.#producer;
  }

  #newProducer(): ProducerClient {
    const { cluster, maxInFlightBytes, deliveryTimeoutMs, lingerMs } = this.#options;
    return new ProducerClient({
      cluster,
      acks: 'all',
      maxInFlightBytes,
      deliveryTimeoutMs,
      allowAutoTopicCreation: false,
      ...(lingerMs === undefined ? {} : { lingerMs }),
    });
  }
}

/** Errors after which an event cannot be in the log: the broker refused it, or it never left. All others leave that open. */
const certainCodes: readonly string[] = [
  'record-too-large',
  'message-too-large',
  'record-list-too-large',
  'invalid-record',
  'invalid-timestamp',
  'topic-authorization-failed',
  'unknown-topic-or-partition',
  'invalid-topic-exception',
  'policy-violation',
];

export function mayBeWritten(error: unknown): boolean {
  return !(error instanceof SluiceError && certainCodes.includes(error.code));
}
