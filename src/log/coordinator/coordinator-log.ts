/**
 * The coordinator's facts on stable storage: a partition log of keyed records where the last one of a key counts.
 *
 * Facts are applied to memory in the order of the log, and only when durable; so what a client was told survives, and
 * memory never shows more than the log holds. Growth is bounded without compaction: when the log has grown by more than a
 * threshold since the last snapshot, the live facts are appended once more, and everything before them is dropped.
 * What is appended and still waiting for its sync belongs to the snapshot, with its newer value: replaying from there, or
 * over a snapshot that a crash has cut short, ends in the same state.
 */
import { describeError, faultPoint, type Logger } from '../../shared/index.ts';
import { encodeBatch, type ProducerRecord, RecordCursor, splitBatches } from '../../wire/index.ts';
import type { PartitionLog } from '../storage/log-types.ts';
import { type CoordinatorFact, decodeFact, encodeFact } from './coordinator-records.ts';

export interface CoordinatorLogOptions {
  readonly log: PartitionLog;
  /** Called in log order, once per fact, when it is durable; and for every fact at start. */
  readonly apply: (fact: CoordinatorFact) => void;
  /** Everything that holds now. */
  readonly liveFacts: () => Iterable<CoordinatorFact>;
  readonly nowMs: () => number;
  readonly logger: Logger;
  /** How far the log may grow before a snapshot. */
  readonly snapshotBytes: number;
  /** Records of one batch, unless a single one is larger. Far below the maximum message size of the topic. */
  readonly batchBytes: number;
}

const readBytes = 4 * 1024 * 1024;

interface PendingAppend {
  readonly facts: readonly CoordinatorFact[];
  isDurable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CoordinatorLog {
  readonly #options: CoordinatorLogOptions;
  /** Appended and not yet applied, in log order. */
  #pending: PendingAppend[] = [];
  /** Bytes of the log when the last snapshot was done, and of that snapshot. */
  #sizeAfterSnapshot = 0;
  #snapshotBytes = 0;
  #isTruncating = false;

  constructor(options: CoordinatorLogOptions) {
    this.#options = options;
  }

  /** Reads everything from the start of the log into memory. */
  async replay(): Promise<{ facts: number }> {
    const { log, apply, logger } = this.#options;
    let count = 0;
    let offset = log.logStartOffset;
    while (offset < log.highWatermark) {
      const { records } = await log.read(offset, readBytes);
      if (records.length === 0) break;
      for (const batch of splitBatches(records)) {
        const cursor = new RecordCursor(batch);
        const isAfterStart = cursor.header.lastOffset >= offset;
        while (isAfterStart && cursor.next()) {
          const key = cursor.key();
          if (cursor.offset < offset || key === null) continue;
          const fact = decodeFact({ key, value: cursor.value() });
          if (fact) apply(fact);
          else logger.warn({ offset: cursor.offset }, 'UnknownCoordinatorRecordSkipped');
          count++;
        }
        if (isAfterStart) offset = cursor.header.lastOffset + 1n;
      }
    }
    this.#sizeAfterSnapshot = 0;
    return { facts: count };
  }

  /**
   * Resolves when the facts are durable and applied. The order of calls is the order in the log. Throws LogError when the
   * log refuses them; nothing is applied then.
   */
  append(facts: readonly CoordinatorFact[]): Promise<void> {
    if (facts.length === 0) return Promise.resolve();
    const result = this.#write(facts);
    return new Promise((resolve, reject) => {
      const pending: PendingAppend = { facts, isDurable: false, resolve, reject };
      this.#pending.push(pending);
      result.durable.then(
        () => {
          pending.isDurable = true;
          this.#applyDurable();
        },
        (error) => this.#fail(pending, error),
      );
    });
  }

  /** All of it is appended before anybody else's turn, so that a snapshot has no gap. */
  #write(facts: Iterable<CoordinatorFact>): { baseOffset: bigint; bytes: number; durable: Promise<unknown> } {
    const batches = this.#encode(facts);
    const bytes = batches.reduce((sum, batch) => sum + batch.length, 0);
    const appended = batches.map((batch) => this.#options.log.append(batch));
    const durable = Promise.all(appended.map((result) => result.durable));
    return { baseOffset: appended[0]!.baseOffset, bytes, durable };
  }

  #encode(facts: Iterable<CoordinatorFact>): Buffer[] {
    const timestampMs = BigInt(this.#options.nowMs());
    const batches: Buffer[] = [];
    let records: ProducerRecord[] = [];
    let bytes = 0;
    const seal = (): void => {
      if (records.length > 0) batches.push(encodeBatch(records, { timestampMs }));
      records = [];
      bytes = 0;
    };
    for (const fact of facts) {
      const { key, value } = encodeFact(fact);
      const size = key.length + (value?.length ?? 0);
      if (bytes + size > this.#options.batchBytes) seal();
      records.push({ key, value });
      bytes += size;
    }
    seal();
    return batches;
  }

  #applyDurable(): void {
    while (this.#pending[0]?.isDurable) {
      const { facts, resolve } = this.#pending.shift()!;
      for (const fact of facts) this.#options.apply(fact);
      resolve();
    }
    // A snapshot may cost as much as was written since the last one, not more.
    const growthBytes = Math.max(this.#options.snapshotBytes, this.#snapshotBytes);
    if (this.#options.log.sizeBytes > this.#sizeAfterSnapshot + growthBytes) void this.#snapshot();
  }

  /** Appended, but not applied yet: what a deletion must reach too. */
  *pendingFacts(): Generator<CoordinatorFact> {
    for (const { facts } of this.#pending) yield* facts;
  }

  /** A sync that failed is the end of the process (the log says so); whoever waits learns it. */
  #fail(pending: PendingAppend, error: unknown): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
    pending.reject(error);
    this.#applyDurable();
  }

  /**
   * What holds at the end of the log: memory with the pending facts over it, each key once. A crash may cut a snapshot anywhere;
   * had it a value of memory first and the pending one later, the cut could bring the older one back.
   */
  #factsAtLogEnd(): CoordinatorFact[] {
    const pending = new Map<string, CoordinatorFact>();
    for (const fact of this.pendingFacts()) pending.set(keyOf(fact), fact);
    const facts: CoordinatorFact[] = [];
    for (const fact of this.#options.liveFacts()) if (!pending.has(keyOf(fact))) facts.push(fact);
    for (const fact of pending.values()) if (!isDeletion(fact)) facts.push(fact);
    return facts;
  }

  /** Appends the live facts and drops everything before them. */
  async #snapshot(): Promise<void> {
    if (this.#isTruncating) return;
    this.#isTruncating = true;
    const { log, logger } = this.#options;
    try {
      const facts = this.#factsAtLogEnd();
      // An empty snapshot: everything was deleted, and the tombstones may go too once nothing is pending.
      const first = facts.length > 0 ? this.#write(facts) : null;
      const startOffset = first?.baseOffset ?? log.logEndOffset;
      await first?.durable;
      faultPoint('groups.mid-snapshot');
      await log.advanceLogStart(startOffset);
      this.#sizeAfterSnapshot = log.sizeBytes;
      this.#snapshotBytes = first?.bytes ?? 0;
      logger.info({ facts: facts.length, startOffset, sizeBytes: log.sizeBytes }, 'CoordinatorSnapshotWritten');
    } catch (error) {
      logger.error({ cause: describeError(error) }, 'CoordinatorSnapshotFailed');
      this.#sizeAfterSnapshot = log.sizeBytes;
    } finally {
      this.#isTruncating = false;
    }
  }
}

function keyOf(fact: CoordinatorFact): string {
  return fact.kind === 'group' ? `g ${fact.group}` : `o ${fact.partition} ${fact.topic} ${fact.group}`;
}

function isDeletion(fact: CoordinatorFact): boolean {
  return (fact.kind === 'group' ? fact.stored : fact.commit) === null;
}
