import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runTail } from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { createTopics, json, kafkaAt, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { type LogLine, parseLine } from './log-line.ts';

/** What the shipper makes of a line. */
interface ShippedLine {
  file: string;
  message: string;
}

export interface LogReport {
  /** Lines sent, and lines sent by a second start that found nothing new. */
  shipped: number[];
  /** Lines by host and level. */
  counts: Record<string, Record<LogLine['level'], number>>;
  /** What was not understood, as it came. */
  strange: string[];
  /** Requests with an error, each told from the beginning by all who took part, in order of time. */
  stories: Map<string, LogLine[]>;
}

/** Lines go into the log as they are; what they mean is found out behind it, and can be found out anew at any time. */
export async function aggregateLogs(brokers: string[], folder: string, show: Show): Promise<LogReport> {
  const kafka = kafkaAt(brokers, 'logs');
  await createTopics(kafka, { 'logs.raw': { partitions: 3 }, logs: { partitions: 3 }, 'logs.strange': {} });
  const state = await mkdtemp(join(tmpdir(), 'sluice-example-'));
  const shipped = [await ship(brokers, folder, state), await ship(brokers, folder, state)];
  await rm(state, { recursive: true });
  show.log(`${shipped[0]} lines shipped to "logs.raw"; started again, the shipper sent ${shipped[1]} more`);
  await understand(brokers);

  const lines: LogLine[] = [];
  const strange: string[] = [];
  await readToEnd(kafka, { topic: 'logs', eachMessage: ({ message }) => void lines.push(json<LogLine>(message)) });
  await readToEnd(kafka, {
    topic: 'logs.strange',
    eachMessage: ({ message }) => void strange.push(`${message.key}: ${message.value}`),
  });
  const counts = countsOf(lines);
  show.table(counts);
  for (const line of strange) show.log(`not understood: ${line}`);
  const stories = storiesOf(lines);
  for (const [request, story] of stories) {
    show.log(`\nRequest ${request}, which did not end well:`);
    for (const { at, host, level, message } of story) {
      show.log(`  ${at.slice(11, 23)}  ${host.padEnd(10)}  ${level.padEnd(5)}  ${message.split('\n')[0]}`);
    }
  }
  return { shipped, counts, strange, stories };
}

/** As `sluice tail logs/* --topic logs.raw --wrap --until-end`: each line once, however often this is started. */
async function ship(brokers: string[], folder: string, stateFolder: string): Promise<number> {
  const cluster = new KafkaCluster({ brokers, clientId: 'shipper', logger: silentLogger });
  try {
    const { records } = await runTail({
      ...{ cluster, topic: 'logs.raw', patterns: [join(folder, '*')], stateFolder, wrap: true },
      ...{ fromEnd: false, untilEnd: true, pollMs: 100, rotateWaitMs: 1000, saveEveryMs: 1000 },
      ...{ compression: 'none', batchBytes: 64 * 1024, maxLineBytes: 1024 * 1024 },
      ...{ metrics: null, clock: systemClock, logger: silentLogger, signal: new AbortController().signal },
    });
    return records;
  } finally {
    await cluster.close();
  }
}

/** Raw lines to lines in one shape, keyed by request; what cannot be read goes to a topic where somebody will look. */
async function understand(brokers: string[]): Promise<void> {
  const kafka = kafkaAt(brokers, 'understand');
  const producer = kafka.producer();
  await producer.connect();
  await readToEnd(kafka, {
    groupId: 'understand',
    topic: 'logs.raw',
    eachMessage: async ({ message }) => {
      const shipped = json<ShippedLine>(message);
      const file = basename(shipped.file);
      const line = parseLine(file, shipped.message);
      await producer.send(
        line
          ? { topic: 'logs', messages: [{ key: line.request ?? file, value: JSON.stringify(line) }] }
          : { topic: 'logs.strange', messages: [{ key: file, value: shipped.message }] },
      );
    },
  });
  await producer.disconnect();
}

function countsOf(lines: readonly LogLine[]): LogReport['counts'] {
  const counts: LogReport['counts'] = {};
  for (const { host, level } of [...lines].sort((a, b) => a.host.localeCompare(b.host))) {
    counts[host] ??= { error: 0, warn: 0, info: 0 };
    counts[host][level]++;
  }
  return counts;
}

function storiesOf(lines: readonly LogLine[]): Map<string, LogLine[]> {
  const failed = new Set(lines.filter(({ level }) => level === 'error').map(({ request }) => request));
  const stories = new Map<string, LogLine[]>();
  for (const line of [...lines].sort((a, b) => a.at.localeCompare(b.at))) {
    if (line.request === null || !failed.has(line.request)) continue;
    stories.set(line.request, [...(stories.get(line.request) ?? []), line]);
  }
  return stories;
}
