import { abortScope, SluiceError } from '../../shared/index.ts';
import { isKafkaError, type KafkaCluster, type Slots } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import type { HistoryBook } from '../history/history-book.ts';
import { historyRows } from '../history/history-rows.ts';
import type { HistoryPartition } from '../history/table-history.ts';
import type { ConsumedBatch, LogPlace } from './consumed-batch.ts';
import type { ConsumerMetrics, PartitionView } from './consumer-metrics.ts';
import { type ConsumerSettings, fromMsOf, isSink } from './consumer-options.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type DecodedRecords, decodeFetched, type UndecodableRecord } from './decode-records.ts';
import { deliverBatch } from './deliver-batch.ts';
import { locateStart } from './locate-start.ts';
import type { LogFeed } from './log-feed.ts';
import { patiently } from './patiently.ts';
import type { PauseGate } from './pause-gate.ts';

/** What the partitions of a consumer have in common. */
export interface PartitionSurroundings<T> {
  settings: ConsumerSettings<T>;
  cluster: KafkaCluster;
  feed: LogFeed;
  histories: HistoryBook | null;
  gate: PauseGate;
  /** One for each handler that may run at once. */
  slots: Slots;
  metrics: ConsumerMetrics;
  deadLetters: DeadLetters | null;
  /** What the group remembers; null: nothing. Asked only where the handler is no sink. */
  committed: (place: LogPlace, signal: AbortSignal) => Promise<bigint | null>;
  /** Called after each batch with the next offset, and with where a sink stands at the start. */
  onHandled: (place: LogPlace, next: bigint) => void;
}

/**
 * One partition from its position on: history first where there is some, then the log; batch after batch, in order.
 *
 *   starting -> history -> live -> ended          any --(the sink stands elsewhere, records have expired)--> starting
 */
export class PartitionConsumer<T> {
  readonly place: LogPlace;
  readonly #around: PartitionSurroundings<T>;
  /** Exclusive; null: no end. */
  readonly #end: bigint | null;
  readonly #stopping = abortScope();
  readonly #aborting = abortScope();
  #state: PartitionView['state'] = 'starting';
  #running: Promise<void> | null = null;
  /** The next offset to read; null: not known yet. */
  #next: bigint | null = null;
  /** Where the sink stands, or the handler; null: nothing of the partition was handled. */
  #handled: bigint | null = null;

  constructor(place: LogPlace, around: PartitionSurroundings<T>, end: bigint | null) {
    this.place = place;
    this.#around = around;
    this.#end = end;
  }

  get view(): PartitionView {
    const { topic, partition } = this.place;
    return { ...this.place, position: this.#next, end: this.#around.feed.end(topic, partition), state: this.#state };
  }

  /** Resolves at the end, or when it was stopped; rejects when it cannot go on. */
  run(): Promise<void> {
    this.#running ??= this.#run().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error;
    });
    return this.#running;
  }

  /** Waits for the batch under way, for at most `timeoutMs`; then its signal is aborted. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort(new SluiceError('stopped', 'the partition is not read any longer'));
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await this.#running?.catch(() => {}); // told to whoever called run
    clearTimeout(timer);
  }

  /** Nobody waits for what is under way. */
  abort(): void {
    const reason = new SluiceError('aborted', 'the consumer does not wait for the handler any longer');
    this.#stopping.abort(reason);
    this.#aborting.abort(reason);
  }

  async #run(): Promise<void> {
    this.#handled = this.#next = await this.#remembered();
    // The group may not have heard of it: whoever stored it may have died before it could tell, and no more events need come.
    if (this.#next !== null && isSink(this.#around.settings.handler)) this.#around.onHandled(this.place, this.#next);
    while (this.#end === null || this.#next === null || this.#next < this.#end) {
      const { offset, history } = await this.#locate();
      this.#next = offset;
      if (history) await this.#readHistory(history);
      else await this.#readLog();
      this.#state = 'starting';
    }
    this.#state = 'ended';
  }

  get #waits() {
    const { clock, logger } = this.#around.settings;
    return { clock, logger, signal: this.#stopping.signal };
  }

  #remembered(): Promise<bigint | null> {
    const { handler } = this.#around.settings;
    const { signal } = this.#stopping;
    const ask = (): Promise<bigint | null> =>
      isSink(handler) ? handler.position(this.place, signal) : this.#around.committed(this.place, signal);
    return patiently(`position of ${this.place.topic}-${this.place.partition}`, this.#waits, ask);
  }

  #locate(): ReturnType<typeof locateStart> {
    const { cluster, histories, settings, metrics } = this.#around;
    const { from, prefer, expired, logger } = settings;
    const onExpired = (count: bigint): void => metrics.skipped(this.place, 'expired', Number(count));
    const around = { cluster, histories, from, prefer, expired, onExpired, logger, signal: this.#stopping.signal };
    const what = `start of ${this.place.topic}-${this.place.partition}`;
    return patiently(what, this.#waits, () => locateStart(this.place, this.#next, around));
  }

  /** Returns behind the last row, or when the sink stands elsewhere. */
  async #readHistory(partition: HistoryPartition): Promise<void> {
    const { histories, settings } = this.#around;
    const { decodeRow, timeField } = settings;
    const next = this.#end !== null && this.#end < partition.next ? this.#end : partition.next;
    const options = { decodeRow, fromMs: fromMsOf(settings), timeField, maxEvents: settings.batchEvents };
    this.#state = 'history';
    await histories!.using(this.place.topic, async (history) => {
      for await (const piece of historyRows(history, { ...partition, next }, this.#next!, options)) {
        if (!(await this.#handlePiece(piece, 'history'))) return;
      }
      // Rows may be missing at the end, where `from` left them out.
      if (this.#next! < next) await this.#handle({ events: [], next, source: 'history' });
    });
  }

  /** Returns at the end, when the sink stands elsewhere, or when the log has lost the position. */
  async #readLog(): Promise<void> {
    const { feed, settings } = this.#around;
    const { topic, partition, topicId } = this.place;
    const limits = { end: this.#end, maxEvents: settings.batchEvents };
    const reader = feed.open(topic, partition, this.#next!, topicId);
    this.#state = 'live';
    try {
      while (this.#end === null || this.#next! < this.#end) {
        const fetched = await reader.next(this.#stopping.signal);
        if (fetched.error) return await this.#checkExpired(fetched.error);
        for (const piece of decodeFetched(fetched, settings.decode, limits)) {
          if (!(await this.#handlePiece(piece, 'log'))) return;
        }
      }
    } finally {
      reader.close();
    }
  }

  /** Returns when the log has expired past the position; throws for every other reason why it cannot be read on. */
  async #checkExpired(error: Error): Promise<void> {
    const { topic, partition } = this.place;
    if (isKafkaError(error, errorCodes.OFFSET_OUT_OF_RANGE)) {
      const options = { isolation: 'read_committed', signal: this.#stopping.signal } as const;
      const starts = await this.#around.cluster.listOffsets(topic, [partition], 'earliest', options);
      if (this.#next! < starts.get(partition)!.offset) return;
    }
    const what = `${topic}-${partition} cannot be read on from offset ${this.#next}`;
    throw new SluiceError('consumer-stopped', what, { cause: error });
  }

  async #handlePiece({ events, next, undecodable }: DecodedRecords<T>, source: 'log' | 'history'): Promise<boolean> {
    if (undecodable.length > 0) await this.#giveUp(undecodable);
    return await this.#handle({ events, next, source });
  }

  /** False: the sink stands elsewhere, so reading has to begin there. */
  async #handle(piece: Pick<ConsumedBatch<T>, 'events' | 'next' | 'source'>): Promise<boolean> {
    const { gate, slots, metrics, settings, onHandled } = this.#around;
    const { signal } = this.#stopping;
    const batch: ConsumedBatch<T> = { ...this.place, ...piece, first: this.#next! };
    signal.throwIfAborted();
    await gate.pass(keyOf(this.place), signal);
    await slots.take(signal, () => new Error('unreachable: the queue has no end'));
    const startedMs = settings.clock.monotonicMs();
    let stands: bigint | null;
    try {
      stands = await deliverBatch(batch, this.#handled, {
        ...this.#around,
        ...{ stopping: signal, aborted: this.#aborting.signal },
      });
    } finally {
      slots.release();
    }
    this.#handled = this.#next = stands;
    if (stands !== batch.next) {
      settings.logger.warn({ ...this.place, expected: batch.next, stands }, 'SinkStandsElsewhere');
      metrics.sought(this.place);
      return false;
    }
    metrics.handled(batch, (settings.clock.monotonicMs() - startedMs) / 1000);
    onHandled(this.place, batch.next);
    return true;
  }

  /** Records that are no events: to the dead letters, or counted, or the end of the consumer. */
  async #giveUp(records: readonly UndecodableRecord[]): Promise<void> {
    const { settings, metrics, deadLetters } = this.#around;
    const { topic, partition, offset, reason } = records[0]!;
    const count = records.length;
    if (settings.undecodable === 'fail') {
      throw new SluiceError('undecodable', `${topic}-${partition} offset ${offset} cannot be decoded: ${reason}`);
    }
    settings.logger.warn({ topic, partition, offset, reason, count }, 'RecordsUndecodable');
    if (settings.undecodable === 'skip') {
      metrics.skipped(this.place, 'undecodable', count);
      return;
    }
    const dead = records.map((record) => ({ ...record, attempts: 0 }));
    await patiently('the dead-letter topic', this.#waits, () => deadLetters!.send(dead, this.#aborting.signal));
    for (const record of dead) metrics.deadLettered(record);
  }
}

export function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`;
}
