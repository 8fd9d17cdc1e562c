import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { parseInteger } from '../src/cli/arguments.ts';
import { benchBroker, brokerTable } from './broker-bench.ts';
import { benchConsole, consoleTable } from './console-bench.ts';
import { benchIngest, ingestTable } from './ingest-bench.ts';
import { benchLoader, loaderTable } from './loader-bench.ts';
import { replaceSection } from './replace-section.ts';
import { benchRules, rulesTable } from './rules-bench.ts';

const page = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const options = new Command('bench')
  .description(
    'Sluice side by side with the real peers, as ratios; each part that was run takes its section of docs/benchmarks.md.',
  )
  .addOption(new Option('--only <part>', 'one part').choices(['broker', 'loader', 'ingest', 'console', 'rules']))
  .option('--runs <n>', 'runs of each broker measurement; the median counts', parseInteger(1, 20), 1)
  .option('--quick', 'a tenth of the records, nothing written: does it still run?')
  .option('--workers <n>', 'loader workers', parseInteger(1, 16), 2)
  .parse()
  .opts<{ only?: string; runs: number; quick?: boolean; workers: number }>();

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const scale = options.quick ? 0.1 : 1;

/** A section of the page. */
interface Part {
  name: string;
  title: string;
  /** Measures, and says so in a table. */
  run: () => Promise<string>;
  how: string;
}

const parts: Part[] = [
  {
    name: 'broker',
    title: 'Broker',
    run: async () => brokerTable(await benchBroker({ runs: options.runs, scale, log })),
    how: `Apache Kafka's own \`kafka-producer-perf-test\` and \`kafka-consumer-perf-test\` with their defaults, against our broker
and a real Apache Kafka 4.x (KRaft, one node, 1 GiB heap), one broker running at a time, in turn; ${options.runs} run(s) of each, median. Our \`acks=all\` is answered
after \`fdatasync\`. "Kafka" is Apache Kafka as it comes: its \`acks=all\` on one node is not synced to disk. "Kafka syncing" has
\`flush.messages=1\`, which makes the same promise as ours. Produce: the tool's closing line, acks=1 without idempotence.
Consume: the tool's \`fetch.nMsg.sec\`.`,
  },
  {
    name: 'loader',
    title: 'Loader',
    run: async () => {
      const eventCounts = options.quick ? [200_000] : [2_000_000, 8_000_000];
      return loaderTable(await benchLoader({ eventCounts, workers: options.workers, log }));
    },
    how: `The events of \`test/peers/bench/events.py\` (about 250 bytes of JSON) in a topic of eight partitions on Apache Kafka, into
Parquet (zstd) on a real HDFS of one NameNode and one DataNode. Ours: \`sluice load --until-end --workers ${options.workers}\`, from the
start of the process to its end. Spark: Structured Streaming, \`availableNow\`, \`local[2]\`, tuned (larger polls, no
400 ms sleep on closing files), counted from the ready session on (its start-up is left out). Peak memory is the largest resident size of the process. Both
outputs are copied off HDFS and compared with \`EXCEPT ALL\` in both directions.`,
  },
  {
    name: 'ingest',
    title: 'Events in',
    run: async () => ingestTable(await benchIngest({ scale, log })),
    how: `Events of the simulated game (about 250 bytes) through \`sluice ingest http\` into a topic of four partitions of our broker; a request counts when its
answer is there, which is when its events are synced. Load generator, server and broker are three processes on this machine's cores.`,
  },
  {
    name: 'console',
    title: 'Console',
    run: async () => {
      const size = { seconds: options.quick ? 5 : 20, dashboards: options.quick ? 50 : 500 };
      return consoleTable(await benchConsole({ ...size, log }));
    },
    how: `A Kafka client as fast as it may (acks=all, one connection) and HTTP ingest by four connections (200 events a request) into one topic of our
broker, while so many dashboards hold open the console's stream of one tick a second. Delay: from the making of a tick to its arrival.
Broker, console, ingest and the one process that is client, poster and all dashboards share this machine's cores.`,
  },
  {
    name: 'rules',
    title: 'Rules',
    run: async () => rulesTable(await benchRules({ scale, log })),
    how: `The program of \`bench/rules-program.ts\`: 20 rules with sequences, counts, what does not happen, sliding and tumbling windows, per user, country and page; the
single rule is one of them (a cart that is not paid within the hour). Events are those of 100,000 users, half of them made by a tenth of the users, 1,000 a second of event
time; an event meets conditions of 0.9 rules on the average. "A rule for each country" is one rule written 20 times, of which an event meets conditions of 0.15. "One core": events by the second of processor time that the process used that finds the matches, with all its
threads; the broker is another process. Decoded columns: batches of 10,000 rows in turn, after as many as half of them for warming up. From the log: about 170 bytes of JSON an event, from asking
the broker to the last match. From the table: the same events as Parquet (zstd) on the local disk, read by DuckDB. Load: of the whole machine at the end of the measurement.`,
  },
];

for (const { name, title, run, how } of parts) {
  if (options.only !== undefined && options.only !== name) continue;
  const table = await run();
  process.stdout.write(`${table}\n`);
  if (options.quick) continue;
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const text = `${table}\n${how}\n\nMeasured on ${date}, on ${machine}; load of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`;
  writeFileSync(page, replaceSection(readFileSync(page, 'utf8'), title, text));
}
