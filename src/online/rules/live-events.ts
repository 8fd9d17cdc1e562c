import { SluiceError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition, type KafkaCluster } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import { type JsonEventOptions, JsonEvents, type SkippedRecord } from './json-events.ts';
import type { RuleEngine } from './rule-engine.ts';

export interface LiveEventsOptions {
  cluster: KafkaCluster;
  engine: RuleEngine;
  events: JsonEventOptions;
  /** By `topic-partition`: exclusive ends; null: no end. */
  ends: ReadonlyMap<string, bigint> | null;
  onSkipped: (topic: string, partition: number, skipped: SkippedRecord[]) => void;
}

/** Feeds an engine from the log, each partition from the engine's position on. Committed records only. */
export class LiveEvents {
  readonly #options: LiveEventsOptions;
  readonly #fetcher: BatchFetcher;
  readonly #decoders = new Map<string, JsonEvents>();
  #isHeldBack = false;

  constructor(options: LiveEventsOptions) {
    this.#options = options;
    this.#fetcher = new BatchFetcher({ cluster: options.cluster, isolation: 'read_committed', maxWaitMs: 250 });
  }

  assign(topic: string, partition: number): void {
    const position = this.#options.engine.position(topic, partition);
    if (position === null) throw new Error(`${topic}-${partition} was not assigned to the rules`);
    this.#decoders.set(`${topic}-${partition}`, new JsonEvents(this.#options.events));
    this.#fetcher.assign(topic, partition, position);
  }

  /** Records between a partition's position and the newest committed one; -1: not known yet. */
  lag(topic: string, partition: number): bigint {
    const progress = this.#fetcher.progress(topic, partition);
    if (!progress || progress.lastStableOffset < 0n) return -1n;
    return progress.lastStableOffset - progress.position;
  }

  /** One answer of the brokers, or none within the fetcher's wait. Says which partitions brought something. */
  async poll(signal: AbortSignal): Promise<string[]> {
    const fetched = await this.#fetcher.poll({ signal });
    for (const part of fetched) this.#take(part);
    return fetched.filter(({ batches }) => batches.length > 0).map(({ topic, partition }) => `${topic}-${partition}`);
  }

  /**
   * While events that wait for those of other partitions take more than `maxWaitingBytes`, only the partitions that they wait for are read: so one
   * that is far behind in time costs no more memory than that.
   */
  holdBack(maxWaitingBytes: number): void {
    const { engine } = this.#options;
    const isTooMuch = engine.waitingBytes > maxWaitingBytes;
    if (!isTooMuch && !this.#isHeldBack) return;
    const open = engine.progress.filter(({ hasEnded }) => !hasEnded);
    const lowestMs = open.reduce((lowest, { maxTimeMs }) => Math.min(lowest, maxTimeMs), Number.POSITIVE_INFINITY);
    for (const { topic, partition, maxTimeMs } of open) {
      if (isTooMuch && maxTimeMs > lowestMs) this.#fetcher.pause(topic, partition);
      else this.#fetcher.resume(topic, partition);
    }
    this.#isHeldBack = isTooMuch;
  }

  close(): Promise<void> {
    return this.#fetcher.close();
  }

  #take({ topic, partition, batches, fetchOffset, nextOffset, error }: FetchedPartition): void {
    if (error) throw new SluiceError('rules-stopped', `${topic}-${partition} cannot be read on`, { cause: error });
    const { engine, ends, onSkipped } = this.#options;
    const key = `${topic}-${partition}`;
    const end = ends?.get(key) ?? nextOffset;
    const decoder = this.#decoders.get(key)!;
    for (const { bytes, header, isAborted } of batches) {
      if (isAborted || header.isControl) continue;
      for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
        if (cursor.offset >= fetchOffset && cursor.offset < end)
          decoder.add(cursor.offset, cursor.timestamp, cursor.value());
      }
    }
    const { events, skipped } = decoder.take(topic, partition);
    if (skipped.length > 0) onSkipped(topic, partition, skipped);
    engine.push(events);
    engine.skipTo(topic, partition, nextOffset < end ? nextOffset : end);
  }
}
