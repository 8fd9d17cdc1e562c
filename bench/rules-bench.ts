import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { backtestRules, runRules } from '../src/online/index.ts';
import { parseRules } from '../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../src/online/rules/rule-engine.ts';
import { silentLogger, systemClock } from '../src/shared/index.ts';
import { openWarehouse } from '../src/warehouse/index.ts';
import { KafkaCluster, ProducerClient } from '../src/wire/client/index.ts';
import { columnBatches, countryRules, gameEvents, oneRule, twentyRules } from './rules-program.ts';
import { runSluice, startOurBroker } from './support.ts';

export interface RulesRow {
  what: string;
  rules: number;
  partitions: number;
  events: number;
  matches: number;
  /** Per second of processor time of the process that finds the matches, all of its threads. */
  eventsPerCpuSecond: number;
  eventsPerSecond: number;
  /** Of the machine, in the minute before the end. */
  load: number;
}

const users = 100_000;
const logPartitions = 4;
const programs = [oneRule, twentyRules];
const topic = 'events';

/** What rules reach on decoded columns, from the log of our broker, and from a table. */
export async function benchRules(options: { scale: number; log: (line: string) => void }): Promise<RulesRow[]> {
  const { scale, log } = options;
  const rows: RulesRow[] = [];
  for (const partitions of [1, 8]) {
    log(`rules: decoded columns of ${partitions} partitions`);
    const batches = columnBatches(gameEvents(users, 1), {
      count: Math.round(6_000_000 * scale),
      batchRows: 10_000,
      partitions,
    });
    for (const program of programs) rows.push(onColumns(program, partitions, batches));
    rows.push({ ...onColumns(countryRules, partitions, batches), what: 'on decoded columns, a rule for each country' });
  }
  const broker = await startOurBroker(logPartitions);
  const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'bench' });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rules-bench-'));
  const url = `file://${join(folder, 'warehouse')}`;
  try {
    log('rules: filling the log');
    await fill(cluster, Math.round(1_000_000 * scale));
    for (const program of programs) {
      log(`rules: ${parseRules(program).length} from the log`);
      rows.push(await fromLog(cluster, program));
    }
    log('rules: loading the table');
    await runSluice(['load', '--brokers', broker.bootstrap, '--topics', topic, '--warehouse', url, '--until-end']);
    for (const program of programs) {
      log(`rules: ${parseRules(program).length} from the table`);
      rows.push(await fromTable(url, program));
    }
  } finally {
    await cluster.close();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

/** The rows as the table of docs/benchmarks.md. */
export function rulesTable(rows: readonly RulesRow[]): string {
  const number = (value: number): string => Math.round(value).toLocaleString('en-US');
  return [
    '| rules find matches | rules | partitions | events | matches | events/s of one core | events/s | load |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.what} | ${row.rules} | ${row.partitions} | ${number(row.events)} | ${number(row.matches)} | ${number(row.eventsPerCpuSecond)} ` +
        `| ${number(row.eventsPerSecond)} | ${row.load.toFixed(1)} |`,
    ),
    '',
  ].join('\n');
}

/** The first third makes it warm and is not counted. */
function onColumns(program: string, partitions: number, batches: ReturnType<typeof columnBatches>): RulesRow {
  const rules = parseRules(program);
  const engine = new RuleEngine(rules, program);
  for (let partition = 0; partition < partitions; partition++) engine.assign(topic, partition, 0n);
  const start = Math.floor(batches.length / 3);
  let matches = 0;
  const take = (from: number, to: number): void => {
    for (const batch of batches.slice(from, to)) {
      engine.push(batch);
      matches += engine.takeMatches().length;
    }
  };
  take(0, start);
  const meter = startMeter();
  take(start, batches.length);
  const events = batches.slice(start).reduce((sum, { count }) => sum + count, 0);
  const measured = meter(events);
  return { what: 'on decoded columns', rules: rules.length, partitions, events, matches, ...measured };
}

async function fill(cluster: KafkaCluster, count: number): Promise<void> {
  await cluster.createTopics([{ name: topic, partitions: logPartitions }]);
  const producer = new ProducerClient({ cluster });
  const events = gameEvents(users, 1);
  for (let i = 0; i < count; i++) {
    const event = events.next().value;
    const record = { key: event.user_id, value: JSON.stringify(event) };
    await producer.send(topic, record);
  }
  await producer.close();
}

async function fromLog(cluster: KafkaCluster, program: string): Promise<RulesRow> {
  let matches = 0;
  const meter = startMeter();
  const report = await runRules({
    ...{ program, cluster, topics: [topic], typeField: 'type', timeField: 'ts', from: 'beginning', untilEnd: true },
    ...{ history: null, idleMs: 10_000, stateFolder: null, checkpointEveryMs: 1000, redisUrl: null },
    onMatch: () => matches++,
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  const measured = meter(report.events);
  const rules = parseRules(program).length;
  return { what: 'from the log', rules, partitions: logPartitions, events: report.events, matches, ...measured };
}

async function fromTable(url: string, program: string): Promise<RulesRow> {
  const files = await openWarehouse(url, { access: 'read' });
  let matches = 0;
  const meter = startMeter();
  const report = await backtestRules({
    ...{ program, files, table: topic, typeField: 'type', timeField: 'ts' },
    onMatch: () => matches++,
    signal: new AbortController().signal,
  });
  const measured = meter(report.events);
  await files.close();
  const rules = parseRules(program).length;
  return { what: 'from the table', rules, partitions: logPartitions, events: report.events, matches, ...measured };
}

function startMeter(): (events: number) => Pick<RulesRow, 'eventsPerCpuSecond' | 'eventsPerSecond' | 'load'> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  return (events) => {
    const { user, system } = process.cpuUsage(before);
    return {
      eventsPerCpuSecond: (events * 1e6) / (user + system),
      eventsPerSecond: (events * 1000) / (performance.now() - startedMs),
      load: loadavg()[0]!,
    };
  };
}
