import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SocialGame } from '../src/cli/demo/social-game.ts';
import { silentLogger } from '../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../src/wire/client/index.ts';
import { startOurBroker } from './support.ts';

export interface ConsoleRow {
  what: 'producing alone' | 'and HTTP ingest' | 'and open dashboards';
  dashboards: number;
  /** Events a second: of the Kafka client, and over HTTP. */
  producedPerSecond: number;
  postedPerSecond: number;
  /** Ticks that all dashboards got together, those that were left out for readers that were too slow, and what the worst off got a second. */
  deliveredTicks: number | null;
  lostTicks: number | null;
  fewestTicksPerSecond: number | null;
  /** How late they came, ms. */
  delayP50Ms: number | null;
  delayP99Ms: number | null;
  /** Of the console's process: share of one core, and what it holds in memory. */
  consoleCores: number | null;
  consoleMib: number | null;
}

export interface ConsoleBenchOptions {
  /** Of each of the three measurements. */
  seconds: number;
  dashboards: number;
  log: (line: string) => void;
}

const cli = fileURLToPath(new URL('../bin/sluice', import.meta.url));
const eventsPerPost = 200;
const postsAtOnce = 4;
const sendsAtOnce = 500;
const maxUnderWay = 20_000;
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a Kafka client and HTTP ingest reach, alone, together, and while dashboards are open; and what these get to see. */
export async function benchConsole(options: ConsoleBenchOptions): Promise<ConsoleRow[]> {
  const { dashboards, seconds, log } = options;
  const broker = await startOurBroker(4);
  const warehouse = mkdtempSync(join(tmpdir(), 'sluice-bench-warehouse-'));
  const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'bench', logger: silentLogger });
  await cluster.createTopics([{ name: 'events', partitions: 4 }]);
  const children: Child[] = [];
  try {
    const ingest = await startChild(
      ['ingest', 'http', '--brokers', broker.bootstrap, '--listen', '127.0.0.1:0'],
      'http',
    );
    children.push(ingest);
    const where = ['--brokers', broker.bootstrap, '--warehouse', `file://${warehouse}`, '--listen', '127.0.0.1:0'];
    const served = await startChild(['console', ...where], 'console');
    children.push(served);
    const load = new Load(cluster, ingest.url);
    const rows: ConsoleRow[] = [];
    for (const what of ['producing alone', 'and HTTP ingest', 'and open dashboards'] as const) {
      log(`console: ${what}, ${seconds} s`);
      const watchers = what === 'and open dashboards' ? await openDashboards(served.url, dashboards) : [];
      const before = usageOf(served.process);
      const rates = await load.run(seconds, what !== 'producing alone');
      const row = { what, dashboards: watchers.length, ...rates, ...seen(watchers, seconds) };
      rows.push({ ...row, ...(watchers.length > 0 ? used(before, usageOf(served.process), seconds) : nothingUsed) });
      for (const { close } of watchers) close();
    }
    return rows;
  } finally {
    for (const child of children) child.process.kill('SIGTERM');
    await cluster.close();
    await broker.stop();
    rmSync(warehouse, { recursive: true, force: true });
  }
}

interface Child {
  process: ChildProcess;
  url: string;
}

/** A command of the built product, once it has said where it listens. */
async function startChild(args: string[], word: string): Promise<Child> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`sluice ${args[0]} ended with ${code}: ${said}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const match = new RegExp(`^ready .*\\b${word}=(\\S+)`, 'm').exec(said);
      if (match) resolve(match[1]!);
    });
  });
  return { process: child, url };
}

/** Events of the game, through the Kafka client as fast as it takes them, and over HTTP by a few connections. */
class Load {
  readonly #cluster: KafkaCluster;
  readonly #ingestUrl: string;
  readonly #values: string[];

  constructor(cluster: KafkaCluster, ingestUrl: string) {
    this.#cluster = cluster;
    this.#ingestUrl = ingestUrl;
    const nowMs = Date.now();
    const game = new SocialGame({ seed: 7, eventsPerSecond: 1000 });
    this.#values = game.advance(nowMs - 10_000, nowMs).map(({ value }) => value);
  }

  async run(seconds: number, withHttp: boolean): Promise<{ producedPerSecond: number; postedPerSecond: number }> {
    const endMs = performance.now() + seconds * 1000;
    const posting = withHttp
      ? Promise.all(Array.from({ length: postsAtOnce }, () => this.#post(endMs)))
      : Promise.resolve([]);
    const [produced, posted] = await Promise.all([this.#produce(endMs), posting]);
    const rate = (count: number): number => Math.round(count / seconds);
    return { producedPerSecond: rate(produced), postedPerSecond: rate(posted.reduce((sum, count) => sum + count, 0)) };
  }

  async #produce(endMs: number): Promise<number> {
    const producer = new ProducerClient({ cluster: this.#cluster, acks: 'all', lingerMs: 5, idempotent: true });
    let delivered = 0;
    for (let i = 0; performance.now() < endMs; i++) {
      const value = this.#values[i % this.#values.length]!;
      await producer.send('events', { key: null, value }, { onDelivered: () => void delivered++ });
      // Answers need their turn, and what is under way should be what a second takes, not all of the memory.
      while (i % sendsAtOnce === 0 && i - delivered > maxUnderWay && performance.now() < endMs) await breathe();
      if (i % sendsAtOnce === 0) await breathe();
    }
    const count = delivered;
    await producer.close();
    return count;
  }

  async #post(endMs: number): Promise<number> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = this.#values.slice(0, eventsPerPost).join('\n');
    let count = 0;
    while (performance.now() < endMs) {
      await post(`${this.#ingestUrl}/topics/events/events?results=none`, body, agent);
      count += eventsPerPost;
    }
    agent.destroy();
    return count;
  }
}

function post(url: string, body: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`HTTP ingest answered ${response.statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

interface Watcher {
  /** How late each tick came, ms. */
  delays: number[];
  /** Ticks that the server says it left out. */
  lost: () => number;
  close: () => void;
}

/** Opens so many streams as browsers do, and waits until each has had its first tick. */
async function openDashboards(url: string, count: number): Promise<Watcher[]> {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  return await Promise.all(Array.from({ length: count }, () => openDashboard(url, agent)));
}

function openDashboard(url: string, agent: Agent): Promise<Watcher> {
  return new Promise((resolve, reject) => {
    const delays: number[] = [];
    let isFirst = true;
    let lost = 0;
    const opened = get(`${url}/api/live`, { agent }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n\n');
        rest = parts.pop()!;
        for (const part of parts) {
          lost += Number(/^event: dropped\ndata: \{"count":(\d+)/.exec(part)?.[1] ?? 0);
          const atMs = /^event: tick\ndata: \{"atMs":(\d+)/.exec(part)?.[1];
          if (atMs === undefined) continue;
          if (!isFirst) delays.push(Date.now() - Number(atMs));
          if (isFirst) resolve({ delays, lost: () => lost, close: () => opened.destroy() });
          isFirst = false;
        }
      });
      response.on('error', () => {}); // closed by us
    });
    opened.on('error', (error) => (isFirst ? reject(error) : undefined));
  });
}

function seen(watchers: readonly Watcher[], seconds: number) {
  if (watchers.length === 0) return nothingSeen;
  const all = watchers.flatMap(({ delays }) => delays).sort((a, b) => a - b);
  const fewest = watchers.reduce((least, { delays }) => Math.min(least, delays.length), Number.POSITIVE_INFINITY);
  const at = (share: number): number | null => all[Math.floor((all.length - 1) * share)] ?? null;
  return {
    ...{ deliveredTicks: all.length, lostTicks: watchers.reduce((sum, { lost }) => sum + lost(), 0) },
    ...{ fewestTicksPerSecond: fewest / seconds, delayP50Ms: at(0.5), delayP99Ms: at(0.99) },
  };
}

const nothingSeen = {
  ...{ deliveredTicks: null, lostTicks: null, fewestTicksPerSecond: null },
  ...{ delayP50Ms: null, delayP99Ms: null },
};

const nothingUsed = { consoleCores: null, consoleMib: null };

function usageOf({ pid }: ChildProcess): { cpuSeconds: number; mib: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  // Clock ticks are hundredths, pages are of 4 KiB on every Linux that this runs on.
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, mib: (pages * 4) / 1024 };
}

function used(before: { cpuSeconds: number }, after: { cpuSeconds: number; mib: number }, seconds: number) {
  return { consoleCores: (after.cpuSeconds - before.cpuSeconds) / seconds, consoleMib: Math.round(after.mib) };
}

/** The rows as the table of docs/benchmarks.md. */
export function consoleTable(rows: readonly ConsoleRow[]): string {
  if (rows.length === 0) return '';
  const number = (value: number | null, digits = 0): string =>
    value === null ? '' : value.toLocaleString('en-US', { maximumFractionDigits: digits });
  return [
    '| console | dashboards | produced ev/s | over HTTP ev/s | ticks | lost | fewest ticks/s | delay p50 ms | p99 ms | console cores | MiB |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.what} | ${row.dashboards || ''} | ${number(row.producedPerSecond)} | ${number(row.postedPerSecond || null)} ` +
        `| ${number(row.deliveredTicks)} | ${number(row.lostTicks)} | ${number(row.fewestTicksPerSecond, 2)} | ${number(row.delayP50Ms)} | ${number(row.delayP99Ms)} | ${number(row.consoleCores, 2)} | ${number(row.consoleMib)} |`,
    ),
    '',
  ].join('\n');
}
