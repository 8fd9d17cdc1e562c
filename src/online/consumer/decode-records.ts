import type { FetchedPartition } from '../../wire/client/index.ts';
import { RecordCursor, type RecordHeader } from '../../wire/index.ts';
import type { ConsumedEvent, EventPlace } from './consumed-batch.ts';
import { type JsonObject, parseJson } from './json-value.ts';

/** Makes an event of a record's value; what it throws says why the record is none. */
export type Decode<T> = (value: Buffer | null, place: EventPlace) => T;

/** The same for a row of a table, a JSON object without nulls. */
export type DecodeRow<T> = (row: JsonObject, place: EventPlace) => T;

/** The default: JSON, with integers beyond 2^53 as bigint. A record without a value becomes null. */
export function decodeJson<T>(value: Buffer | null): T {
  return (value === null ? null : parseJson(value.toString())) as T;
}

/** A record of which `decode` could make nothing. */
export interface UndecodableRecord extends EventPlace {
  bytes: Buffer | null;
  reason: string;
}

/** A piece of what was read: offsets from `first` up to `next`, exclusive. */
export interface DecodedRecords<T> {
  first: bigint;
  next: bigint;
  events: ConsumedEvent<T>[];
  undecodable: UndecodableRecord[];
}

const noHeaders: readonly RecordHeader[] = [];

/**
 * What a fetch brought, in pieces of at most `maxEvents` records. Leaves out control batches, aborted transactions, what lies before
 * the offset that was asked for, and what lies at or behind `end`. At least one piece: positions move without records, too.
 */
export function* decodeFetched<T>(
  fetched: FetchedPartition,
  decode: Decode<T>,
  { end, maxEvents }: { end: bigint | null; maxEvents: number },
): Generator<DecodedRecords<T>> {
  const { topic, partition, fetchOffset, nextOffset } = fetched;
  const last = end !== null && end < nextOffset ? end : nextOffset;
  let piece: DecodedRecords<T> = { first: fetchOffset, next: last, events: [], undecodable: [] };
  for (const { bytes, header, isAborted } of fetched.batches) {
    if (isAborted || header.isControl) continue;
    for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
      const { offset } = cursor;
      if (offset < fetchOffset || offset >= last) continue;
      if (piece.events.length + piece.undecodable.length >= maxEvents) {
        yield { ...piece, next: offset };
        piece = { first: offset, next: last, events: [], undecodable: [] };
      }
      const headers = cursor.headerCount === 0 ? noHeaders : cursor.headers();
      const place = { topic, partition, offset, timestampMs: Number(cursor.timestamp), key: cursor.key(), headers };
      const value = cursor.value();
      try {
        piece.events.push({ ...place, value: decode(value, place), bytes: value });
      } catch (error) {
        piece.undecodable.push({ ...place, bytes: value, reason: (error as Error).message });
      }
    }
  }
  yield piece;
}
