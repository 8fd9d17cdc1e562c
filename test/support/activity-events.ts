import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Lake } from './lake.ts';

const generator = fileURLToPath(new URL('../peers/bench/events.py', import.meta.url));

/** How the activity events are declared, when they are: `ts` is a point in time, not text. */
export const activityColumns = `key: string
columns:
  - { name: ts, type: timestamp }
  - { name: user_id, type: int64 }
  - { name: session_id, type: string }
  - { name: event, type: string }
  - { name: url, type: string }
  - { name: country, type: string }
  - { name: device, type: string }
  - { name: amount, type: double }
`;

/** Writes `count` events of test/peers/bench/events.py into a file, a line `user id<TAB>JSON` each: always the same ones. */
export async function writeEvents(file: string, count: number): Promise<void> {
  const descriptor = openSync(file, 'w');
  const child = spawn('python3', [generator, String(count)], { stdio: ['ignore', descriptor, 'inherit'] });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  closeSync(descriptor);
  if (code !== 0) throw new Error(`${generator} ended with ${code}`);
}

export interface TableDifference {
  /** Records of the log, and of those how many the table lacks; rows, and of those how many the log does not explain. */
  records: number;
  missing: number;
  rows: number;
  unexpected: number;
  /** Up to five of each, as JSON. */
  examples: string[];
}

/** What a table that is just like its log gives. */
export function sameRows(records: number): TableDifference {
  return { records, missing: 0, rows: records, unexpected: 0, examples: [] };
}

/**
 * Compares a table with its log as multisets: coordinates, timestamp, key, every field, and the folder of each row.
 *
 * @param logFile what `dumpTopic` wrote
 * @param tableFolder local copy of the table
 */
export async function compareActivity(lake: Lake, logFile: string, tableFolder: string): Promise<TableDifference> {
  await lake.rows(`CREATE OR REPLACE TEMP TABLE log AS ${logRows(logFile)}`);
  await lake.rows(`CREATE OR REPLACE TEMP TABLE landed AS ${landedRows(tableFolder)}`);
  await lake.rows('CREATE OR REPLACE TEMP TABLE missing AS FROM log EXCEPT ALL FROM landed');
  await lake.rows('CREATE OR REPLACE TEMP TABLE unexpected AS FROM landed EXCEPT ALL FROM log');
  const count = async (table: string): Promise<number> =>
    Number((await lake.rows(`SELECT count(*) FROM ${table}`))[0]![0]);
  const examples = async (table: string): Promise<string[]> => {
    const rows = await lake.rows(`SELECT to_json(t) FROM ${table} t ORDER BY _partition, _offset LIMIT 5`);
    return rows.map(([row]) => `${table}: ${row}`);
  };
  return {
    records: await count('log'),
    missing: await count('missing'),
    rows: await count('landed'),
    unexpected: await count('unexpected'),
    examples: [...(await examples('missing')), ...(await examples('unexpected'))],
  };
}

const fieldTypes =
  '{"ts":"TIMESTAMP","user_id":"BIGINT","session_id":"VARCHAR","event":"VARCHAR","url":"VARCHAR","country":"VARCHAR","device":"VARCHAR","amount":"DOUBLE"}';

/** The folder is the event's own text, so that it proves the hour to be in UTC. */
function logRows(logFile: string): string {
  const columns = `{_partition: 'INTEGER', _offset: 'BIGINT', _timestamp: 'BIGINT', _key: 'VARCHAR', value: 'VARCHAR'}`;
  const folder = `'dt=' || substr(value ->> '$.ts', 1, 10) || '/hr=' || substr(value ->> '$.ts', 12, 2)`;
  return `
    SELECT _partition, _offset, _timestamp, _key, ${folder} AS folder, epoch_us(e.ts) AS ts, e.* EXCLUDE (ts)
    FROM (
      SELECT *, json_transform_strict(value, '${fieldTypes}') AS e
      FROM read_csv('${logFile}', columns = ${columns}, delim = '\t', quote = '', escape = '', header = false, auto_detect = false)
    )`;
}

function landedRows(tableFolder: string): string {
  const glob = `${tableFolder}/dt=*/hr=*/*.parquet`;
  return `
    SELECT _partition, _offset, epoch_ms(_timestamp) AS _timestamp, _key,
      regexp_extract(filename, 'dt=[^/]*/hr=[^/]*') AS folder, epoch_us(ts::TIMESTAMP) AS ts,
      user_id, session_id, event, url, country, device, amount
    FROM read_parquet('${glob}', union_by_name = true, filename = true, hive_partitioning = false)`;
}
