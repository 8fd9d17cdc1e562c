// Promises of `sluice consume`, `topics` and `groups` against the built-in broker.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { type FinishedProcess, runSluice, SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let cluster: KafkaCluster;
let folder: string;

beforeAll(async () => {
  broker = await startTestBroker();
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-consume-'));
  cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
  await cluster.createTopics([
    { name: 'numbers', partitions: 2 },
    { name: 'odd', partitions: 1 },
  ]);
  const producer = new ProducerClient({ cluster });
  for (let i = 0; i < 100; i++) {
    const timestamp = BigInt(Date.UTC(2026, 0, 1) + i * 60_000);
    await producer.send('numbers', { key: `k${i}`, value: `{"n":${i}}`, timestamp }, { partition: i % 2 });
  }
  const headers = [
    { name: 'h', value: Buffer.from('1') },
    { name: 'h', value: null },
  ];
  await producer.send('odd', { key: Buffer.from([0xff]), value: null, timestamp: 0n, headers });
  await producer.send('odd', { value: Buffer.from([0xc3, 0x28]), timestamp: 1n });
  await producer.close();
});

afterAll(async () => {
  await cluster.close();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sluice(...args: string[]): Promise<FinishedProcess> {
  return runSluice([...args, '--brokers', broker.bootstrap]);
}

const numbersIn = (stdout: string): number[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).n as number)
    .sort((a, b) => a - b);

const range = (from: number, to: number, step = 1): number[] => {
  const numbers: number[] = [];
  for (let i = from; i < to; i += step) numbers.push(i);
  return numbers;
};

describe('sluice consume', () => {
  it('prints every value up to the end, and stops there', async () => {
    const { code, stdout, stderr } = await sluice('consume', 'numbers', '--until-end');
    expect(numbersIn(stdout)).toEqual(range(0, 100));
    expect(stderr).toBe('100 records\n');
    expect(code).toBe(0);
  });

  it('begins at an offset, at a time, at the end, in one partition', async () => {
    const upTo = (...args: string[]) => sluice('consume', 'numbers', '--until-end', ...args);
    expect(numbersIn((await upTo('--from', '40')).stdout)).toEqual(range(80, 100));
    expect(numbersIn((await upTo('--from', '2026-01-01T00:30:00Z')).stdout)).toEqual(range(30, 100));
    expect(numbersIn((await upTo('--from', 'end')).stdout)).toEqual([]);
    expect(numbersIn((await upTo('--from', '45', '--partition', '1')).stdout)).toEqual(range(91, 100, 2));
  });

  it('stops after --max records exactly', async () => {
    const { stdout } = await sluice('consume', 'numbers', '--max', '7');
    expect(numbersIn(stdout)).toHaveLength(7);
  });

  it('prints with --json everything a record has, and marks what is not text', async () => {
    const { stdout } = await sluice('consume', 'odd', '--until-end', '--json');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        topic: 'odd',
        partition: 0,
        offset: '0',
        timestamp: '1970-01-01T00:00:00.000Z',
        key: '/w==',
        keyEncoding: 'base64',
        value: null,
        headers: [
          { name: 'h', value: '1' },
          { name: 'h', value: null },
        ],
      },
      {
        topic: 'odd',
        partition: 0,
        offset: '1',
        timestamp: '1970-01-01T00:00:00.001Z',
        key: null,
        value: 'wyg=',
        valueEncoding: 'base64',
        headers: [],
      },
    ]);
  });

  it('waits for more, and ends with exit code 0 on Ctrl-C', async () => {
    const running = new SluiceProcess(['consume', 'odd', '--from', 'end', '--brokers', broker.bootstrap]);
    const producer = new ProducerClient({ cluster });
    let count = 0;
    await waitFor('the first record', 60_000, async () => {
      await producer.send('odd', { value: `late ${++count}` }); // nobody says when the consumer has begun
      return /^late \d+$/m.test(running.stdout);
    });
    await producer.close();
    await running.waitFor(new RegExp(`^late ${count}$`, 'm'), 10_000);
    const { code, stdout } = await running.stop('SIGINT');
    expect(code).toBe(0);
    const seen = stdout
      .trim()
      .split('\n')
      .map((line) => Number(line.slice(5)));
    expect(seen).toEqual(range(seen[0]!, count + 1));
  });

  it('a group goes on where it was, also after --max cut a batch in two', async () => {
    const take = (max: number) => sluice('consume', 'numbers', '--group', 'readers', '--max', String(max), '--json');
    const first = await take(30);
    const second = await take(70);
    const seen = [first, second].flatMap(({ stdout }) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(JSON.parse(line).value).n as number),
    );
    expect(seen.sort((a, b) => a - b)).toEqual(range(0, 100));
    const committed = await cluster.fetchOffsets('readers');
    expect(committed.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 50n],
      [1, 50n],
    ]);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const running = new SluiceProcess(['consume', 'numbers', '--brokers', broker.bootstrap]);
    await running.waitFor(/"n"/);
    running.child.stdout!.destroy();
    const producer = new ProducerClient({ cluster });
    const more = setInterval(() => void producer.send('numbers', { value: '{"n":100}' }), 50);
    const { code } = await running.finished;
    clearInterval(more);
    await producer.close();
    expect(code).toBe(0);
  });

  it.each([
    ['a topic that is not there', ['nothing'], 'expected an existing topic, got "nothing"'],
    ['a partition that is not there', ['odd', '--partition', '9'], 'from 0 to 0, got 9'],
    ['a group and a partition', ['odd', '--partition', '0', '--group', 'g'], 'got both'],
    ['a position that is none', ['odd', '--from', 'yesterday'], 'expected beginning, end, an offset'],
  ])('%s is one clear line and exit code 2', async (_, args, message) => {
    const { code, stderr } = await sluice('consume', ...args);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^sluice: [^\n]+\n$/);
    expect(code).toBe(2);
  });
});

describe('sluice topics', () => {
  it('creates, lists, describes and deletes', async () => {
    expect(
      (await sluice('topics', 'create', 'shop', '--partitions', '3', '--config', 'retention.ms=3600000')).code,
    ).toBe(0);
    const listed = JSON.parse((await sluice('topics', 'list', '--json')).stdout) as { topic: string }[];
    expect(listed.find(({ topic }) => topic === 'shop')).toMatchObject({
      partitions: 3,
      records: '0',
      isInternal: false,
    });
    expect(listed.some(({ topic }) => topic === '__consumer_offsets')).toBe(false);
    const described = JSON.parse((await sluice('topics', 'describe', 'shop', '--json')).stdout);
    expect(described).toMatchObject({ topic: 'shop', configs: { 'retention.ms': '3600000' } });
    expect(described.topicId).toMatch(/^[0-9a-f]{32}$/);
    expect(described.partitions).toHaveLength(3);
    expect(described.partitions[2]).toMatchObject({ partition: 2, start: '0', end: '0' });
    expect((await sluice('topics', 'delete', 'shop')).code).toBe(0);
    expect((await sluice('topics', 'describe', 'shop')).code).toBe(2);
  });

  it('prints tables for people', async () => {
    const { stdout } = await sluice('topics', 'list');
    expect(stdout).toMatch(/^TOPIC +PARTITIONS +RECORDS +TOPIC ID\n/);
    expect(stdout).toMatch(/^odd +1 +\d+ +[0-9a-f]{32}$/m);
  });

  it('says what is wrong: a topic that exists, too many copies, one that is missing among several', async () => {
    expect(await sluice('topics', 'create', 'odd')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('TOPIC_ALREADY_EXISTS'),
    });
    expect((await sluice('topics', 'create', 'odd', '--if-not-exists')).code).toBe(0);
    const copies = await sluice('topics', 'create', 'copies', '--replication-factor', '3');
    expect(copies).toMatchObject({ code: 2, stderr: expect.stringContaining('INVALID_REPLICATION_FACTOR') });
    const several = await sluice('topics', 'delete', 'odd', 'missing');
    expect(several).toMatchObject({ code: 2, stderr: expect.stringContaining('"missing"; nothing was deleted') });
    expect((await sluice('topics', 'describe', 'odd')).code).toBe(0);
  });
});

describe('sluice groups', () => {
  it('describes members, positions and lag; resets offsets; deletes', async () => {
    writeFileSync(join(folder, 'g.ndjson'), '{"n":1}\n'.repeat(10));
    await sluice('produce', 'lagging', '--file', join(folder, 'g.ndjson'));
    const running = new SluiceProcess(['consume', 'lagging', '--group', 'laggards', '--brokers', broker.bootstrap]);
    await running.waitFor(/(\{"n":1\}\n){10}/);
    const busy = await sluice('groups', 'reset-offsets', 'laggards', '--topic', 'lagging', '--to', 'beginning');
    expect(busy).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a group without members') });
    const withMember = JSON.parse((await sluice('groups', 'describe', 'laggards', '--json')).stdout);
    expect(withMember).toMatchObject({
      state: 'Stable',
      assignor: 'cooperative-sticky',
      members: [{ clientId: 'sluice-cli' }],
    });
    await running.stop('SIGTERM');

    const described = JSON.parse((await sluice('groups', 'describe', 'laggards', '--json')).stdout);
    expect(described).toMatchObject({
      state: 'Empty',
      partitions: [{ committed: '10', end: '10', lag: '0', member: null }],
    });
    const dry = await sluice(
      'groups',
      'reset-offsets',
      'laggards',
      '--topic',
      'lagging',
      '--to',
      '4',
      '--dry-run',
      '--json',
    );
    expect(JSON.parse(dry.stdout)).toEqual([{ topic: 'lagging', partition: 0, before: '10', after: '4' }]);
    expect((await cluster.fetchOffsets('laggards'))[0]!.offset).toBe(10n);
    await sluice('groups', 'reset-offsets', 'laggards', '--topic', 'lagging', '--to', '4');
    expect((await cluster.fetchOffsets('laggards'))[0]!.offset).toBe(4n);
    const listed = JSON.parse((await sluice('groups', 'list', '--json')).stdout);
    expect(listed).toContainEqual(expect.objectContaining({ groupId: 'laggards', state: 'Empty' }));
    expect((await sluice('groups', 'delete', 'laggards')).code).toBe(0);
    expect(await sluice('groups', 'describe', 'laggards')).toMatchObject({ code: 2 });
  });
});
