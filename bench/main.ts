import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { parseInteger } from '../src/cli/arguments.ts';
import { type BrokerRow, benchBroker } from './broker-bench.ts';
import { benchConsole, consoleTable } from './console-bench.ts';
import { benchIngest, ingestTable } from './ingest-bench.ts';
import { benchLoader, type LoaderRow } from './loader-bench.ts';

const output = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const options = new Command('bench')
  .description('Sluice side by side with the real peers, as ratios.')
  .option('--only <part>', 'broker, loader, ingest or console')
  .option('--runs <n>', 'runs of each broker measurement; the median counts', parseInteger(1, 20), 1)
  .option('--quick', 'a tenth of the records, nothing written: does it still run?')
  .option('--workers <n>', 'loader workers', parseInteger(1, 16), 2)
  .parse()
  .opts<{ only?: string; runs: number; quick?: boolean; workers: number }>();

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const scale = options.quick ? 0.1 : 1;
const isAsked = (part: string): boolean => options.only === undefined || options.only === part;
const brokerRows = isAsked('broker') ? await benchBroker({ runs: options.runs, scale, log }) : [];
const loaderRows = !isAsked('loader')
  ? []
  : await benchLoader({
      eventCounts: options.quick ? [200_000] : [2_000_000, 8_000_000],
      workers: options.workers,
      log,
    });
const ingestRows = isAsked('ingest') ? await benchIngest({ scale, log }) : [];
const consoleRows = isAsked('console')
  ? await benchConsole({ seconds: options.quick ? 5 : 20, dashboards: options.quick ? 50 : 500, log })
  : [];

const tables = [brokerTable(brokerRows), loaderTable(loaderRows), ingestTable(ingestRows), consoleTable(consoleRows)]
  .filter((table) => table !== '')
  .join('\n');
process.stdout.write(`${tables}\n`);
if (!options.quick && !options.only) writeFileSync(output, page());

function brokerTable(rows: BrokerRow[]): string {
  if (rows.length === 0) return '';
  const number = (rate: number | null): string => (rate === null ? '' : Math.round(rate).toLocaleString('en-US'));
  const ratio = (a: number | null, b: number | null): string =>
    a === null || b === null ? '' : `${(a / b).toFixed(2)}x`;
  return [
    '| Apache Kafka perf tools | record | partitions | Sluice rec/s | Kafka rec/s | ratio | Kafka syncing rec/s | ratio |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(
      ({ what, recordSize, partitions, rates }) =>
        `| ${what} | ${recordSize} B | ${partitions} | ${number(rates.sluice)} | ${number(rates.kafka)} | ${ratio(rates.sluice, rates.kafka)} ` +
        `| ${number(rates['kafka-sync'])} | ${ratio(rates.sluice, rates['kafka-sync'])} |`,
    ),
    '',
  ].join('\n');
}

function loaderTable(rows: LoaderRow[]): string {
  if (rows.length === 0) return '';
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

function page(): string {
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  return `# Benchmarks

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}, on ${machine}. Load generator and server share the
machine, which is a noisy virtual one: read the ratios, not the absolute figures. ${options.runs} run(s) of each broker measurement, median.

${tables}
## How it was measured

* **Broker.** Apache Kafka's own \`kafka-producer-perf-test\` and \`kafka-consumer-perf-test\` with their defaults, against our broker
  and a real Apache Kafka 4.x (KRaft, one node, 1 GiB heap), one broker running at a time, in turn. Our \`acks=all\` is answered
  after \`fdatasync\`. "Kafka" is Apache Kafka as it comes: its \`acks=all\` on one node is not synced to disk. "Kafka syncing" has
  \`flush.messages=1\`, which makes the same promise as ours. Produce: the tool's closing line, acks=1 without idempotence.
  Consume: the tool's \`fetch.nMsg.sec\`.
* **Loader.** The events of \`test/peers/bench/events.py\` (about 250 bytes of JSON) in a topic of eight partitions on Apache Kafka, into
  Parquet (zstd) on a real HDFS of one NameNode and one DataNode. Ours: \`sluice load --until-end --workers ${options.workers}\`, from the
  start of the process to its end. Spark: Structured Streaming, \`availableNow\`, \`local[2]\`, tuned (larger polls, no
  400 ms sleep on closing files), counted from the ready session on (its start-up is left out). Peak memory is the largest resident size of the process. Both
  outputs are copied off HDFS and compared with \`EXCEPT ALL\` in both directions.
* **Events in.** Events of the simulated game (about 250 bytes) through \`sluice ingest http\` into a topic of four partitions of our broker; a request counts when its
  answer is there, which is when its events are synced. Load generator, server and broker are three processes on this machine's cores.
* **Console.** A Kafka client as fast as it may (acks=all, one connection) and HTTP ingest by four connections (200 events a request) into one topic of our
  broker, while so many dashboards hold open the console's stream of one tick a second. Delay: from the making of a tick to its arrival.
  Broker, console, ingest and the one process that is client, poster and all dashboards share this machine's cores.
`;
}
