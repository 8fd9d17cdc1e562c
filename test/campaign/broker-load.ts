/**
 * Load for a broker that will be killed: producers that remember what was acknowledged and where, readers that remember what
 * they were shown, committers that remember what they committed. All over raw connections: no client library decides what
 * to retry.
 */
import {
  encodeBatch,
  errorByCode,
  FetchRequestSchema,
  FetchResponseSchema,
  InitProducerIdRequestSchema,
  InitProducerIdResponseSchema,
  OffsetCommitRequestSchema,
  OffsetCommitResponseSchema,
  ProduceRequestSchema,
  ProduceResponseSchema,
  RecordCursor,
  splitBatches,
} from '../../src/wire/index.ts';
import { RawClient } from '../support/raw-client.ts';

export const loadTopic = 'kill';

interface Address {
  host: string;
  port: number;
}

/** What one partition must hold, and what of it was shown to readers. */
export class PartitionTruth {
  /** Value at each offset that was acknowledged. */
  readonly acknowledged = new Map<number, string>();
  readonly shown = new Map<number, string>();
  /** Values of idempotent producers that were acknowledged: each must be there exactly once. */
  readonly onceOnly = new Set<string>();
}

interface OutstandingBatch {
  readonly values: readonly string[];
  readonly baseSequence: number;
}

/**
 * Produces with acks=all, up to five requests in flight, to one partition. An idempotent one sends again what was not answered
 * when the broker is back; another one never sends anything twice.
 */
export class Producer {
  readonly #name: string;
  readonly #partition: number;
  readonly #truth: PartitionTruth;
  readonly #isIdempotent: boolean;
  readonly #random: () => number;
  #producerId = -1n;
  #nextSequence = 0;
  #nextValue = 0;
  #outstanding: OutstandingBatch[] = [];

  constructor(name: string, partition: number, truth: PartitionTruth, isIdempotent: boolean, random: () => number) {
    this.#name = name;
    this.#partition = partition;
    this.#truth = truth;
    this.#isIdempotent = isIdempotent;
    this.#random = random;
  }

  /** Runs until the signal is aborted (then it waits for the answers that are due) or the broker is gone. */
  async run(address: Address, signal: AbortSignal): Promise<void> {
    const client = await RawClient.open(address);
    try {
      if (this.#isIdempotent && this.#producerId < 0n) this.#producerId = await newProducerId(client);
      if (!this.#isIdempotent) this.#outstanding = [];
      const again = this.#outstanding;
      for (const batch of again) this.#send(client, batch);
      while (!signal.aborted) {
        while (this.#outstanding.length < 5) {
          const batch = this.#nextBatch();
          this.#outstanding.push(batch);
          this.#send(client, batch);
        }
        await this.#receive(client);
      }
      while (this.#outstanding.length > 0) await this.#receive(client);
    } finally {
      client.close();
    }
  }

  #nextBatch(): OutstandingBatch {
    const count = 1 + Math.floor(this.#random() * 40);
    const values = Array.from({ length: count }, () => {
      const padding = 'x'.repeat(Math.floor(this.#random() * 300));
      return `${this.#name}:${this.#nextValue++}:${padding}`;
    });
    const baseSequence = this.#nextSequence;
    this.#nextSequence += count;
    return { values, baseSequence };
  }

  #send(client: RawClient, { values, baseSequence }: OutstandingBatch): void {
    const idempotence = this.#isIdempotent ? { producerId: this.#producerId, producerEpoch: 0, baseSequence } : {};
    const records = encodeBatch(
      values.map((value) => ({ value })),
      { timestampMs: BigInt(Date.now()), ...idempotence },
    );
    client.send(ProduceRequestSchema, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: loadTopic, partitionData: [{ index: this.#partition, records }] }],
    });
  }

  async #receive(client: RawClient): Promise<void> {
    const { responses } = await client.receive(ProduceResponseSchema, 9);
    const answer = responses[0]!.partitionResponses[0]!;
    const { name } = errorByCode(answer.errorCode);
    if (name === 'NONE') this.#acknowledge(this.#outstanding[0]!.values, Number(answer.baseOffset));
    else if (name === 'DUPLICATE_SEQUENCE_NUMBER' && this.#isIdempotent)
      this.#acknowledge(this.#outstanding[0]!.values, -1);
    else if (name !== 'KAFKA_STORAGE_ERROR') throw new Error(`${this.#name}: ${name} ${answer.errorMessage ?? ''}`);
    this.#outstanding.shift();
  }

  #acknowledge(values: readonly string[], baseOffset: number): void {
    for (const [i, value] of values.entries()) {
      if (baseOffset >= 0) this.#truth.acknowledged.set(baseOffset + i, value);
      if (this.#isIdempotent) this.#truth.onceOnly.add(value);
    }
  }
}

async function newProducerId(client: RawClient): Promise<bigint> {
  const answer = await client.request(InitProducerIdRequestSchema, InitProducerIdResponseSchema, 4, {
    transactionalId: null,
  });
  return answer.producerId;
}

/** Follows one partition and remembers what it was shown; what was shown once must never change. */
export class Reader {
  readonly #partition: number;
  readonly #truth: PartitionTruth;
  #nextOffset = 0n;

  constructor(partition: number, truth: PartitionTruth) {
    this.#partition = partition;
    this.#truth = truth;
  }

  async run(address: Address, signal: AbortSignal): Promise<void> {
    const client = await RawClient.open(address);
    try {
      while (!signal.aborted) {
        const records = await fetchFrom(client, this.#partition, this.#nextOffset, 200);
        for (const { offset, value } of readRecords(records)) {
          if (offset < this.#nextOffset) continue;
          if (offset !== this.#nextOffset)
            throw new Error(`a reader of ${this.#partition} was shown a gap before ${offset}`);
          this.#truth.shown.set(Number(offset), value);
          this.#nextOffset = offset + 1n;
        }
      }
    } finally {
      client.close();
    }
  }
}

/** Commits ascending offsets for a group of its own. */
export class Committer {
  readonly groupId: string;
  sent = 0n;
  acknowledged = 0n;

  constructor(groupId: string) {
    this.groupId = groupId;
  }

  async run(address: Address, signal: AbortSignal): Promise<void> {
    const client = await RawClient.open(address);
    try {
      while (!signal.aborted) {
        const committedOffset = ++this.sent;
        const { topics } = await client.request(OffsetCommitRequestSchema, OffsetCommitResponseSchema, 8, {
          groupId: this.groupId,
          topics: [
            {
              name: loadTopic,
              partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: 'm'.repeat(200) }],
            },
          ],
        });
        const { name } = errorByCode(topics[0]!.partitions[0]!.errorCode);
        if (name !== 'NONE') throw new Error(`commit of ${this.groupId}: ${name}`);
        this.acknowledged = committedOffset;
      }
    } finally {
      client.close();
    }
  }
}

export async function fetchFrom(
  client: RawClient,
  partition: number,
  offset: bigint,
  maxWaitMs: number,
): Promise<Buffer> {
  const answer = await client.request(FetchRequestSchema, FetchResponseSchema, 12, {
    maxWaitMs,
    minBytes: 1,
    isolationLevel: 1,
    topics: [
      { topic: loadTopic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 4 * 1024 * 1024 }] },
    ],
  });
  const data = answer.responses[0]!.partitions[0]!;
  if (data.errorCode !== 0) throw new Error(`fetch of ${partition} at ${offset}: ${errorByCode(data.errorCode).name}`);
  return data.records ?? Buffer.alloc(0);
}

export function* readRecords(records: Buffer): Generator<{ offset: bigint; value: string }> {
  for (const batch of splitBatches(records)) {
    const cursor = new RecordCursor(batch);
    while (cursor.next()) yield { offset: cursor.offset, value: cursor.value()!.toString() };
  }
}
