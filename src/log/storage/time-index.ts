/**
 * The sparse time index of one segment, in memory exactly as Kafka keeps it on disk:
 *
 *   entry (12 bytes, big-endian) = int64 largest timestamp (epoch ms) of the segment so far,
 *                                  int32 last offset of the batch that has it, minus the segment's base offset
 *
 * Timestamps rise strictly. The last entry of a segment that is no longer written holds its largest timestamp.
 */
import { GrowableTable } from './growable-table.ts';

const entryBytes = 12;

export interface TimeIndexEntry {
  timestampMs: bigint;
  /** Last offset of the first batch with that timestamp. */
  offset: bigint;
}

export class TimeIndex {
  readonly #baseOffset: bigint;
  readonly #table: GrowableTable;

  constructor(baseOffset: bigint, bytes?: Buffer) {
    this.#baseOffset = baseOffset;
    this.#table = new GrowableTable(entryBytes, bytes);
  }

  get entryCount(): number {
    return this.#table.count;
  }

  get sizeBytes(): number {
    return this.#table.bytes.length;
  }

  /** The content of the `.timeindex` file. */
  get bytes(): Buffer {
    return this.#table.bytes;
  }

  get last(): TimeIndexEntry | null {
    return this.#entry(this.#table.count - 1);
  }

  /** Does nothing unless the timestamp is larger than the last one. */
  maybeAppend(timestampMs: bigint, offset: bigint): void {
    const last = this.last;
    if (timestampMs < 0n || (last && timestampMs <= last.timestampMs)) return;
    const at = this.#table.grow();
    this.#table.buffer.writeBigInt64BE(timestampMs, at);
    this.#table.buffer.writeInt32BE(Number(offset - this.#baseOffset), at + 8);
  }

  truncate(entryCount: number): void {
    this.#table.count = entryCount;
  }

  /** The last entry with a timestamp at or below the given one: everything before its batch is older than its timestamp. */
  lookup(timestampMs: bigint): TimeIndexEntry | null {
    return this.#entry(this.#table.lastIndexWhere((at) => this.#table.buffer.readBigInt64BE(at) <= timestampMs));
  }

  /** Whether its columns rise and no offset lies at or beyond `endOffset`. */
  isSane(endOffset: bigint): boolean {
    if (this.#table.hasRemainder) return false;
    let previous: TimeIndexEntry = { timestampMs: -1n, offset: this.#baseOffset - 1n };
    for (let index = 0; index < this.#table.count; index++) {
      const entry = this.#entry(index)!;
      if (entry.timestampMs <= previous.timestampMs || entry.offset <= previous.offset) return false;
      previous = entry;
    }
    return previous.offset < endOffset;
  }

  #entry(index: number): TimeIndexEntry | null {
    if (index < 0) return null;
    const at = index * entryBytes;
    return {
      timestampMs: this.#table.buffer.readBigInt64BE(at),
      offset: this.#baseOffset + BigInt(this.#table.buffer.readInt32BE(at + 8)),
    };
  }
}
