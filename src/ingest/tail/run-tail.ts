import { hostname } from 'node:os';
import { BadInputError, type Clock, faultPoint, type Logger, lockDirectory, SluiceError } from '../../shared/index.ts';
import {
  type KafkaCluster,
  newProducerIdentity,
  type ProducerIdentity,
  partitionForKey,
} from '../../wire/client/index.ts';
import type { CompressionType, ProducerRecord } from '../../wire/index.ts';
import type { IngestMetrics } from '../ingest-metrics.ts';
import { FileSet } from './file-set.ts';
import { checkPatterns, streamOf } from './find-files.ts';
import type { ShippedPart } from './fingerprint.ts';
import { PartitionShipper, type ShipOutcome } from './partition-shipper.ts';
import type { ReadBack } from './read-back.ts';
import { makeStateFolder, newTailState, readTailState, type TailState, writeTailState } from './tail-state.ts';
import type { Piece, TailedFile } from './tailed-file.ts';

export interface TailOptions {
  cluster: KafkaCluster;
  topic: string;
  /** Files, or patterns with `*`, `?` and `[a-z]`. */
  patterns: readonly string[];
  stateFolder: string;
  fromEnd: boolean;
  /** Stop when every whole line that is there now was shipped. */
  untilEnd: boolean;
  /** Send `{"message", "file", "host"}` in place of the line itself. */
  wrap: boolean;
  compression: CompressionType;
  batchBytes: number;
  maxLineBytes: number;
  pollMs: number;
  rotateWaitMs: number;
  /** At most so long between two writes of the positions. The log knows newer ones. */
  saveEveryMs: number;
  metrics: IngestMetrics | null;
  /** Called once, when everything named could be used. */
  onReady?: (files: number) => void;
  onProgress?: (report: TailReport) => void;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

export interface TailReport {
  records: number;
  bytes: number;
  /** Batches of a process before this one, or without an answer, that were found in the log. */
  foundInLog: number;
}

/** Ships lines of files to a topic, each exactly once, until it is stopped. Throws BadInputError before anything is sent. */
export async function runTail(options: TailOptions): Promise<TailReport> {
  checkPatterns(options.patterns);
  await makeStateFolder(options.stateFolder);
  const lock = await lockDirectory(options.stateFolder).catch((error: Error) => {
    throw new BadInputError(error.message, { cause: error });
  });
  try {
    const run = await TailRun.open(options);
    return await run.run();
  } catch (error) {
    if (!options.signal.aborted) throw error;
    return { records: 0, bytes: 0, foundInLog: 0 }; // stopped before it had begun
  } finally {
    await lock.release();
  }
}

const leastBatchBytes = 1024;

class TailRun {
  readonly #options: TailOptions;
  readonly #state: TailState;
  readonly #files: FileSet;
  readonly #shippers: readonly PartitionShipper[];
  readonly #report: TailReport = { records: 0, bytes: 0, foundInLog: 0 };
  /** What the log says of files, by id, until it is applied. */
  readonly #found = new Map<string, ShippedPart>();
  #batchBytes: number;
  #savedAtMs: number;
  #isChanged = true;

  static async open(options: TailOptions): Promise<TailRun> {
    const { cluster, topic, signal, stateFolder } = options;
    const [found] = await cluster.topics({ signal }, [topic]);
    if (!found) throw new BadInputError(`expected an existing topic, got "${topic}"; sluice topics create makes one`);
    const partitions = found.partitions.map(({ partition }) => partition);
    const clusterId = await cluster.clusterId({ signal });
    const place = { clusterId, topic, topicId: found.topicId };
    const state = (await readTailState(stateFolder)) ?? newTailState(place);
    if (state.topic !== topic || state.clusterId !== clusterId) {
      throw new BadInputError(
        `expected the positions of topic "${topic}" of this cluster in ${stateFolder}, found those of "${state.topic}" of cluster ${state.clusterId}; name another folder with --state`,
      );
    }
    if (state.topicId !== found.topicId) {
      options.logger.warn({ topic }, 'TopicCreatedAnew');
      Object.assign(state, { topicId: found.topicId, producer: null, partitions: [] });
      for (const file of state.files) file.partition = partitionForKey(streamOf(file.path), partitions.length);
    }
    const starts = await cluster.listOffsets(topic, partitions, 'latest', { isolation: 'read_uncommitted', signal });
    for (const partition of partitions) {
      if (state.partitions.some((known) => known.partition === partition)) continue;
      state.partitions.push({ partition, nextOffset: starts.get(partition)!.offset, nextSequence: 0 });
    }
    return new TailRun(options, state);
  }

  private constructor(options: TailOptions, state: TailState) {
    const { topic, cluster, compression, clock, logger } = options;
    this.#options = options;
    this.#state = state;
    this.#batchBytes = options.batchBytes;
    this.#savedAtMs = clock.monotonicMs();
    const recordOf = options.wrap ? wrapped(clock) : plain;
    const shipping = { cluster, topic, compression, recordOf, clock, logger };
    this.#shippers = state.partitions.map((partition) => new PartitionShipper(partition, shipping));
    const partitionOf = (path: string): number => partitionForKey(streamOf(path), state.partitions.length);
    const save = (): Promise<void> => this.#save();
    this.#files = new FileSet({ ...options, state, partitionOf, save });
  }

  async run(): Promise<TailReport> {
    const { signal, clock, pollMs, untilEnd, onReady, onProgress } = this.#options;
    try {
      await this.#begin();
      onReady?.([...this.#files.files()].length);
      while (!signal.aborted) {
        await this.#files.refresh();
        const hasMore = await this.#shipAll();
        onProgress?.(this.#report);
        await this.#saveIfDue();
        if (hasMore) continue;
        if (untilEnd && !this.#files.hasUnsettled) break;
        await clock.sleep(pollMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error; // what was under way is found in the log at the next start
    } finally {
      await this.#save();
      await this.#files.close();
    }
    return this.#report;
  }

  /** Who we are, what a process before us left in the log, and which files are there. */
  async #begin(): Promise<void> {
    if (this.#state.producer === null) await this.#newIdentity();
    else for (const shipper of this.#shippers) this.#keepFound(await this.#findPlace(shipper));
    this.#applyToState();
    await this.#files.restore();
    await this.#files.refresh();
    await this.#save();
  }

  #keepFound({ parts, batchCount, hasGap }: ReadBack): void {
    this.#report.foundInLog += batchCount;
    for (const [id, part] of parts) this.#found.set(id, part);
    if (hasGap) this.#options.logger.warn({}, 'LogCutSincePositionsWereSaved');
  }

  /** The log knows newer positions than the state. */
  #applyToState(): void {
    for (const known of [...this.#state.files, ...this.#state.retired]) {
      const part = this.#found.get(known.id);
      if (part && part.position > known.position) Object.assign(known, part);
    }
    this.#found.clear();
    this.#isChanged = true;
  }

  async #applyFound(): Promise<void> {
    for (const [id, part] of this.#found) {
      const file = this.#files.byId(id);
      if (file && part.position > file.state.position) await file.adopt(part);
    }
    this.#applyToState();
    await this.#files.matchRetired();
  }

  async #findPlace(shipper: PartitionShipper): Promise<ReadBack> {
    return await shipper.findPlace(this.#identity(), this.#options.signal);
  }

  #identity(): ProducerIdentity {
    const { producer } = this.#state;
    if (!producer) throw new SluiceError('tail-state', 'expected a producer id in the positions, found none');
    return producer;
  }

  /** Durable before it is used: what a batch of it in the log means must be known after a crash. */
  async #newIdentity(): Promise<void> {
    const { cluster, signal } = this.#options;
    this.#state.producer = await newProducerIdentity(cluster, { signal });
    for (const partition of this.#state.partitions) partition.nextSequence = 0;
    await this.#save();
  }

  /** One batch for each partition that has lines; whether there may be more. */
  async #shipAll(): Promise<boolean> {
    const tried = await Promise.allSettled(this.#shippers.map((shipper) => this.#shipOne(shipper)));
    const outcomes = tried.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    if (outcomes.includes('too-large')) this.#shrink();
    for (const [i, outcome] of outcomes.entries())
      if (outcome === 'lost-place') await this.#recover(this.#shippers[i]!);
    return outcomes.some((outcome) => outcome !== 'nothing');
  }

  async #shipOne(shipper: PartitionShipper): Promise<ShipOutcome | 'nothing'> {
    const pieces = await this.#collect(shipper.partition);
    if (pieces.length === 0) return 'nothing';
    const outcome = await shipper.ship(pieces, this.#identity(), this.#options.signal);
    if (outcome === 'shipped') this.#noteShipped(pieces);
    return outcome;
  }

  async #collect(partition: number): Promise<Piece[]> {
    const pieces: Piece[] = [];
    let leftBytes = this.#batchBytes;
    for (const file of this.#files.files()) {
      if (file.state.partition !== partition || !file.hasMore) continue;
      const maxLineBytes = Math.min(this.#options.maxLineBytes, this.#batchBytes >> 1);
      if (leftBytes <= maxLineBytes) break;
      const piece = await file.read({ maxBytes: leftBytes, maxLineBytes });
      // Only what was read from a file that is still the same afterwards was read from it at all.
      if (!piece || !(await this.#isSame(file))) continue;
      pieces.push(piece);
      leftBytes -= piece.nextPosition - file.state.position;
    }
    return pieces;
  }

  async #isSame(file: TailedFile): Promise<boolean> {
    return await file.isIntact(this.#options.clock.monotonicMs());
  }

  #noteShipped(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      const bytes = piece.nextPosition - piece.file.state.position;
      piece.file.advance(piece);
      this.#report.records += piece.values.length;
      this.#report.bytes += bytes;
      this.#options.metrics?.noteTailed(this.#options.topic, piece.values.length, bytes);
    }
    this.#isChanged = true;
  }

  /** The topic takes smaller batches than ours. */
  #shrink(): void {
    if (this.#batchBytes < 2 * leastBatchBytes) {
      throw new SluiceError(
        'batch-too-large',
        `topic "${this.#options.topic}" does not take ${this.#batchBytes} bytes`,
      );
    }
    this.#batchBytes >>= 1;
    this.#options.logger.info({ batchBytes: this.#batchBytes }, 'BatchesMadeSmaller');
  }

  /** Something of ours is in the log without our knowing, or the broker has forgotten us. */
  async #recover(shipper: PartitionShipper): Promise<void> {
    const found = await this.#findPlace(shipper);
    this.#keepFound(found);
    await this.#applyFound();
    this.#options.logger.info({ partition: shipper.partition, batches: found.batchCount }, 'PlaceFoundInLog');
    if (found.batchCount === 0) await this.#newIdentity();
  }

  async #saveIfDue(): Promise<void> {
    if (!this.#isChanged || this.#options.clock.monotonicMs() - this.#savedAtMs < this.#options.saveEveryMs) return;
    await this.#save();
  }

  async #save(): Promise<void> {
    await writeTailState(this.#options.stateFolder, this.#state);
    faultPoint('tail-positions-written');
    this.#savedAtMs = this.#options.clock.monotonicMs();
    this.#isChanged = false;
  }
}

const plain = (value: Buffer): ProducerRecord => ({ key: null, value });

function wrapped(clock: Clock): (value: Buffer, piece: Piece) => ProducerRecord {
  const host = hostname();
  return (value, { file }) => {
    const ts = new Date(clock.nowMs()).toISOString();
    return { key: null, value: JSON.stringify({ ts, host, file: file.name, message: value.toString('utf8') }) };
  };
}
