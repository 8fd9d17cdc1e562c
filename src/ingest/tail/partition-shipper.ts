import { type Clock, describeError, faultPoint, type Logger, SluiceError } from '../../shared/index.ts';
import {
  appendBatch,
  BackOff,
  isKafkaError,
  type KafkaCluster,
  type ProducerIdentity,
} from '../../wire/client/index.ts';
import { type CompressionType, encodeBatch, errorCodes, type ProducerRecord } from '../../wire/index.ts';
import { markerHeader, markerOf, type ReadBack, readBack } from './read-back.ts';
import type { PartitionState } from './tail-state.ts';
import type { Piece } from './tailed-file.ts';

export interface ShipperOptions {
  cluster: KafkaCluster;
  topic: string;
  compression: CompressionType;
  recordOf: (value: Buffer, piece: Piece) => ProducerRecord;
  clock: Clock;
  logger: Logger;
}

/**
 * What became of a batch:
 * - `shipped`: it is in the log, once.
 * - `too-large`: the broker refuses batches of this size; nothing was appended.
 * - `lost-place`: the log does not stand where we thought; nothing of this batch counts before `findPlace` has looked.
 */
export type ShipOutcome = 'shipped' | 'too-large' | 'lost-place';

const sequenceCount = 0x80000000;
/** The broker's word that our sequence is not the next one: something of ours is in the log that we do not know of, or not in it any more. */
const lostPlaceCodes = [
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.UNKNOWN_PRODUCER_ID,
];

/**
 * Appends batches to one partition, one at a time, with sequences that outlive the process.
 *
 * At most one batch is ever without an answer. Whoever goes on after a kill carries the next sequence that the log shows; if the batch of
 * the killed process arrives late, one of the two has the wrong sequence and the broker refuses it. So the first batch after a
 * start settles everything before it, and the log never gets a line twice.
 */
export class PartitionShipper {
  readonly state: PartitionState;
  readonly #options: ShipperOptions;
  /** The next answer may be about another batch with the same sequence: that of a process before us. */
  #isUnsettled = true;

  constructor(state: PartitionState, options: ShipperOptions) {
    this.state = state;
    this.#options = options;
  }

  get partition(): number {
    return this.state.partition;
  }

  /** Ships lines of one or more files as one batch; tries until there is an answer. Throws what trying again does not mend, and the signal's reason. */
  async ship(pieces: readonly Piece[], identity: ProducerIdentity, signal: AbortSignal): Promise<ShipOutcome> {
    const records = pieces.flatMap((piece) => this.#recordsOf(piece));
    if (records.length === 0) return 'shipped';
    const { compression, clock } = this.#options;
    const baseSequence = this.state.nextSequence;
    const timestampMs = BigInt(clock.nowMs());
    const bytes = encodeBatch(records, { ...identity, baseSequence, compression, timestampMs });
    const outcome = await this.#append(bytes, signal);
    if (typeof outcome === 'string') return outcome;
    faultPoint('tail-batch-acknowledged');
    if (this.#isUnsettled && !(await this.#isOurs(outcome, pieces, records.length, identity, signal)))
      return 'lost-place';
    this.#isUnsettled = false;
    this.state.nextOffset = outcome + BigInt(records.length);
    this.state.nextSequence = (baseSequence + records.length) % sequenceCount;
    return 'shipped';
  }

  /** Reads the log from where we last were, and goes to where it stands. */
  async findPlace(identity: ProducerIdentity, signal: AbortSignal): Promise<ReadBack> {
    const { cluster, topic } = this.#options;
    const { partition, nextOffset } = this.state;
    const found = await readBack({
      cluster,
      place: { topic, partition },
      producerId: identity.producerId,
      fromOffset: nextOffset,
      toOffset: null,
      signal,
    });
    this.state.nextOffset = found.nextOffset;
    if (found.lastSequence !== null) this.state.nextSequence = (found.lastSequence + 1) % sequenceCount;
    this.#isUnsettled = true;
    return found;
  }

  #recordsOf(piece: Piece): ProducerRecord[] {
    const records = piece.values.map((value) => this.#options.recordOf(value, piece));
    const last = records.at(-1);
    if (last) {
      const marker = { name: markerHeader, value: markerOf(piece.file.state.id, piece.file.after(piece)) };
      last.headers = [...(last.headers ?? []), marker];
    }
    return records;
  }

  /** The base offset, or what stands in the way. */
  async #append(bytes: Buffer, signal: AbortSignal): Promise<bigint | 'too-large' | 'lost-place'> {
    const { cluster, topic, clock, logger } = this.#options;
    const backOff = new BackOff({ firstMs: 100, maxMs: 5000 });
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        faultPoint('tail-batch-to-send');
        const offset = await appendBatch(cluster, { topic, partition: this.partition }, bytes, { signal });
        if (attempt > 1) logger.info({ partition: this.partition, attempt }, 'ShippingRecovered');
        return offset < 0n ? 'lost-place' : offset;
      } catch (error) {
        signal.throwIfAborted();
        if (isKafkaError(error, errorCodes.MESSAGE_TOO_LARGE, errorCodes.RECORD_LIST_TOO_LARGE)) return 'too-large';
        if (isKafkaError(error, ...lostPlaceCodes)) return 'lost-place';
        if (!(error instanceof SluiceError && error.isRetriable)) throw error;
        if (attempt === 1) logger.warn({ partition: this.partition, reason: describeError(error) }, 'ShippingDelayed');
        await clock.sleep(backOff.nextMs(), signal);
      }
    }
  }

  /** Whether the batch at `offset` is this one, and not one with the same sequence that somebody before us sent. */
  async #isOurs(
    offset: bigint,
    pieces: readonly Piece[],
    count: number,
    { producerId }: ProducerIdentity,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { cluster, topic } = this.#options;
    const found = await readBack({
      cluster,
      place: { topic, partition: this.partition },
      producerId,
      fromOffset: offset,
      toOffset: offset + BigInt(count),
      signal,
    });
    const shipped = pieces.filter(({ values }) => values.length > 0);
    return (
      found.batchCount === 1 &&
      found.lastSequence === (this.state.nextSequence + count - 1) % sequenceCount &&
      found.parts.size === shipped.length &&
      shipped.every(({ file, nextPosition }) => found.parts.get(file.state.id)?.position === nextPosition)
    );
  }
}
