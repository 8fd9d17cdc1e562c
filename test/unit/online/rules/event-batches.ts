import { type EventColumns, type FieldColumn, fieldKey } from '../../../../src/online/rules/event-columns.ts';
import type { Literal } from '../../../../src/online/rules/rule-ast.ts';
import type { OracleEvent } from './rule-oracle.ts';

/** Events of one partition as columns; `asNumbers` makes plain number columns where all values are numbers. */
export function columnsOf(events: readonly OracleEvent[], asNumbers: boolean): EventColumns {
  const typeNames = [...new Set(events.map(({ type }) => type).filter((type) => type !== null))];
  const names = [...new Set(events.flatMap(({ fields }) => Object.keys(fields)))];
  const column = (name: string): FieldColumn => {
    const values = events.map(({ fields }) => fields[name]);
    if (asNumbers && values.every((value) => value === undefined || typeof value === 'number')) {
      return { numbers: Float64Array.from(values, (value) => (value as number | undefined) ?? Number.NaN) };
    }
    const dictionary: Literal[] = [...new Set(values.filter((value) => value !== undefined))];
    return {
      codes: Int32Array.from(values, (value) => (value === undefined ? -1 : dictionary.indexOf(value))),
      values: dictionary,
    };
  };
  return {
    topic: events[0]!.topic,
    partition: events[0]!.partition,
    count: events.length,
    offsets: BigInt64Array.from(events, ({ offset }) => BigInt(offset)),
    times: Float64Array.from(events, ({ timeMs }) => timeMs),
    types: Int32Array.from(events, ({ type }) => (type === null ? -1 : typeNames.indexOf(type))),
    typeNames,
    fields: new Map(names.map((name) => [fieldKey([name]), column(name)])),
  };
}
