/**
 * The sparse offset index of one segment, in memory exactly as Kafka keeps it on disk:
 *
 *   entry (8 bytes, big-endian) = int32 last offset of a batch minus the segment's base offset, int32 position of that batch
 *
 * Both columns rise strictly. The first batch of a segment has no entry.
 */
import { GrowableTable } from './growable-table.ts';

const entryBytes = 8;

export interface OffsetIndexEntry {
  /** Last offset of the batch at `position`. */
  lastOffset: bigint;
  position: number;
}

export class OffsetIndex {
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

  /** The content of the `.index` file. */
  get bytes(): Buffer {
    return this.#table.bytes;
  }

  append(lastOffset: bigint, position: number): void {
    const at = this.#table.grow();
    this.#table.buffer.writeInt32BE(Number(lastOffset - this.#baseOffset), at);
    this.#table.buffer.writeInt32BE(position, at + 4);
  }

  truncate(entryCount: number): void {
    this.#table.count = entryCount;
  }

  /** The last entry whose batch ends at or before `offset`: the batch that holds `offset` is there or after it. */
  lookup(offset: bigint): OffsetIndexEntry | null {
    const relative = Number(offset - this.#baseOffset);
    return this.#entry(this.#table.lastIndexWhere((at) => this.#table.buffer.readInt32BE(at) <= relative));
  }

  /** The last entry whose batch begins at or before `position`. */
  lookupPosition(position: number): OffsetIndexEntry | null {
    return this.#entry(this.#table.lastIndexWhere((at) => this.#table.buffer.readInt32BE(at + 4) <= position));
  }

  /** Whether it can belong to a log file of `logBytes`: columns rise and no entry lies outside. */
  isSane(logBytes: number): boolean {
    if (this.#table.hasRemainder) return false;
    let offset = -1;
    let position = 0;
    for (let index = 0; index < this.#table.count; index++) {
      const nextOffset = this.#table.buffer.readInt32BE(index * entryBytes);
      const nextPosition = this.#table.buffer.readInt32BE(index * entryBytes + 4);
      if (nextOffset <= offset || nextPosition <= position) return false;
      offset = nextOffset;
      position = nextPosition;
    }
    return this.#table.count === 0 || position < logBytes;
  }

  #entry(index: number): OffsetIndexEntry | null {
    if (index < 0) return null;
    const at = index * entryBytes;
    return {
      lastOffset: this.#baseOffset + BigInt(this.#table.buffer.readInt32BE(at)),
      position: this.#table.buffer.readInt32BE(at + 4),
    };
  }
}
