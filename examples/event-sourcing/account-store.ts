import type { Kafka, Producer } from 'kafkajs';
import { json, readToEnd } from '../support/kafka.ts';
import { type Account, type AccountEvent, apply } from './account.ts';

export const eventsTopic = 'account-events';
export const snapshotsTopic = 'account-snapshots';

/** State of one account, and how far its partition had been read then. */
interface Snapshot {
  account: Account;
  partition: number;
  nextOffset: string;
}

/**
 * Accounts as the log tells them. Writing is one record with the account as key; there is no other database. One process
 * writes (or one for each partition), so what it knows is what the log holds.
 */
export class AccountStore {
  readonly accounts = new Map<string, Account>();
  readonly #kafka: Kafka;
  readonly #producer: Producer;
  readonly #partitions = new Map<string, number>();
  /** By partition: everything before is in the accounts. */
  readonly #nextOffsets = new Map<number, bigint>();
  /** Events that were read to come to the present state. */
  replayedCount = 0;

  private constructor(kafka: Kafka) {
    this.#kafka = kafka;
    this.#producer = kafka.producer({ idempotent: true });
  }

  /** From the first event, or from the newest snapshots on. `until`: the accounts as they were at that moment. */
  static async open(kafka: Kafka, options: { useSnapshots: boolean; until?: string }): Promise<AccountStore> {
    const store = new AccountStore(kafka);
    if (options.useSnapshots) await store.#loadSnapshots();
    await store.#replay(options.until);
    await store.#producer.connect();
    return store;
  }

  async append(event: AccountEvent): Promise<void> {
    const message = { key: event.account, value: JSON.stringify(event), timestamp: `${Date.parse(event.at)}` };
    const [written] = await this.#producer.send({ topic: eventsTopic, acks: -1, messages: [message] });
    this.#take(event, written!.partition, BigInt(written!.baseOffset!));
  }

  /** One request, one batch: all accounts or none. Of the snapshots of an account compaction leaves the newest. */
  async saveSnapshots(): Promise<void> {
    const messages = [...this.accounts].map(([name, account]) => {
      const partition = this.#partitions.get(name)!;
      const snapshot: Snapshot = { account, partition, nextOffset: `${this.#nextOffsets.get(partition)!}` };
      return { key: name, value: JSON.stringify(snapshot) };
    });
    await this.#producer.send({ topic: snapshotsTopic, acks: -1, messages });
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }

  async #loadSnapshots(): Promise<void> {
    await readToEnd(this.#kafka, {
      topic: snapshotsTopic,
      eachMessage: ({ message }) => {
        const { account, partition, nextOffset } = json<Snapshot>(message);
        this.accounts.set(account.account, account);
        this.#partitions.set(account.account, partition);
        this.#nextOffsets.set(partition, BigInt(nextOffset));
      },
    });
  }

  async #replay(until?: string): Promise<void> {
    await readToEnd(this.#kafka, {
      topic: eventsTopic,
      from: this.#nextOffsets,
      eachMessage: ({ message, partition }) => {
        const event = json<AccountEvent>(message);
        if (until !== undefined && event.at > until) return;
        this.replayedCount++;
        this.#take(event, partition, BigInt(message.offset));
      },
    });
  }

  #take(event: AccountEvent, partition: number, offset: bigint): void {
    this.accounts.set(event.account, apply(this.accounts.get(event.account) ?? null, event));
    this.#partitions.set(event.account, partition);
    this.#nextOffsets.set(partition, offset + 1n);
  }
}
