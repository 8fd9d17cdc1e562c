import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { SocialGame } from '../src/cli/demo/social-game.ts';
import { KafkaCluster } from '../src/wire/client/index.ts';
import { runSluice, startOurBroker } from './support.ts';

export interface IngestRow {
  what: string;
  events: number;
  eventsPerSecond: number;
  /** Latency of a request, ms; null where there are no requests. */
  p50Ms: number | null;
  p99Ms: number | null;
}

const cli = fileURLToPath(new URL('../bin/sluice', import.meta.url));
const partitions = 4;
/** No row takes longer: on a slow machine it sends less. */
const rowMs = 15_000;

interface Door {
  what: string;
  type: 'application/json' | 'application/x-ndjson';
  /** Events of one request. */
  batch: number;
  /** Requests at most. */
  requests: number;
  connections: number;
  isGzip?: boolean;
  /** Each request with an idempotency key of its own. */
  isKeyed?: boolean;
}

const json = 'application/json';
const ndjson = 'application/x-ndjson';
const doors: readonly Door[] = [
  { what: 'HTTP, one JSON event, 64 connections', type: json, batch: 1, requests: 40_000, connections: 64 },
  { what: 'HTTP, JSON array of 100, 16 connections', type: json, batch: 100, requests: 6000, connections: 16 },
  {
    ...{ what: 'the same with idempotency keys', type: json, batch: 100, requests: 1000, connections: 16 },
    isKeyed: true,
  },
  { what: 'HTTP, NDJSON of 5,000, 4 connections', type: ndjson, batch: 5000, requests: 300, connections: 4 },
  { what: 'the same with gzip', type: ndjson, batch: 5000, requests: 300, connections: 4, isGzip: true },
];

/** Events per second through each door, acknowledged: broker, server and client are three processes of one machine. */
export async function benchIngest(options: { scale: number; log: (line: string) => void }): Promise<IngestRow[]> {
  const { scale, log } = options;
  const values = gameEvents(20_000);
  const broker = await startOurBroker(partitions);
  const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'bench' });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ingest-bench-'));
  const server = await startIngest(broker.bootstrap);
  const rows: IngestRow[] = [];
  try {
    for (const [index, door] of doors.entries()) {
      const topic = `http-${index}`;
      await cluster.createTopics([{ name: topic, partitions }]);
      log(`ingest: ${door.what}`);
      const count = Math.max(door.connections, Math.round(door.requests * scale));
      const url = `${server.url}/topics/${topic}/events`;
      rows.push({ what: door.what, ...(await postAll({ ...door, url, values, count })) });
    }
    log('ingest: tail');
    await cluster.createTopics([{ name: 'tail', partitions }]);
    rows.push(await tailAll(broker.bootstrap, folder, values, Math.max(1, Math.round(50 * scale))));
  } finally {
    await server.stop();
    await cluster.close();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

export function ingestTable(rows: readonly IngestRow[]): string {
  if (rows.length === 0) return '';
  const ms = (value: number | null): string => (value === null ? '' : value.toFixed(1));
  return [
    '| events in, acknowledged | events | events/s | p50 ms | p99 ms |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ what, events, eventsPerSecond, p50Ms, p99Ms }) =>
        `| ${what} | ${events.toLocaleString('en-US')} | ${Math.round(eventsPerSecond).toLocaleString('en-US')} | ${ms(p50Ms)} | ${ms(p99Ms)} |`,
    ),
    '',
  ].join('\n');
}

/** Events of the simulated game, about 250 bytes each. */
function gameEvents(count: number): string[] {
  const game = new SocialGame({ seed: 1, eventsPerSecond: 1000 });
  const values: string[] = [];
  for (let fromMs = Date.UTC(2026, 10, 1, 20); values.length < count; fromMs += 1000) {
    values.push(...game.advance(fromMs, fromMs + 1000).map(({ value }) => value));
  }
  return values.slice(0, count);
}

interface PostLoad extends Door {
  url: string;
  values: readonly string[];
  /** Requests. */
  count: number;
}

async function postAll(load: PostLoad): Promise<Omit<IngestRow, 'what'>> {
  const { batch, count, connections, isKeyed } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const bodies = bodiesOf(load);
  const latencies: number[] = [];
  const startedMs = performance.now();
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count && performance.now() - startedMs < rowMs) {
      const number = next++;
      const sentMs = performance.now();
      await postOne(agent, load, bodies[number % bodies.length]!, isKeyed ? { 'idempotency-key': `${number}` } : {});
      latencies.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const seconds = (performance.now() - startedMs) / 1000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]!;
  const events = latencies.length * batch;
  return { events, eventsPerSecond: events / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Made beforehand, so that the load generator only sends. */
function bodiesOf({ values, batch, type, isGzip }: PostLoad): Buffer[] {
  return Array.from({ length: Math.max(1, Math.floor(values.length / batch)) }, (_, i) => {
    const events = values.slice(i * batch, (i + 1) * batch);
    const text = type === ndjson ? events.join('\n') : batch === 1 ? events[0]! : `[${events.join(',')}]`;
    return isGzip ? gzipSync(text) : Buffer.from(text);
  });
}

function postOne(agent: Agent, load: PostLoad, body: Buffer, more: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const encoding = load.isGzip ? { 'content-encoding': 'gzip' } : {};
    const headers = { 'content-type': load.type, 'content-length': body.length, ...encoding, ...more };
    request(`${load.url}?results=none`, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`expected 200, got ${response.statusCode}`));
      });
    })
      .once('error', reject)
      .end(body);
  });
}

async function tailAll(
  bootstrap: string,
  folder: string,
  values: readonly string[],
  times: number,
): Promise<IngestRow> {
  const path = join(folder, 'app.log');
  const lines = `${values.join('\n')}\n`;
  for (let i = 0; i < times; i++) writeFileSync(path, lines, { flag: 'a' });
  const args = [
    'tail',
    path,
    '--topic',
    'tail',
    '--brokers',
    bootstrap,
    '--state',
    join(folder, 'state'),
    '--until-end',
  ];
  const { elapsedMs } = await runSluice(args);
  const events = values.length * times;
  const eventsPerSecond = (events * 1000) / elapsedMs;
  return { what: 'sluice tail, from the start of the process', events, eventsPerSecond, p50Ms: null, p99Ms: null };
}

async function startIngest(bootstrap: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const args = [cli, 'ingest', 'http', '--brokers', bootstrap, '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = /ready http=(\S+)/.exec(output);
      if (match) resolve(match[1]!);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code} before it was ready`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  return { url, stop };
}
