import { describeError } from '../../shared/index.ts';
import type { DecodedRecords, DecodeRow } from '../consumer/decode-records.ts';
import { type JsonObject, parseJson, writeJson } from '../consumer/json-value.ts';
import type { HistoryPartition, TableHistory } from './table-history.ts';

export interface HistoryRowsOptions<T> {
  decodeRow: DecodeRow<T>;
  /** Only rows of that time or later; null: all. */
  fromMs: number | null;
  /** Null: the record's timestamp. */
  timeField: string | null;
  maxEvents: number;
}

/**
 * A table's rows of one partition as events, from an offset on and below `place.next`, in pieces of at most `maxEvents`. The value is what
 * `decodeRow` makes of the row: int64 beyond 2^53 as bigint, times as RFC 3339 in UTC, columns without a value left out.
 */
export async function* historyRows<T>(
  history: TableHistory,
  place: HistoryPartition,
  from: bigint,
  { decodeRow, fromMs, timeField, maxEvents }: HistoryRowsOptions<T>,
): AsyncGenerator<DecodedRecords<T>> {
  if (history.paths.length === 0) return;
  const list = ['_offset', history.timeExpression('_timestamp'), keyExpression(history), await history.rowJson()];
  const conditions = [`_offset < ${place.next}`];
  if (fromMs !== null) conditions.push(`${history.timeExpression(timeField ?? '_timestamp')} >= ${fromMs}`);
  let first = from;
  for await (const rows of history.rows(place, from, list, conditions.join(' AND '))) {
    for (let at = 0; at < rows.length; at += maxEvents) {
      const piece = decodeRows(rows.slice(at, at + maxEvents), place, first, decodeRow);
      yield piece;
      first = piece.next;
    }
  }
}

/** `rows`: offset, timestamp, key as hex digits, JSON text. */
function decodeRows<T>(
  rows: readonly unknown[][],
  { topic, partition }: HistoryPartition,
  first: bigint,
  decodeRow: DecodeRow<T>,
): DecodedRecords<T> {
  const piece: DecodedRecords<T> = { first, next: (rows.at(-1)![0] as bigint) + 1n, events: [], undecodable: [] };
  for (const [offset, timestampMs, keyHex, json] of rows) {
    const row = withoutNulls(parseJson(json as string) as JsonObject);
    const key = keyHex === null ? null : Buffer.from(keyHex as string, 'hex');
    const event = { topic, partition, offset: offset as bigint, timestampMs: Number(timestampMs), key, headers: [] };
    const bytesOf = (): Buffer => Buffer.from(writeJson(row));
    try {
      const value = decodeRow(row, event);
      piece.events.push({
        ...event,
        value,
        get bytes() {
          return bytesOf(); // few ask for it
        },
      });
    } catch (error) {
      piece.undecodable.push({ ...event, bytes: bytesOf(), reason: describeError(error) });
    }
  }
  return piece;
}

/** SQL for the key's bytes as hex digits. */
function keyExpression(history: TableHistory): string {
  const type = history.columns.find(({ name }) => name === '_key')?.type;
  if (type === undefined) return 'NULL';
  return type === 'BLOB' || type === 'VARCHAR' ? 'hex(_key)' : 'hex(CAST(_key AS VARCHAR))';
}

function withoutNulls(row: JsonObject): JsonObject {
  for (const name of Object.keys(row)) if (row[name] === null) delete row[name];
  return row;
}
