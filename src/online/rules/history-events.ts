import { sqlIdentifier } from '../../warehouse/index.ts';
import { type HistoryPartition, TableHistory, type TableHistoryOptions } from '../history/table-history.ts';
import { EventBatch } from './event-batch.ts';
import type { EventColumns } from './event-columns.ts';
import type { JsonEventOptions } from './json-events.ts';
import type { Literal } from './rule-ast.ts';

export type { HistoryPartition };

export interface HistoryOptions extends TableHistoryOptions {
  events: JsonEventOptions;
}

/**
 * The rows of a table as events, each partition in the order of its offsets. Columns that have no value in a row are fields that
 * the event does not have: a JSON null is not told from a missing field.
 */
export class HistoryEvents {
  readonly #events: JsonEventOptions;
  readonly #history: TableHistory;

  private constructor(events: JsonEventOptions, history: TableHistory) {
    this.#events = events;
    this.#history = history;
  }

  /** Throws BadInputError when the table has no rows, or not the columns that were named for type and time. */
  static async open({ events, ...options }: HistoryOptions): Promise<HistoryEvents> {
    const history = await TableHistory.open(options);
    try {
      const { timeField, typeField } = events;
      history.requireRows(options.table);
      history.requireColumns(options.table, timeField === null ? [typeField] : [typeField, timeField]);
      return new HistoryEvents(events, history);
    } catch (error) {
      await history.close();
      throw error;
    }
  }

  get partitions(): readonly HistoryPartition[] {
    return this.#history.partitions;
  }

  close(): Promise<void> {
    return this.#history.close();
  }

  /** Events from offset `from` on, in pieces. */
  async *read(place: HistoryPartition, from: bigint): AsyncGenerator<EventColumns> {
    const { typeField, timeField, fieldKeys } = this.#events;
    const keys = [...fieldKeys];
    const batch = new EventBatch(keys);
    const fields = keys.map((key) => this.#fieldExpression(key.split('\u0000')));
    const time = this.#history.timeExpression(timeField ?? '_timestamp');
    for await (const rows of this.#history.rows(place, from, ['_offset', time, sqlIdentifier(typeField), ...fields])) {
      for (const [offset, timeMs, type, ...values] of rows) {
        if (timeMs === null) continue;
        const literals = values.map((value) => (value === null ? undefined : literalOf(value)));
        batch.add(offset as bigint, Number(timeMs), typeof type === 'string' ? type : undefined, literals);
      }
      yield batch.take(place.topic, place.partition);
    }
  }

  /** A column, or a field inside a JSON column or a struct; NULL where the table has no such column. */
  #fieldExpression([name, ...rest]: string[]): string {
    const column = this.#history.columns.find((candidate) => candidate.name === name);
    if (!column) return 'NULL';
    if (rest.length === 0) return sqlIdentifier(name!);
    if (column.type.startsWith('STRUCT')) return [name!, ...rest].map(sqlIdentifier).join('.');
    const path = `$.${rest.map((part) => `"${part.replaceAll('"', '\\"')}"`).join('.')}`;
    return `json_extract_string(${sqlIdentifier(name!)}, '${path.replaceAll("'", "''")}')`;
  }
}

/** int64 within the range of numbers as a number, so that it equals what JSON gives. */
function literalOf(value: unknown): Literal | undefined {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return String(value);
}
