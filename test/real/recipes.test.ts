// The recipes of docs/recipes.md, run with the real programs: rsyslog, syslog-ng and collectd as Debian ships them.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EventWriter, HttpIngest, IngestMetrics, IngestServer, SyslogServer } from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { runPeer, waitFor } from '../support/peers.ts';
import { type PortBlock, reservePort } from '../support/ports.ts';
import { readTopic } from '../support/read-topic.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/recipes.md', import.meta.url)), 'utf8');

let shippers: string;
let broker: TestBroker;
let cluster: KafkaCluster;
let http: IngestServer;
let syslog: SyslogServer;
let writer: EventWriter;
let folder: string;
let input: PortBlock;
const running: { child: ChildProcess; ended: Promise<unknown>; output: () => string }[] = [];

beforeAll(async () => {
  shippers = (await runPeer('recipes/fetch.sh', [])).trim();
  broker = await startTestBroker();
  cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
  folder = mkdtempSync(join(tmpdir(), 'sluice-recipes-'));
  input = await reservePort();
  const common = { cluster, clock: systemClock, logger: silentLogger };
  const ingest = new HttpIngest({ ...common, topics: null, tokens: null });
  http = await IngestServer.start({ ingest, host: '127.0.0.1', port: 0, logger: silentLogger });
  writer = new EventWriter({ cluster, maxInFlightBytes: 1024 * 1024, deliveryTimeoutMs: 60_000, logger: silentLogger });
  const limits = { maxMessageBytes: 65_536, maxPendingBytes: 1024 * 1024, maxConnections: 8 };
  const metrics = new IngestMetrics({ processMetrics: false });
  const tcp = { host: '127.0.0.1', port: 0 };
  syslog = await SyslogServer.start({ ...common, ...limits, udp: null, tcp, topic: 'logs', writer, metrics });
});

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  }
  await cluster.deleteTopics(['logs', 'metrics'].filter((name) => topics.delete(name)));
});

afterAll(async () => {
  await syslog?.close();
  await writer?.close();
  await http?.close(1000);
  await cluster?.close();
  await broker?.stop();
  input?.release();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const topics = new Set<string>();

async function newTopic(name: string): Promise<void> {
  await cluster.createTopics([{ name, partitions: 1 }]);
  topics.add(name);
}

/** A file of the page, with this test's addresses and folders in place of the page's. */
function recipe(name: string): string {
  const found = page.split(`\`\`\`conf ${name}\n`)[1]?.split('\n```')[0];
  if (found === undefined) throw new Error(`expected ${name} in docs/recipes.md`);
  return `${found}\n`
    .replaceAll('127.0.0.1:9092', broker.bootstrap)
    .replaceAll('http://127.0.0.1:8070', http.url)
    .replaceAll('"5514"', `"${syslog.tcpAddress!.split(':')[1]}"`)
    .replaceAll('port="5140"', `port="${input.first}"`)
    .replaceAll('port(5140)', `port(${input.first})`)
    .replaceAll('/var/spool/rsyslog', work());
}

function work(): string {
  const path = join(folder, 'work');
  mkdirSync(path, { recursive: true });
  return path;
}

function start(name: string, program: string, config: string, args: (file: string, root: string) => string[]): void {
  const root = join(shippers, name);
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, config);
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/syslog-ng'].map((path) =>
    join(root, path),
  );
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
  const child = spawn(join(root, program), args(file, root), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  running.push({ child, ended, output: () => output });
}

const rsyslog = (file: string): void =>
  start('rsyslog', 'usr/sbin/rsyslogd', recipe(file), (config, root) => [
    ...['-n', '-f', config, '-i', join(folder, 'rsyslog.pid')],
    ...['-M', join(root, 'usr/lib/x86_64-linux-gnu/rsyslog')],
  ]);

const syslogNg = (file: string): void =>
  start('syslog-ng', 'usr/sbin/syslog-ng', recipe(file), (config, root) => [
    ...['--foreground', '--no-caps', '--stderr', '--cfgfile', config, '--persist-file', join(work(), 'persist')],
    ...['--control', join(work(), 'control'), '--pidfile', join(work(), 'pid')],
    ...['--module-path', join(root, 'usr/lib/syslog-ng/3.38')],
  ]);

/** Sends lines until the first have come out at the other end: nobody says when a shipper has begun to listen. */
async function messagesThrough(topic: string): Promise<Record<string, unknown>[]> {
  const socket = createSocket('udp4');
  let number = 0;
  let events: Record<string, unknown>[] = [];
  try {
    await waitFor(`messages through ${running.at(-1)!.output()}`, 60_000, async () => {
      if (number < 100)
        socket.send(`<34>Nov 21 10:00:00 web1 shop: payment ${number++} "failed" für 3 €`, input.first, '127.0.0.1');
      if (running.at(-1)!.child.exitCode !== null) throw new Error(`it ended: ${running.at(-1)!.output()}`);
      const records = await readTopic(cluster, topic);
      events = records.map(({ key, value }) => ({ key, ...JSON.parse(value) }));
      return events.length >= 2;
    });
  } finally {
    socket.close();
  }
  return events;
}

const message = expect.stringMatching(/^ ?payment \d+ "failed" für 3 €$/);

describe('the recipes of docs/recipes.md', () => {
  it.each([
    ['rsyslog-kafka.conf', rsyslog],
    ['syslog-ng-kafka.conf', syslogNg],
    ['syslog-ng-http.conf', syslogNg],
    ['rsyslog-syslog.conf', rsyslog],
  ])('%s: messages arrive as JSON events with the host as key', async (file, run) => {
    await newTopic('logs');
    run(file);
    for (const event of await messagesThrough('logs')) {
      expect(event).toMatchObject({
        key: 'web1',
        host: 'web1',
        facility: 'auth',
        severity: 'crit',
        app: 'shop',
        message,
      });
      expect(Number.isNaN(Date.parse(event['ts'] as string))).toBe(false);
    }
  });

  it('collectd-http.conf: each metric arrives as an event', async () => {
    await newTopic('metrics');
    const base = join(shippers, 'collectd');
    const own = `BaseDir "${work()}"\nPluginDir "${base}/usr/lib/collectd"\nTypesDB "${base}/usr/share/collectd/types.db"\n`;
    start('collectd', 'usr/sbin/collectd', own + recipe('collectd-http.conf'), (config) => [
      ...['-f', '-C', config, '-P', join(work(), 'collectd.pid')],
    ]);
    let plugins = new Set<string>();
    await waitFor('metrics', 60_000, async () => {
      const { child, output } = running.at(-1)!;
      if (child.exitCode !== null) throw new Error(`it ended: ${output()}`);
      const events = (await readTopic(cluster, 'metrics')).map(({ value }) => JSON.parse(value));
      plugins = new Set(events.map(({ plugin }) => plugin));
      return plugins.size === 2;
    });
    expect([...plugins].sort()).toEqual(['load', 'memory']);
  });
});
