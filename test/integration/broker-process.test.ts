// `sluice broker` as an orchestrator sees it: ready line, exit codes, one clear line for bad input.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokerProcess, brokerCli, startBrokerProcess } from '../support/broker.ts';

const folders: string[] = [];
const processes: BrokerProcess[] = [];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'broker-process-'));
  folders.push(path);
  return path;
}

async function start(...args: Parameters<typeof startBrokerProcess>): Promise<BrokerProcess> {
  const broker = await startBrokerProcess(...args);
  processes.push(broker);
  return broker;
}

afterEach(async () => {
  for (const broker of processes.splice(0)) await broker.end('SIGKILL');
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** Runs it to its end. */
function run(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const [command, ...before] = brokerCli();
  const { status, stdout, stderr } = spawnSync(command!, [...before, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, SLUICE_SKIP_BUILD: '1' },
  });
  return { code: status, stdout, stderr };
}

const produce = async (bootstrap: string, topic: string, ...values: string[]): Promise<void> => {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })), acks: -1 });
  await producer.disconnect();
};

const endOffset = async (bootstrap: string, topic: string): Promise<string> => {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets[0]!.offset;
};

describe('sluice broker', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with exit code 0 on %s, and keeps everything', async (signal) => {
    const data = join(folder(), 'log');
    const first = await start(data);
    await produce(first.bootstrap, 't', 'a', 'b');
    expect(await first.end(signal)).toBe(0);
    const second = await start(data);
    expect(await endOffset(second.bootstrap, 't')).toBe('2');
    expect(second.log()).toContain('"isClean":true');
  });

  it('stops in time though a client holds a connection open and waits', async () => {
    const broker = await start(folder());
    await produce(broker.bootstrap, 't', 'a');
    const consumer = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING }).consumer({
      groupId: 'g',
      retry: { retries: 0 },
    });
    await consumer.connect();
    await consumer.subscribe({ topic: 't' });
    await consumer.run({ eachMessage: async () => {} });
    const started = performance.now();
    expect(await broker.end('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(5_000);
    await consumer.disconnect().catch(() => {});
  });

  it('keeps what it has acknowledged when it is killed', async () => {
    const data = folder();
    const first = await start(data);
    await produce(first.bootstrap, 't', 'a', 'b', 'c');
    expect(await first.end('SIGKILL')).toBe('SIGKILL');
    const second = await start(data);
    expect(await endOffset(second.bootstrap, 't')).toBe('3');
  });

  it('gives topics the settings that it was started with', async () => {
    const args = ['--default-partitions', '5', '--retention', '7d', '--segment-bytes', '1MB', '--log-level', 'silent'];
    const broker = await start(folder(), '127.0.0.1:0', args);
    await produce(broker.bootstrap, 'new', 'a');
    const admin = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: ['new'] });
    expect(topics[0]!.partitions).toHaveLength(5);
    await admin.disconnect();
    expect(broker.log()).toBe('');
  });
});

describe('bad input to sluice broker', () => {
  /** Exit code 2, nothing on stdout, one line on stderr that says what is wrong. */
  function expectRefusal(result: ReturnType<typeof run>, pattern: RegExp): void {
    const plain = result.stderr
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('{') && !line.startsWith('(add --help'));
    expect(plain.join('\n')).toMatch(pattern);
    expect(plain).toHaveLength(1);
    expect(result.stdout).toBe('');
    expect(result.code).toBe(2);
  }

  it('an occupied port changes nothing', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const data = join(folder(), 'log');
    expectRefusal(
      run('--data', data, '--listen', `127.0.0.1:${port}`),
      new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: another process`),
    );
    expect(existsSync(data)).toBe(false);
    other.close();
  });

  it('a directory that another broker uses leaves that one alone', async () => {
    const data = folder();
    const first = await start(data);
    expectRefusal(
      run('--data', data, '--listen', '127.0.0.1:0'),
      /cannot use the data directory .*process \d+ uses it/,
    );
    await produce(first.bootstrap, 't', 'still there');
  });

  const refusals: [string, (path: string) => string[], RegExp][] = [
    ['a file in the place of the directory', (path) => ['--data', join(path, 'f')], /not a directory/],
    ['a file on the way to it', (path) => ['--data', join(path, 'f', 'log')], /not a directory/],
    ['a missing parent', (path) => ['--data', join(path, 'no', 'such', 'log')], /is not there/],
    [
      'an unknown host',
      (path) => ['--data', path, '--listen', 'no-such-host.invalid:9092'],
      /cannot listen on no-such-host/,
    ],
    [
      'an address of another machine',
      (path) => ['--data', path, '--listen', '192.0.2.1:9092'],
      /does not have that address/,
    ],
    ['a directory that nobody may write', () => ['--data', '/sys/sluice'], /cannot use the data directory/],
    ['no directory', () => [], /--data/],
    ['a listen address without a port', (path) => ['--data', path, '--listen', 'localhost'], /expected HOST:PORT/],
    ['no partitions', (path) => ['--data', path, '--default-partitions', '0'], /whole number from 1/],
    ['an unknown log level', (path) => ['--data', path, '--log-level', 'loud'], /log-level/],
    ['an unknown option', (path) => ['--data', path, '--no-such'], /unknown option/],
  ];
  it.each(refusals)('%s is told in one line', (_what, args, pattern) => {
    const path = folder();
    writeFileSync(join(path, 'f'), 'a file, not a directory');
    expectRefusal(run(...args(path)), pattern);
  });
});
