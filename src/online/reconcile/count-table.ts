import { sqlIdentifier } from '../../warehouse/index.ts';
import type { TableHistory } from '../history/table-history.ts';
import { endOfTimeMs, maxFutureMs, maxNameBytes, minuteMs, type StatsFields } from '../stats/minute-counts.ts';
import type { MinuteRange, MinuteRow, StatsPosition } from '../stats/stats-store.ts';

/**
 * The aggregation of `aggregateEvents`, over a table's rows: those that the positions cover, counted per game, minute and call. By minute,
 * then game.
 */
export async function countTable(
  history: TableHistory,
  fields: StatsFields,
  positions: readonly StatsPosition[],
  { fromMs, toMs }: MinuteRange,
): Promise<MinuteRow[]> {
  const ranges = positions.map(
    ({ partition, first, next }) => `(_partition = ${partition} AND _offset >= ${first} AND _offset < ${next})`,
  );
  if (ranges.length === 0) return [];
  const time = history.timeExpression(fields.time ?? '_timestamp');
  const inTime = `t >= ${Math.max(fromMs, 0)} AND t < ${Math.min(toMs, endOfTimeMs)} AND t <= recorded + ${maxFutureMs}`;
  const rows = new Map<string, MinuteRow>();
  const statement = (source: string): string =>
    `SELECT game, t - t % ${minuteMs}, call, count(*) FROM (
       SELECT ${nameExpression(history, [fields.game])} AS game, ${nameExpression(history, fields.call)} AS call,
         CAST(floor(${time}) AS BIGINT) AS t, ${history.timeExpression('_timestamp')} AS recorded
       FROM (SELECT ${columnsOf(history, fields)} FROM ${source}) AS events WHERE ${ranges.join(' OR ')})
     WHERE ${inTime} AND game IS NOT NULL AND call IS NOT NULL GROUP BY ALL ORDER BY 2, 1, 3`;
  for await (const found of history.select(statement)) {
    for (const [game, startMs, call, count] of found) {
      const key = `${startMs} ${game}`;
      const row = rows.get(key) ?? { game: game as string, minuteMs: Number(startMs), counts: {} };
      row.counts[call as string] = Number(count);
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}

/** Only what is needed, so that a column that happens to be called like one of ours is in nobody's way. */
function columnsOf(history: TableHistory, fields: StatsFields): string {
  const names = new Set([
    '_partition',
    '_offset',
    '_timestamp',
    fields.game,
    ...fields.call,
    fields.time ?? '_timestamp',
  ]);
  return [...names]
    .filter((name) => history.columns.some((column) => column.name === name))
    .map(sqlIdentifier)
    .join(', ');
}

/** SQL for the first of these fields that names something; NULL: none does. */
function nameExpression(history: TableHistory, names: readonly string[]): string {
  const texts = names.map((name) => textExpression(history, name));
  return `coalesce(${texts.map((text) => `CASE WHEN strlen(${text}) BETWEEN 1 AND ${maxNameBytes} THEN ${text} END`).join(', ')})`;
}

/** SQL for what `nameOf` makes of a value: texts, whole numbers and booleans as text, else NULL. */
function textExpression(history: TableHistory, name: string): string {
  const type = history.columns.find((column) => column.name === name)?.type;
  if (type === undefined) return 'NULL';
  const column = `events.${sqlIdentifier(name)}`;
  if (type === 'VARCHAR') return column;
  if (type === 'JSON') {
    return `CASE WHEN json_type(${column}) IN ('VARCHAR', 'BOOLEAN', 'BIGINT', 'UBIGINT', 'HUGEINT') THEN ${column} ->> '$' END`;
  }
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BOOLEAN)$/.test(type)) return `CAST(${column} AS VARCHAR)`;
  if (/^(DOUBLE|FLOAT|DECIMAL)/.test(type)) {
    return `CASE WHEN ${column} = trunc(${column}) THEN CAST(TRY_CAST(${column} AS HUGEINT) AS VARCHAR) END`;
  }
  return 'NULL';
}
