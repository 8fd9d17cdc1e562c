/**
 * What an encoder needs of a record batch. The warehouse does not know the Kafka wire format: whoever opens an engine hands
 * in the reader (`{ readHeader: readBatchHeader, openCursor: (batch) => new RecordCursor(batch) }` of src/wire fits).
 */
export interface BatchFormat {
  /** Header of the batch, without looking at the records. Throws when the bytes are not a v2 batch. */
  readHeader(batch: Buffer): BatchSummary;
  /** Decompresses and opens the records. Throws for a broken payload, here or in `next()`. */
  openCursor(batch: Buffer): BatchCursor;
}

export interface BatchSummary {
  baseOffset: bigint;
  lastOffset: bigint;
  /** Epoch milliseconds. */
  baseTimestamp: bigint;
  maxTimestamp: bigint;
  timestampType: 'CreateTime' | 'LogAppendTime';
  isControl: boolean;
  recordCount: number;
}

/** Walks the records of a batch without an object per record: after `next()` the positions are those of one record. */
export interface BatchCursor {
  next(): boolean;
  readonly payload: Buffer;
  readonly offsetDelta: number;
  readonly timestampDelta: bigint | number;
  /** Positions in `payload`; a start of -1 is null. Ends are exclusive. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  key(): Buffer | null;
  value(): Buffer | null;
  headers(): { name: string; value: Buffer | null }[];
}

/**
 * Positions of all records of one batch, in the order of the batch. The whole structure is walked before the first record
 * is looked at, so a batch with a broken tail lands nothing of its head. The arrays are reused from batch to batch.
 */
export class BatchIndex {
  /** Where the values lie. */
  payload: Uint8Array = new Uint8Array(0);
  /** Where the keys lie: the same block, unless the values were decoded. */
  keys: Uint8Array = new Uint8Array(0);
  count = 0;
  offsetDeltas = new Int32Array(0);
  /** Epoch milliseconds of each record; beyond 2^53 not exact, which is far outside of what `event-time` accepts. */
  timestamps = new Float64Array(0);
  keyStarts = new Int32Array(0);
  keyEnds = new Int32Array(0);
  valueStarts = new Int32Array(0);
  valueEnds = new Int32Array(0);

  /** @throws whatever the cursor throws for broken bytes. */
  read(cursor: BatchCursor, header: BatchSummary): void {
    this.count = 0;
    const isAppendTime = header.timestampType === 'LogAppendTime';
    const base = Number(isAppendTime ? header.maxTimestamp : header.baseTimestamp);
    let count = 0;
    while (cursor.next()) {
      if (count === this.offsetDeltas.length) this.#grow();
      this.offsetDeltas[count] = cursor.offsetDelta;
      this.timestamps[count] = isAppendTime ? base : timestampOf(header.baseTimestamp, base, cursor.timestampDelta);
      this.keyStarts[count] = cursor.keyStart;
      this.keyEnds[count] = cursor.keyEnd;
      this.valueStarts[count] = cursor.valueStart;
      this.valueEnds[count] = cursor.valueEnd;
      count++;
    }
    this.payload = cursor.payload;
    this.keys = cursor.payload;
    this.count = count;
  }

  #grow(): void {
    const capacity = Math.max(1024, this.offsetDeltas.length * 2);
    this.offsetDeltas = grown(Int32Array, this.offsetDeltas, capacity);
    this.timestamps = grown(Float64Array, this.timestamps, capacity);
    this.keyStarts = grown(Int32Array, this.keyStarts, capacity);
    this.keyEnds = grown(Int32Array, this.keyEnds, capacity);
    this.valueStarts = grown(Int32Array, this.valueStarts, capacity);
    this.valueEnds = grown(Int32Array, this.valueEnds, capacity);
  }
}

/** `base` is the number of `baseTimestamp`; beyond 2^53 a difference of two such numbers would be off by thousands. */
function timestampOf(baseTimestamp: bigint, base: number, delta: bigint | number): number {
  if (typeof delta === 'number' && Number.isSafeInteger(base)) return base + delta;
  return Number(BigInt.asIntN(64, baseTimestamp + BigInt(delta)));
}

function grown<T extends Int32Array | Float64Array>(type: new (length: number) => T, old: T, capacity: number): T {
  const array = new type(capacity);
  array.set(old);
  return array;
}
