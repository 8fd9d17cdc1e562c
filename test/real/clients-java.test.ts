// Apache Kafka's own command-line tools (the Java client) against our broker, and its log reader on our files.
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { runPeer } from '../support/peers.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker(
    { defaultPartitions: 2, cleanerBackoffMs: 500 },
    { topicDefaults: { segmentBytes: 256 * 1024 } },
  );
});

afterAll(async () => await broker.stop());

/** Runs one of Kafka's tools; a Java program, so some seconds each. */
const tool = async (name: string, args: string[], input = ''): Promise<string> =>
  await runPeer('kafka/tool', [name, '--bootstrap-server', broker.bootstrap, ...args], {}, { input });

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

const dumpLog = async (topic: string, partition: number, ...flags: string[]): Promise<string> => {
  const folder = join(broker.dataDirectory, `${topic}-${partition}`);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
  return await runPeer('kafka/tool', [
    'dump-log',
    ...flags,
    '--files',
    files.map((name) => join(folder, name)).join(','),
  ]);
};

const logBytes = (topic: string, partition: number): number => {
  const folder = join(broker.dataDirectory, `${topic}-${partition}`);
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return files.reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
};

describe("Kafka's console clients", () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'write and read back with codec %s, and dump-log finds nothing wrong',
    async (codec) => {
      const topic = `console-${codec}`;
      const sent = Array.from({ length: 500 }, (_, i) => `line ${i} of ${codec}`);
      await tool('console-producer', ['--topic', topic, '--compression-codec', codec], sent.join('\n'));
      const read = lines(
        await tool('console-consumer', [
          '--topic',
          topic,
          '--from-beginning',
          '--max-messages',
          '500',
          '--timeout-ms',
          '30000',
        ]),
      );
      expect(read.sort()).toEqual([...sent].sort());
      const dumps = await Promise.all([0, 1].map((partition) => dumpLog(topic, partition, '--deep-iteration')));
      const dump = dumps.join('\n');
      expect(dump).toContain(codec === 'none' ? 'compresscodec: none' : `compresscodec: ${codec}`);
      expect(dump).not.toMatch(/isvalid: false|corrupt|mismatch|exception/i);
      expect(dump.match(/^\| offset:/gm)).toHaveLength(500);
    },
  );

  it('read what is committed only, the same', async () => {
    await tool('console-producer', ['--topic', 'committed'], 'a\nb\n');
    const args = [
      '--topic',
      'committed',
      '--from-beginning',
      '--isolation-level',
      'read_committed',
      '--max-messages',
      '2',
    ];
    expect(lines(await tool('console-consumer', args)).sort()).toEqual(['a', 'b']);
  });
});

describe('kafka-consumer-groups', () => {
  it('lists, describes, resets and deletes', async () => {
    await tool('console-producer', ['--topic', 'for-groups'], Array.from({ length: 20 }, (_, i) => `m${i}`).join('\n'));
    await tool('console-consumer', [
      '--topic',
      'for-groups',
      '--group',
      'java',
      '--from-beginning',
      '--max-messages',
      '20',
      '--timeout-ms',
      '30000',
    ]);
    expect(lines(await tool('consumer-groups', ['--list']))).toContain('java');
    const lags = async (): Promise<[string, string, string][]> =>
      lines(await tool('consumer-groups', ['--describe', '--group', 'java', '--offsets']))
        .filter((line) => line.startsWith('java'))
        .map((line) => line.split(/\s+/).slice(3, 6) as [string, string, string]);
    expect((await lags()).map(([, , lag]) => lag)).toEqual(['0', '0']);
    await tool('consumer-groups', [
      '--group',
      'java',
      '--topic',
      'for-groups',
      '--reset-offsets',
      '--to-earliest',
      '--execute',
    ]);
    expect((await lags()).map(([current]) => current)).toEqual(['0', '0']);
    expect(await tool('consumer-groups', ['--describe', '--group', 'java', '--state'])).toMatch(/java\s.*Empty/);
    await tool('consumer-groups', ['--delete-offsets', '--group', 'java', '--topic', 'for-groups:0']);
    expect(await lags()).toHaveLength(1);
    await tool('consumer-groups', ['--delete', '--group', 'java']);
    expect(lines(await tool('consumer-groups', ['--list']))).not.toContain('java');
  });

  it('leaves its records readable for dump-log', async () => {
    const dump = await dumpLog('__consumer_offsets', 0, '--offsets-decoder');
    expect(dump).toContain('"group":"java","topic":"for-groups"');
    expect(dump).not.toMatch(/isvalid: false|could not be decoded|exception/i);
  });
});

describe('kafka-producer-perf-test', () => {
  it('with idempotence and acks=all over several segments loses and doubles nothing', async () => {
    await tool('topics', ['--create', '--topic', 'perf', '--partitions', '4']);
    const properties = [
      `bootstrap.servers=${broker.bootstrap}`,
      'acks=all',
      'enable.idempotence=true',
      'batch.size=65536',
    ];
    const perf = [
      'producer-perf-test',
      '--topic',
      'perf',
      '--num-records',
      '100000',
      '--record-size',
      '100',
      '--throughput',
      '-1',
    ];
    const output = await runPeer('kafka/tool', [...perf, '--producer-props', ...properties]);
    expect(output).toMatch(/100000 records sent/);
    const offsets = lines(await tool('get-offsets', ['--topic', 'perf'])).map((line) => Number(line.split(':')[2]));
    expect(offsets.reduce((sum, offset) => sum + offset, 0)).toBe(100_000);
    const dump = await dumpLog('perf', 0, '--deep-iteration');
    expect(dump).not.toMatch(/isvalid: false|corrupt|mismatch|exception/i);
    expect(dump.match(/^\| offset:/gm)).toHaveLength(offsets[0]!);
    expect(dump).toMatch(/producerId: \d/);
  });

  it('is told at once that there are no transactions', async () => {
    const perf = [
      'producer-perf-test',
      '--topic',
      'perf',
      '--num-records',
      '10',
      '--record-size',
      '100',
      '--throughput',
      '-1',
    ];
    const run = runPeer('kafka/tool', [
      ...perf,
      '--transactional-id',
      't',
      '--producer-props',
      `bootstrap.servers=${broker.bootstrap}`,
    ]);
    await expect(run).rejects.toThrow(/TransactionalIdAuthorizationException|not authorized/);
  });
});

describe('kafka-topics, kafka-configs and kafka-delete-records', () => {
  it('create with settings, show what is in force, grow and delete', async () => {
    await tool('topics', ['--create', '--topic', 'managed', '--partitions', '2', '--config', 'retention.ms=1234567']);
    const described = await tool('topics', ['--describe', '--topic', 'managed']);
    expect(described).toMatch(/PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: .*retention\.ms=1234567/);
    expect(
      await tool('configs', ['--describe', '--entity-type', 'topics', '--entity-name', 'managed', '--all']),
    ).toContain('retention.ms=1234567');
    await tool('topics', ['--alter', '--topic', 'managed', '--partitions', '5']);
    expect(await tool('topics', ['--describe', '--topic', 'managed'])).toContain('PartitionCount: 5');
    await tool('topics', ['--delete', '--topic', 'managed']);
    expect(lines(await tool('topics', ['--list']))).not.toContain('managed');
  });

  it('refuse what one broker cannot do, with the reason', async () => {
    await expect(tool('topics', ['--create', '--topic', 'replicated', '--replication-factor', '3'])).rejects.toThrow(
      /replication factor of 1/,
    );
    await expect(tool('topics', ['--create', '--topic', 'odd', '--config', 'min.insync.replicas=2'])).rejects.toThrow(
      /min\.insync\.replicas: expected 1/,
    );
  });

  it('delete records below an offset', async () => {
    await tool('console-producer', ['--topic', 'trimmed'], 'a\nb\nc\nd\n');
    const ends = lines(await tool('get-offsets', ['--topic', 'trimmed'])).map((line) => line.split(':'));
    const partitions = ends.map(([topic, partition, offset]) => ({
      topic,
      partition: Number(partition),
      offset: Number(offset),
    }));
    const file = join(broker.dataDirectory, '..', `delete-records-${process.pid}.json`);
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    await tool('delete-records', ['--offset-json-file', file]);
    const starts = lines(await tool('get-offsets', ['--topic', 'trimmed', '--time', 'earliest'])).map(
      (line) => line.split(':')[2],
    );
    expect(starts).toEqual(ends.map(([, , offset]) => offset));
  });
});

describe('kafka-configs and compaction', () => {
  // A second try of the test must not meet the topic of the first.
  const topic = (): string => `compacted-${attempt}`;
  let attempt = 0;
  const configs = async (flags: string[]): Promise<string> =>
    await tool('configs', [...flags, '--entity-type', 'topics', '--entity-name', topic()]);

  it('changes settings, and a compacted topic keeps the last record of each key, clean for dump-log', async () => {
    attempt++;
    await tool('topics', ['--create', '--topic', topic(), '--partitions', '1']);
    const changes = 'cleanup.policy=[compact,delete],min.cleanable.dirty.ratio=0.01,retention.ms=-1';
    await configs(['--alter', '--add-config', changes]);
    await configs(['--alter', '--delete-config', 'retention.ms']);
    const described = await configs(['--describe']);
    expect(described).toMatch(/cleanup\.policy=compact,delete/);
    expect(described).not.toContain('retention.ms=-1');
    await expect(configs(['--alter', '--add-config', 'retention.ms=soon'])).rejects.toThrow(/expected a whole number/);
    const sent = Array.from({ length: 400 }, (_, i) => `key-${i % 10}:value ${i} ${'x'.repeat(2000)}`);
    const keyed = ['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'];
    await tool('console-producer', ['--topic', topic(), ...keyed], sent.join('\n'));
    // Until then segments come and go, which a reader of files would trip over.
    await waitUntil(() => logBytes(topic(), 0) < 400_000);
    await configs(['--alter', '--add-config', 'cleanup.policy=delete']);
    const dump = await dumpLog(topic(), 0, '--print-data-log');
    expect(dump).not.toMatch(/isvalid: false|corrupt|mismatch|exception/i);
    const records = [...dump.matchAll(/^\| offset: (\d+) .* key: (key-\d) payload: value (\d+) /gm)];
    const newest = new Map(records.map(([, offset, key, value]) => [key, `${offset} ${value}`]));
    expect(records.length).toBeLessThan(200);
    expect([...newest].sort()).toEqual(Array.from({ length: 10 }, (_, i) => [`key-${i}`, `${390 + i} ${390 + i}`]));
    expect(lines(await tool('get-offsets', ['--topic', topic()]))).toEqual([`${topic()}:0:400`]);
  });
});

async function waitUntil(isTrue: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('expected it within 30 seconds');
}
