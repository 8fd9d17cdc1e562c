import { ByteHeap } from './byte-heap.ts';
import { CellWriter } from './cell-writer.ts';
import { maxTimeMs, minTimeMs } from './event-time.ts';
import type { FieldCatalog } from './field-catalog.ts';
import type { FieldSlot } from './field-slot.ts';
import type { FolderBuffer } from './folder-buffer.ts';
import { preview } from './json-preview.ts';
import { closeBrace, colon, comma, JsonReader, openBrace } from './json-reader.ts';
import { type Failure, quote } from './json-scanner.ts';
import { isUtf8Text } from './json-string.ts';
import { cellKinds, type HashWords, RowHasher } from './row-hash.ts';

/** What became of a record. `elsewhere`: its event time belongs to another folder; `unknown`: it has a field without a column. */
export type ShredResult = 'landed' | 'refused' | 'elsewhere' | 'unknown';

export interface ShredderOptions {
  partition: number;
  /** Top-level field with the event time; null: the record's own timestamp. */
  timeField: string | null;
  maxFutureMs: number;
}

const noTimestamp = -1;

/**
 * Reads one record's JSON object straight into the column builders of an open folder: one pass over the bytes, no object
 * per record. A record lands whole or leaves no trace. The folder is guessed by the caller (that of the record before, as a
 * rule); a record that turns out to belong elsewhere is undone as soon as its time is known and read again there.
 */
export class RowShredder {
  readonly #catalog: FieldCatalog;
  readonly #options: ShredderOptions;
  readonly #reader = new JsonReader();
  readonly #hasher = new RowHasher();
  readonly #cells = new CellWriter(this.#reader, this.#hasher);
  readonly #name = new ByteHeap();
  readonly #partitionCell: HashWords;
  #record = 0;
  #timeMs = Number.NaN;
  #hasUnknown = false;

  constructor(catalog: FieldCatalog, options: ShredderOptions) {
    this.#catalog = catalog;
    this.#options = options;
    this.#hasher.addWords(RowHasher.seedOf('_partition', cellKinds.integer), options.partition, 0);
    this.#partitionCell = this.#hasher.cells;
  }

  /** Why the last record was refused. */
  get failure(): Failure {
    return this.#reader.failure ?? { code: 'not-json', reason: 'the value could not be read' };
  }

  /** The last record's event time (epoch ms), after `elsewhere`. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /**
   * Reads the value [start, end) of `payload` as the next row of `folder`. Offset as two words, timestamp in epoch
   * milliseconds; the key is [keyStart, keyEnd) of `keys`, a start of -1 is a null key.
   */
  shred(
    folder: FolderBuffer,
    payload: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    offsetLow: number,
    offsetHigh: number,
    keys: Uint8Array,
    keyStart: number,
    keyEnd: number,
  ): ShredResult {
    this.#reader.start(payload, start, end);
    this.#record++;
    this.#hasher.reset();
    this.#hasUnknown = false;
    folder.reserveRow();
    const result = this.#readRow(folder, timestampMs, start);
    if (
      result === 'landed' &&
      this.#writeSystemColumns(folder, timestampMs, offsetLow, offsetHigh, keys, keyStart, keyEnd)
    ) {
      this.#hasher.finishInto(folder.sum);
      folder.rowCount++;
      if (this.#timeMs < folder.minTimeMs) folder.minTimeMs = this.#timeMs;
      if (this.#timeMs > folder.maxTimeMs) folder.maxTimeMs = this.#timeMs;
      return 'landed';
    }
    folder.undoRow();
    return result === 'landed' ? 'refused' : result;
  }

  #readRow(folder: FolderBuffer, timestampMs: number, start: number): ShredResult {
    const { timeField } = this.#options;
    if (start < 0) return this.#refuse('tombstone', 'expected a JSON object, came a null value');
    this.#timeMs = Number.NaN;
    if (timestampMs !== noTimestamp && !(timestampMs >= minTimeMs && timestampMs <= maxTimeMs)) {
      return this.#refuse('bad-time', `expected a record timestamp in the years 1 to 9999, came ${timestampMs} ms`);
    }
    if (timeField === null) {
      if (timestampMs === noTimestamp)
        return this.#refuse('missing-time', 'expected a timestamp, came a record without one');
      if (!this.#isHere(folder, timestampMs)) return 'elsewhere';
    }
    const result = this.#readObject(folder, timestampMs);
    if (result !== 'landed') return result;
    if (Number.isNaN(this.#timeMs)) {
      return this.#refuse(
        'missing-time',
        `expected the event time in field ${JSON.stringify(timeField)}, came a record without it`,
      );
    }
    if (this.#hasUnknown) return 'unknown';
    return this.#checkRequired(folder) ? 'landed' : 'refused';
  }

  #readObject(folder: FolderBuffer, timestampMs: number): ShredResult {
    const reader = this.#reader;
    const first = reader.peek();
    if (first !== openBrace) return this.#refuseNonObject(first);
    reader.position++;
    let byte = reader.peek();
    if (byte === closeBrace) reader.position++;
    else {
      let before = this.#catalog.start;
      for (;;) {
        if (byte !== quote) return this.#refuseHere('the name of a field in quotes');
        reader.position++;
        const slot = this.#readName(before);
        if (slot === null) return 'refused';
        if (slot.lastRecord === this.#record) {
          return this.#refuse('duplicate-field', `field ${JSON.stringify(slot.name)} is there twice`);
        }
        slot.lastRecord = this.#record;
        if (reader.peek() !== colon) return this.#refuseHere('":" after the name of a field');
        reader.position++;
        const result = this.#readField(folder, slot, timestampMs);
        if (result !== 'landed') return result;
        before = slot;
        byte = reader.peek();
        if (byte === comma) {
          reader.position++;
          byte = reader.peek();
          continue;
        }
        if (byte !== closeBrace) return this.#refuseHere('"," or "}"');
        reader.position++;
        break;
      }
    }
    return reader.peek() === -1 ? 'landed' : this.#refuseHere('the end of the value after its object');
  }

  /** Passes a field's name and its closing quote. Null with the failure set. */
  #readName(before: FieldSlot): FieldSlot | null {
    const reader = this.#reader;
    const expected = before.next;
    if (expected?.matches(reader.view, reader.position, reader.end)) {
      reader.position += expected.patternLength;
      return expected;
    }
    const name = this.#name;
    name.length = 0;
    if (!reader.readString(name)) return null;
    const slot = this.#catalog.find(Buffer.from(name.bytes.buffer, 0, name.length).toString('utf8'), this.#record);
    if (!slot.isPassing) before.next = slot;
    return slot;
  }

  #readField(folder: FolderBuffer, slot: FieldSlot, timestampMs: number): ShredResult {
    const reader = this.#reader;
    const first = reader.peek();
    if (first === 0x6e) return reader.readLiteral() ? 'landed' : 'refused';
    if (slot.isTime) {
      const start = reader.position;
      if (!this.#readEventTime(slot, first, timestampMs)) return 'refused';
      if (!this.#isHere(folder, this.#timeMs)) return 'elsewhere';
      reader.position = start;
    }
    if (slot.columnIndex >= 0) {
      const builder = folder.columns[slot.columnIndex]!;
      return this.#cells.write(slot, builder, folder.rowCount, first) ? 'landed' : 'refused';
    }
    if (!reader.skipValue()) return 'refused';
    if (slot.kind === 'unusable') return this.#refuse('unusable-field', slot.problem);
    if (slot.kind === 'undecided') this.#hasUnknown = true;
    return 'landed';
  }

  #readEventTime(slot: FieldSlot, first: number, timestampMs: number): boolean {
    const start = this.#reader.position;
    if (!this.#cells.readTime(first)) return this.#failTime(slot, start);
    const { timeMs } = this.#cells;
    if (timestampMs !== noTimestamp && timeMs > timestampMs + this.#options.maxFutureMs) {
      const expected = `at most ${this.#options.maxFutureMs} ms after the record's timestamp`;
      const came = `${timeMs - timestampMs} ms`;
      return this.#reader.fail('future-time', `field ${JSON.stringify(slot.name)}: expected ${expected}, came ${came}`);
    }
    this.#timeMs = timeMs;
    return true;
  }

  #failTime(slot: FieldSlot, start: number): false {
    const reader = this.#reader;
    if (reader.failure !== null) return false;
    const expected = 'a time like 2026-11-21T07:30:00.000Z, or epoch milliseconds as an integer';
    const came = preview(reader.buffer, start, reader.position);
    return reader.fail('bad-time', `field ${JSON.stringify(slot.name)}: expected ${expected}, came ${came}`);
  }

  #isHere(folder: FolderBuffer, timeMs: number): boolean {
    this.#timeMs = timeMs;
    return timeMs >= folder.startMs && timeMs < folder.endMs;
  }

  #checkRequired(folder: FolderBuffer): boolean {
    for (const { columnIndex, name } of this.#catalog.required) {
      if (folder.columns[columnIndex]!.lastRow !== folder.rowCount) {
        return this.#reader.fail(
          'missing-field',
          `expected a value in the required field ${JSON.stringify(name)}, came none`,
        );
      }
    }
    return true;
  }

  #writeSystemColumns(
    folder: FolderBuffer,
    timestampMs: number,
    offsetLow: number,
    offsetHigh: number,
    keys: Uint8Array,
    keyStart: number,
    keyEnd: number,
  ): boolean {
    const row = folder.rowCount;
    const { partition, offset, timestamp, key } = folder;
    if (keyStart >= 0) {
      if (key.type === 'string' && !isUtf8Text(keys, keyStart, keyEnd)) {
        return this.#reader.fail('key-not-utf8', 'expected a key of UTF-8 text, came bytes that are not');
      }
      const start = key.beginBytes();
      key.heap.append(keys, keyStart, keyEnd);
      this.#hasher.addBytes(key.seed, key.heap.view, start, key.endBytes(row));
    }
    partition.appendInt32(row, this.#options.partition);
    this.#hasher.addCells(this.#partitionCell);
    offset.appendInt64(row, offsetLow, offsetHigh);
    this.#hasher.addWords(offset.seed, offsetLow, offsetHigh);
    if (timestampMs !== noTimestamp) {
      const low = timestampMs | 0;
      const high = Math.floor(timestampMs / 4_294_967_296);
      timestamp.appendInt64(row, low, high);
      this.#hasher.addWords(timestamp.seed, low, high);
    }
    return true;
  }

  #refuse(code: string, reason: string): 'refused' {
    this.#reader.fail(code, reason);
    return 'refused';
  }

  #refuseHere(expected: string): 'refused' {
    this.#reader.failHere(expected);
    return 'refused';
  }

  /** Whatever stands instead of an object; broken JSON is told as such. */
  #refuseNonObject(first: number): 'refused' {
    const reader = this.#reader;
    const start = reader.position;
    if (first === -1) return this.#refuse('empty', 'expected a JSON object, came an empty value');
    if (!reader.skipValue()) return 'refused';
    const stop = reader.position;
    if (reader.peek() !== -1) return this.#refuseHere('a JSON object');
    return this.#refuse('not-object', `expected a JSON object, came ${preview(reader.buffer, start, stop)}`);
  }
}
