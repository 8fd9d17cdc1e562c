import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { runPeer, startHdfs, startKafka } from '../test/support/peers.ts';
import { runSluice } from './support.ts';

export interface LoaderRow {
  events: number;
  sluiceRowsPerSecond: number;
  sluicePeakMib: number;
  sparkRowsPerSecond: number;
  sparkPeakMib: number;
  /** Rows that are in one output and not in the other; 0 both ways or the bench fails. */
  differences: number;
}

export interface LoaderBenchOptions {
  eventCounts: number[];
  workers: number;
  log: (line: string) => void;
}

const columns = `columns:
  - { name: ts, type: timestamp }
  - { name: user_id, type: int64 }
  - { name: session_id, type: string }
  - { name: event, type: string }
  - { name: url, type: string }
  - { name: country, type: string }
  - { name: device, type: string }
  - { name: amount, type: double }
`;

/**
 * The same topic of eight partitions on Apache Kafka into Parquet (zstd) on a real HDFS, once by `sluice load --until-end`,
 * once by Spark Structured Streaming (tuned, both cores). Rows per second count the load itself: for Spark from the ready
 * session on, for ours the whole process from its start. Both outputs are compared row for row.
 */
export async function benchLoader(options: LoaderBenchOptions): Promise<LoaderRow[]> {
  const kafka = await startKafka({ heap: '1g' });
  const hdfs = await startHdfs({
    properties: { 'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': '10' },
  });
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const rows: LoaderRow[] = [];
  try {
    writeFileSync(join(scratch, 'columns.yaml'), columns);
    for (const events of options.eventCounts) {
      const topic = `activity-${events}`;
      options.log(`filling ${topic}...`);
      await runPeer('bench/fill.sh', [String(events), topic, kafka.bootstrap, '8'], {}, { timeoutMs: 1_800_000 });
      const ours = await runSluice([
        'load',
        '--brokers',
        kafka.bootstrap,
        '--topics',
        topic,
        '--warehouse',
        hdfs.url('/sluice'),
        '--workers',
        String(options.workers),
        '--until-end',
        '--time-field',
        'ts',
        '--columns',
        join(scratch, 'columns.yaml'),
        '--json',
      ]);
      const report = JSON.parse(ours.stdout) as { rowCount: string };
      if (Number(report.rowCount) !== events) throw new Error(`expected ${events} rows, the load says ${ours.stdout}`);
      const sluiceRowsPerSecond = Math.round((events * 1000) / ours.elapsedMs);
      options.log(`sluice ${events}: ${sluiceRowsPerSecond.toLocaleString('en-US')} rows/s, ${ours.peakMib} MiB`);
      const spark = await runSpark(kafka.bootstrap, topic, hdfs.dataDir);
      options.log(`spark  ${events}: ${spark.rows_per_s.toLocaleString('en-US')} rows/s, ${spark.jvm_peak_mib} MiB`);
      const differences = await compare(hdfs.dfs, `/sluice/${topic}`, `/spark/${topic}`, join(scratch, topic));
      if (differences !== 0) throw new Error(`${differences} rows differ between the two outputs of ${events} events`);
      rows.push({
        events,
        sluiceRowsPerSecond,
        sluicePeakMib: ours.peakMib,
        sparkRowsPerSecond: spark.rows_per_s,
        sparkPeakMib: spark.jvm_peak_mib,
        differences,
      });
      await hdfs.dfs('-rm', '-r', '-skipTrash', '/sluice', '/spark');
    }
  } finally {
    await kafka.stop();
    await hdfs.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
  return rows;
}

async function runSpark(
  bootstrap: string,
  topic: string,
  hdfsDataDir: string,
): Promise<{ rows_per_s: number; jvm_peak_mib: number }> {
  const output = await runPeer(
    'spark/run.sh',
    [
      '--tuned',
      '--bootstrap',
      bootstrap,
      '--topic',
      topic,
      '--codec',
      'zstd',
      '--out',
      `/spark/${topic}`,
      '--checkpoint',
      `/spark/${topic}-checkpoint`,
    ],
    { HDFS_DATA: hdfsDataDir },
    { timeoutMs: 1_800_000 },
  );
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

/** Copies both outputs off HDFS and counts the rows that only one of them has, as multisets. */
async function compare(
  dfs: (...args: string[]) => Promise<string>,
  ours: string,
  theirs: string,
  folder: string,
): Promise<number> {
  await dfs('-mkdir', '-p', ours, theirs);
  const [a, b] = [`${folder}-ours`, `${folder}-theirs`];
  await dfs('-get', ours, a);
  await dfs('-get', theirs, b);
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const select = (pattern: string): string =>
    `SELECT epoch_ms(ts::TIMESTAMP) AS ts, user_id, session_id, event, url, country, device, amount FROM read_parquet('${pattern}', hive_partitioning = false)`;
  const [left, right] = [select(`${a}/dt=*/hr=*/*.parquet`), select(`${b}/day=*/hour=*/*.parquet`)];
  const reader = await connection.runAndReadAll(
    `SELECT (SELECT count(*) FROM (${left} EXCEPT ALL ${right})) + (SELECT count(*) FROM (${right} EXCEPT ALL ${left}))`,
  );
  rmSync(a, { recursive: true, force: true });
  rmSync(b, { recursive: true, force: true });
  connection.closeSync();
  return Number(reader.getRows()[0]![0]);
}

/** The rows as the table of docs/benchmarks.md. */
export function loaderTable(rows: readonly LoaderRow[]): string {
  return [
    '| load to HDFS | Sluice rows/s | peak MiB | Spark rows/s | peak MiB | ratio | rows that differ |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.events.toLocaleString('en-US')} events | ${row.sluiceRowsPerSecond.toLocaleString('en-US')} | ${row.sluicePeakMib} ` +
        `| ${row.sparkRowsPerSecond.toLocaleString('en-US')} | ${row.sparkPeakMib} | ${(row.sluiceRowsPerSecond / row.sparkRowsPerSecond).toFixed(2)}x | ${row.differences} |`,
    ),
    '',
  ].join('\n');
}
