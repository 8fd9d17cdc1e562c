import { type KafkaCluster, ProducerClient } from '../../wire/client/index.ts';
import type { EventPlace } from './consumed-batch.ts';

/** A record that was given up, and why. */
export interface DeadRecord extends EventPlace {
  /** Null: it had no value. */
  bytes: Buffer | null;
  reason: string;
  /** 0: it was never handed to the handler. */
  attempts: number;
}

/**
 * Sends records to a dead-letter topic: key, value and headers as they were, and where they come from in further headers
 * `sluice.topic`, `sluice.partition`, `sluice.offset`, `sluice.timestamp` (RFC 3339), `sluice.reason` and `sluice.attempts`.
 */
export class DeadLetters {
  readonly #producer: ProducerClient;
  readonly #topic: string;

  constructor(cluster: KafkaCluster, topic: string) {
    this.#producer = new ProducerClient({ cluster });
    this.#topic = topic;
  }

  /** Resolves when the topic has all of them on stable storage; only then may a position pass them. */
  async send(records: readonly DeadRecord[], signal: AbortSignal): Promise<void> {
    const sent = records.map(
      (record) =>
        new Promise<void>((resolve, reject) => {
          const { key, bytes: value } = record;
          const headers = [...record.headers, ...originOf(record)];
          const callbacks = { onDelivered: () => resolve(), onFailed: (error: Error) => reject(error), signal };
          Promise.resolve(this.#producer.send(this.#topic, { key, value, headers }, callbacks)).catch(reject);
        }),
    );
    await Promise.all(sent);
  }

  close(): Promise<void> {
    return this.#producer.close({ timeoutMs: 5000 });
  }
}

function originOf({ topic, partition, offset, timestampMs, reason, attempts }: DeadRecord) {
  const origin = { topic, partition, offset, timestamp: new Date(timestampMs).toISOString(), reason, attempts };
  return Object.entries(origin).map(([name, value]) => ({ name: `sluice.${name}`, value: Buffer.from(String(value)) }));
}
