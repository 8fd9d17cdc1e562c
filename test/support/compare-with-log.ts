import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { BatchFetcher, type KafkaCluster } from '../../src/wire/client/index.ts';
import { RecordCursor } from '../../src/wire/index.ts';

/** One record as the log has it. */
export interface LogRow {
  partition: number;
  offset: bigint;
  timestampMs: bigint;
  key: string | null;
  value: Buffer | null;
}

/** All committed records of a topic, read with our own fetcher up to the last stable offsets of this moment. */
export async function readLog(cluster: KafkaCluster, topic: string): Promise<LogRow[]> {
  const [found] = await cluster.topics({}, [topic]);
  const partitions = found!.partitions.map(({ partition }) => partition);
  const options = { isolation: 'read_committed' } as const;
  const starts = await cluster.listOffsets(topic, partitions, 'earliest', options);
  const ends = await cluster.listOffsets(topic, partitions, 'latest', options);
  const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 100 });
  const open = new Set(partitions.filter((p) => starts.get(p)!.offset < ends.get(p)!.offset));
  for (const partition of open) fetcher.assign(topic, partition, starts.get(partition)!.offset);
  const rows: LogRow[] = [];
  while (open.size > 0) {
    for (const fetched of await fetcher.poll()) {
      if (fetched.error) throw fetched.error;
      for (const batch of fetched.batches) {
        if (!batch.isAborted && !batch.header.isControl) rows.push(...rowsOf(batch.bytes, fetched.partition));
      }
      if (fetched.nextOffset >= ends.get(fetched.partition)!.offset) open.delete(fetched.partition);
    }
  }
  await fetcher.close();
  return rows.filter((row) => row.offset < ends.get(row.partition)!.offset);
}

function rowsOf(batch: Buffer, partition: number): LogRow[] {
  const rows: LogRow[] = [];
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    const { offset, timestamp: timestampMs } = cursor;
    rows.push({ partition, offset, timestampMs, key: cursor.key()?.toString() ?? null, value: cursor.value() });
  }
  return rows;
}

/** What a loaded row must look like: coordinates, key, the hour it is filed under, and the fields the tests write. */
export interface ExpectedRow {
  partition: number;
  offset: string;
  key: string | null;
  folder: string;
  id: string;
  body: string;
}

export interface Difference {
  /** Rows of the log that the warehouse lacks, and the other way round, as multisets; at most ten of each. */
  missing: string[];
  unexpected: string[];
}

/** `EXCEPT ALL` both ways between the Parquet files under `glob` and the rows expected, in DuckDB. */
export async function compareRows(glob: string, expected: readonly ExpectedRow[]): Promise<Difference> {
  const directory = mkdtempSync(join(tmpdir(), 'loader-compare-'));
  const file = join(directory, 'expected.json');
  writeFileSync(file, expected.map((row) => JSON.stringify(row)).join('\n'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const columns = `{partition: 'INTEGER', "offset": 'VARCHAR', key: 'VARCHAR', folder: 'VARCHAR', id: 'VARCHAR', body: 'VARCHAR'}`;
    await connection.run(
      expected.length === 0
        ? `CREATE TABLE expected(partition INTEGER, "offset" VARCHAR, key VARCHAR, folder VARCHAR, id VARCHAR, body VARCHAR)`
        : `CREATE TABLE expected AS SELECT * FROM read_json('${file}', format = 'newline_delimited', columns = ${columns}, maximum_object_size = 33554432)`,
    );
    const folder = `regexp_extract(filename, 'dt=[0-9-]+/hr=[0-9]+')`;
    const loaded = await connection
      .run(
        `CREATE TABLE loaded AS SELECT _partition AS partition, CAST(_offset AS VARCHAR) AS "offset", CAST(_key AS VARCHAR) AS key,
         ${folder} AS folder, CAST(id AS VARCHAR) AS id, body FROM read_parquet('${glob}', union_by_name = true, filename = true, hive_partitioning = false)`,
      )
      .catch((error: Error) => error);
    if (loaded instanceof Error) {
      if (!loaded.message.includes('No files found')) throw loaded;
      await connection.run('CREATE TABLE loaded AS SELECT * FROM expected LIMIT 0');
    }
    const except = async (left: string, right: string): Promise<string[]> => {
      const sql = `SELECT * FROM (SELECT * FROM ${left} EXCEPT ALL SELECT * FROM ${right}) ORDER BY partition, "offset" LIMIT 10`;
      const rows = await connection.runAndReadAll(sql);
      return rows.getRowObjectsJson().map((row) => JSON.stringify(row));
    };
    return { missing: await except('expected', 'loaded'), unexpected: await except('loaded', 'expected') };
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(directory, { recursive: true, force: true });
  }
}
