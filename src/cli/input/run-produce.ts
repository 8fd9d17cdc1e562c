import { describeError, jsonFieldText, systemClock } from '../../shared/index.ts';
import { type Acks, type KafkaCluster, ProducerClient } from '../../wire/client/index.ts';
import type { CompressionType } from '../../wire/index.ts';
import { asBadInput, type ClusterFlags, isBadInput, withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatBytes, formatCount, type Progress, printJson, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { openInput } from './open-input.ts';
import { RateLimit } from './rate-limit.ts';
import type { InputFormat, RecordInput } from './record-input.ts';

export interface ProduceFlags extends ClusterFlags {
  file: string;
  format: InputFormat | 'auto';
  keyField?: string;
  rate?: number;
  partitions?: number;
  acks: 'all' | '1' | '0';
  compression: CompressionType;
  array?: string;
  csvStrings?: boolean;
  csvDelimiter?: string;
  keepEmptyLines?: boolean;
  maxRecordBytes: number;
  json?: boolean;
}

interface Outcome {
  sentCount: number;
  sentBytes: number;
  acknowledgedCount: number;
  elapsedMs: number;
  /** Why it ended before the input did. */
  stopped: string | null;
  error: unknown;
}

/** How long records under way are waited for after Ctrl-C. */
const STOP_FLUSH_MS = 10_000;
const PROGRESS_EVERY_MS = 100;

export async function runProduce(topic: string, flags: ProduceFlags): Promise<number> {
  const input = await openInput(flags.file, {
    format: flags.format,
    maxRecordBytes: flags.maxRecordBytes,
    keepEmptyLines: flags.keepEmptyLines ?? false,
    arrayPath: flags.array ?? null,
    csvStrings: flags.csvStrings ?? false,
    csvDelimiter: flags.csvDelimiter ?? null,
  });
  const stop = stopSignal();
  const outcome = await withCluster(flags, async (cluster) => {
    await prepareTopic(cluster, topic, flags.partitions);
    return await produceAll(cluster, topic, input, flags, stop);
  });
  // Exit code 2 promises that nothing has changed.
  if (outcome.acknowledgedCount === 0 && isBadInput(outcome.error)) throw asBadInput(outcome.error);
  report(topic, outcome, flags.json ?? false);
  return outcome.error || outcome.stopped ? exitCodes.failed : exitCodes.complete;
}

/** Creates the topic when the number of partitions was given; otherwise the broker does, if it is set up to. */
async function prepareTopic(cluster: KafkaCluster, topic: string, partitions: number | undefined): Promise<void> {
  const [existing] = await cluster.topics({}, [topic]);
  if (!existing) {
    if (partitions !== undefined) await cluster.createTopics([{ name: topic, partitions }]);
  } else if (partitions !== undefined && existing.partitions.length !== partitions) {
    process.stderr.write(
      `sluice: topic "${topic}" exists with ${existing.partitions.length} partitions; --partitions ${partitions} has no effect\n`,
    );
  }
}

async function produceAll(
  cluster: KafkaCluster,
  topic: string,
  input: RecordInput,
  flags: ProduceFlags,
  stop: { signal: AbortSignal; received: () => NodeJS.Signals | null },
): Promise<Outcome> {
  const acks: Acks = flags.acks === 'all' ? 'all' : flags.acks === '1' ? 1 : 0;
  const producer = new ProducerClient({ cluster, acks, compression: flags.compression });
  const feed = new Feed(topic, producer, flags, stop.signal);
  const progress = progressBar('produce', input.total, input.unit);
  const startedMs = performance.now();
  let failure: unknown = null;
  try {
    await feed.run(input, progress);
  } catch (error) {
    if (!stop.signal.aborted) failure = error;
  }
  progress.stop();
  try {
    await producer.close(stop.signal.aborted ? { timeoutMs: STOP_FLUSH_MS } : {});
  } catch (error) {
    failure ??= error;
  }
  return {
    sentCount: feed.sentCount,
    sentBytes: feed.sentBytes,
    acknowledgedCount: producer.acknowledgedCount,
    elapsedMs: performance.now() - startedMs,
    stopped: stop.received(),
    error: failure,
  };
}

/** Moves records from the input to the producer, as fast as it takes them or as the rate allows. */
class Feed {
  sentCount = 0;
  sentBytes = 0;
  readonly #topic: string;
  readonly #producer: ProducerClient;
  readonly #keyField: string | null;
  readonly #rate: RateLimit | null;
  readonly #signal: AbortSignal;

  constructor(topic: string, producer: ProducerClient, flags: ProduceFlags, signal: AbortSignal) {
    this.#topic = topic;
    this.#producer = producer;
    this.#keyField = flags.keyField ?? null;
    this.#rate = flags.rate === undefined ? null : new RateLimit(flags.rate, systemClock);
    this.#signal = signal;
  }

  async run(input: RecordInput, progress: Progress): Promise<void> {
    let shownMs = performance.now();
    for await (const chunk of input.chunks(this.#signal)) {
      for (const value of chunk) {
        if (this.#signal.aborted) return;
        // Awaiting nothing would cost more than the record itself.
        const early = this.#rate?.next(this.#signal);
        if (early) await early;
        const full = this.#send(value);
        if (full) await full;
      }
      if (this.#producer.failedCount > 0) return; // closing tells why
      const nowMs = performance.now();
      if (nowMs - shownMs < PROGRESS_EVERY_MS) continue;
      shownMs = nowMs;
      progress.update(input.done, `${formatCount(this.#producer.acknowledgedCount)} records`);
    }
    progress.update(input.done, `${formatCount(this.sentCount)} records`);
  }

  #send(value: Buffer | string): Promise<void> | undefined {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    const key = this.#keyField === null ? null : jsonFieldText(bytes, this.#keyField);
    const waiting = this.#producer.send(this.#topic, { key, value: bytes }, { signal: this.#signal });
    this.sentCount++;
    this.sentBytes += bytes.length;
    return waiting;
  }
}

function report(topic: string, outcome: Outcome, asJson: boolean): void {
  const { sentCount, sentBytes, acknowledgedCount, elapsedMs, stopped, error } = outcome;
  const recordsPerSecond = Math.round((acknowledgedCount * 1000) / Math.max(1, elapsedMs));
  const result = error ? 'failed' : stopped ? 'stopped' : 'complete';
  if (asJson) {
    const seconds = Math.round(elapsedMs) / 1000;
    printJson({
      topic,
      result,
      records: sentCount,
      acknowledged: acknowledgedCount,
      bytes: sentBytes,
      seconds,
      recordsPerSecond,
    });
  } else {
    const missing = acknowledgedCount === sentCount ? '' : ` of ${formatCount(sentCount)} sent`;
    process.stdout.write(
      `${result}: ${formatCount(acknowledgedCount)} records acknowledged${missing}, ${formatBytes(sentBytes)}, ` +
        `${(elapsedMs / 1000).toFixed(1)} s, ${formatCount(recordsPerSecond)} records/s\n`,
    );
  }
  if (error) process.stderr.write(`sluice: ${describeError(error)}\n`);
}
