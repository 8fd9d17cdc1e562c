import { kafkaTool, type PeerKafka, startKafka } from '../test/support/peers.ts';
import { median, startOurBroker } from './support.ts';

/** One way of running the same load: our broker, Apache Kafka as it comes, Apache Kafka that syncs every record batch. */
type System = 'sluice' | 'kafka' | 'kafka-sync';

export interface BrokerRow {
  what: 'produce acks=all' | 'produce acks=1' | 'consume';
  recordSize: number;
  partitions: number;
  /** Median records per second of each system; null: not measured. */
  rates: Record<System, number | null>;
}

export interface BrokerBenchOptions {
  runs: number;
  /** Scales the number of records; 1 for figures to publish. */
  scale: number;
  log: (line: string) => void;
}

const shapes = [
  { recordSize: 100, partitions: 1, records: 2_000_000 },
  { recordSize: 100, partitions: 8, records: 2_000_000 },
  { recordSize: 1000, partitions: 1, records: 400_000 },
  { recordSize: 1000, partitions: 8, records: 400_000 },
];

/**
 * Apache Kafka's own perf tools (their defaults, idempotence on) against both brokers, in turn within the same minutes.
 * One broker process runs at a time, so that the two cores belong to it and the tool.
 */
export async function benchBroker(options: BrokerBenchOptions): Promise<BrokerRow[]> {
  const samples = new Map<string, number[]>();
  const record = (key: string, rate: number): void => void samples.set(key, [...(samples.get(key) ?? []), rate]);
  for (let run = 1; run <= options.runs; run++) {
    for (const shape of shapes) {
      for (const system of ['sluice', 'kafka'] as const) {
        await measureSystem(system, shape, run, options, record);
      }
    }
  }
  const rate = (...parts: unknown[]): number | null => {
    const values = samples.get(parts.join(' '));
    return values ? median(values) : null;
  };
  return (['produce acks=all', 'produce acks=1', 'consume'] as const).flatMap((what) =>
    shapes.map(({ recordSize, partitions }) => ({
      what,
      recordSize,
      partitions,
      rates: {
        sluice: rate('sluice', what, recordSize, partitions),
        kafka: rate('kafka', what, recordSize, partitions),
        'kafka-sync': rate('kafka-sync', what, recordSize, partitions),
      },
    })),
  );
}

async function measureSystem(
  system: 'sluice' | 'kafka',
  shape: (typeof shapes)[number],
  run: number,
  options: BrokerBenchOptions,
  record: (key: string, rate: number) => void,
): Promise<void> {
  const { recordSize, partitions } = shape;
  const records = Math.round(shape.records * options.scale);
  const broker = system === 'sluice' ? await startOurBroker(partitions) : await startKafkaPeer();
  try {
    const at = broker.bootstrap;
    const note = async (name: System, what: string, measure: Promise<number>): Promise<void> => {
      const rate = await measure;
      record([name, what, recordSize, partitions].join(' '), rate);
      options.log(
        `run ${run}  ${name.padEnd(10)}  ${what.padEnd(16)}  ${recordSize} B  ${partitions} p  ${Math.round(rate).toLocaleString('en-US')} rec/s`,
      );
    };
    await createTopic(at, 'warm', partitions);
    await produce(at, 'warm', Math.round(records / 8), recordSize, 'all');
    await createTopic(at, 'all', partitions);
    await note(system, 'produce acks=all', produce(at, 'all', records, recordSize, 'all'));
    await createTopic(at, 'one', partitions);
    await note(system, 'produce acks=1', produce(at, 'one', records, recordSize, '1'));
    await note(system, 'consume', consume(at, 'all', records));
    if (system === 'kafka') {
      await createTopic(at, 'sync', partitions, ['--config', 'flush.messages=1']);
      await note('kafka-sync', 'produce acks=all', produce(at, 'sync', Math.round(records / 4), recordSize, 'all'));
    }
  } finally {
    await broker.stop();
  }
}

async function startKafkaPeer(): Promise<Pick<PeerKafka, 'bootstrap' | 'stop'>> {
  return startKafka({ heap: '1g' });
}

async function createTopic(at: string, topic: string, partitions: number, extra: string[] = []): Promise<void> {
  await kafkaTool('topics', [
    '--bootstrap-server',
    at,
    '--create',
    '--topic',
    topic,
    '--partitions',
    String(partitions),
    '--replication-factor',
    '1',
    ...extra,
  ]);
}

/** Records per second of the whole run, as the tool's closing line says it. */
async function produce(
  at: string,
  topic: string,
  records: number,
  recordSize: number,
  acks: 'all' | '1',
): Promise<number> {
  const output = await kafkaTool('producer-perf-test', [
    '--topic',
    topic,
    '--num-records',
    String(records),
    '--record-size',
    String(recordSize),
    '--throughput',
    '-1',
    '--producer-props',
    `bootstrap.servers=${at}`,
    `acks=${acks}`,
    ...(acks === 'all' ? [] : ['enable.idempotence=false']),
  ]);
  const closing = output
    .trim()
    .split('\n')
    .findLast((line) => line.includes('records sent') && line.includes('50th'));
  const match = closing && /(\d+) records sent, ([\d.]+) records\/sec/.exec(closing);
  if (!match || Number(match[1]) !== records)
    throw new Error(`expected ${records} records sent, the tool said:\n${output}`);
  return Number(match[2]);
}

/** Records per second while fetching (the tool's `fetch.nMsg.sec`, without the time the group needs to start). */
async function consume(at: string, topic: string, records: number): Promise<number> {
  const output = await kafkaTool('consumer-perf-test', [
    '--bootstrap-server',
    at,
    '--topic',
    topic,
    '--messages',
    String(records),
    '--timeout',
    '60000',
  ]);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()));
  const header = lines.find((line) => line[0] === 'start.time');
  const values = lines.findLast((line) => line.length === header?.length && line !== header);
  const column = (name: string): number => Number(values?.[header?.indexOf(name) ?? -1]);
  if (!(column('data.consumed.in.nMsg') >= records))
    throw new Error(`expected ${records} records, the tool said:\n${output}`);
  return column('fetch.nMsg.sec');
}

/** The rows as the table of docs/benchmarks.md. */
export function brokerTable(rows: readonly BrokerRow[]): string {
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
