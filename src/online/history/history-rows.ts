import { describeError } from '../../shared/index.ts';
import type { ConsumedEvent } from '../consumer/consumed-batch.ts';
import { type JsonObject, parseJson } from '../consumer/json-value.ts';
import type { HistoryPartition, TableHistory } from './table-history.ts';

export interface HistoryRowsOptions<T> {
  decodeRow: (row: JsonObject) => T;
  /** Only rows of that time or later; null: all. */
  fromMs: number | null;
  /** Null: the record's timestamp. */
  timeField: string | null;
}

/**
 * A table's rows of one partition as events, from an offset on and below `place.next`. The value is the JSON object of the row: int64
 * beyond 2^53 as bigint, times as RFC 3339 in UTC; columns without a value are left out. Throws what `decodeRow` throws, with the place.
 */
export async function* historyRows<T>(
  history: TableHistory,
  place: HistoryPartition,
  from: bigint,
  { decodeRow, fromMs, timeField }: HistoryRowsOptions<T>,
): AsyncGenerator<ConsumedEvent<T>[]> {
  if (history.paths.length === 0) return;
  const list = ['_offset', history.timeExpression('_timestamp'), keyExpression(history), await history.rowJson()];
  const conditions = [`_offset < ${place.next}`];
  if (fromMs !== null) conditions.push(`${history.timeExpression(timeField ?? '_timestamp')} >= ${fromMs}`);
  const { topic, partition } = place;
  for await (const rows of history.rows(place, from, list, conditions.join(' AND '))) {
    yield rows.map(([offset, timestampMs, keyHex, json]): ConsumedEvent<T> => {
      const row = withoutNulls(parseJson(json as string) as JsonObject);
      const common = { topic, partition, offset: offset as bigint, timestampMs: Number(timestampMs), bytes: null };
      const keyBytes = keyHex === null ? null : Buffer.from(keyHex as string, 'hex');
      try {
        return { ...common, key: keyBytes, headers: [], value: decodeRow(row) };
      } catch (error) {
        const reason = describeError(error);
        throw new Error(`the row of ${topic}-${partition} offset ${offset} cannot be read: ${reason}`, {
          cause: error,
        });
      }
    });
  }
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
