import { join } from 'node:path';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { startBrokerProcess } from '../support/broker.ts';
import { checkTable } from '../support/check-table.ts';
import { readLog } from '../support/compare-with-log.ts';
import { labRecords } from '../support/lab-records.ts';
import { LoadLab } from '../support/load-lab.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type SluiceProcess, withoutProgress } from '../support/sluice-process.ts';

// Loads as processes of the built CLI on one broker: frozen, stopped, many at once, bounded beside continuous.

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => {
  await lab.close();
});

const continuous = ['--time-field', 'ts', '--roll-age', '300ms', '--max-dead-letters', '100000'];

/** Produces a round of records to every partition. */
class Source {
  readonly #topic: string;
  readonly #partitions: number;
  readonly #random: () => number;
  #from = 0;

  private constructor(topic: string, partitions: number, seed: number) {
    this.#topic = topic;
    this.#partitions = partitions;
    this.#random = seededRandom(seed);
  }

  static async open(topic: string, partitions: number, seed: number): Promise<Source> {
    await lab.createTopic(topic, partitions);
    return new Source(topic, partitions, seed);
  }

  async round(count: number): Promise<void> {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const records = labRecords({ random: this.#random, count, from: this.#from });
      await lab.produce(this.#topic, partition, records);
      this.#from += count;
    }
  }
}

async function membersOf(group: string): Promise<Set<string>> {
  return new Set((await lab.cluster.describeGroup(group)).members.map(({ memberId }) => memberId));
}

/** Waits until somebody has come to the group who was not there before: then the process is up, and takes signals. */
async function untilJoined(group: string, before: ReadonlySet<string>): Promise<void> {
  await vi.waitFor(
    async () => {
      const others = [...(await membersOf(group))].filter((member) => !before.has(member));
      if (others.length === 0) throw new Error(`nobody else came to ${group}`);
    },
    { timeout: 30_000, interval: 50 },
  );
}

/** Waits until the group's positions, which follow the checkpoints, have reached the end of the log. */
async function untilLoaded(topic: string, group: string, timeoutMs = 80_000, cluster = lab.cluster): Promise<void> {
  const ends = new Map<number, bigint>();
  for (const { partition, offset } of await readLog(cluster, topic)) ends.set(partition, offset + 1n);
  const deadlineMs = performance.now() + timeoutMs;
  let behind = '';
  while (performance.now() < deadlineMs) {
    const committed = await cluster.fetchOffsets(group, null);
    const late = [...ends].filter(
      ([partition, end]) => (committed.find((one) => one.partition === partition)?.offset ?? 0n) < end,
    );
    if (late.length === 0) return;
    behind = late.map(([partition, end]) => `${partition} of ${end}`).join(', ');
    await sleep(100);
  }
  throw new Error(`not loaded after ${timeoutMs} ms: partitions ${behind}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until the process has stopped itself at a fault point. */
async function untilFrozen(process: SluiceProcess): Promise<void> {
  const { readFileSync } = await import('node:fs');
  for (let i = 0; i < 1200; i++) {
    const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${process.child.pid}/status`, 'utf8'))?.[1];
    if (state === 'T') return;
    await sleep(50);
  }
  throw new Error(`the process did not stop itself: ${process.stderr}`);
}

// Two at a time: they mostly wait, for sessions to end above all.
vi.setConfig({ maxConcurrency: 2, testTimeout: 240_000 });

describe.concurrent('loads as processes', () => {
  it('commit by age without further traffic, and end cleanly on SIGTERM', async ({ expect }) => {
    const { directory, url } = lab.warehouse('age');
    const source = await Source.open('age', 2, 31);
    const load = lab.load('age', url, [...continuous, '--group', 'age', '--roll-age', '1s']);
    await source.round(30);
    await untilLoaded('age', 'age');
    await source.round(30);
    const ended = await load.stop();
    expect([ended.code, withoutProgress(ended.stderr)]).toEqual([0, '']);
    expect(ended.stdout).toMatch(/^complete: \d+ rows, \d+ dead letters, \d+ files, .* rows\/s\n$/);
    const rest = await lab.load('age', url, [...continuous, '--group', 'age', '--until-end']).finished;
    expect(rest.code).toBe(0);
    expect(await checkTable(lab.cluster, 'age', directory)).toEqual([]);
  });

  it('are fenced when they wake up after their partitions moved', async ({ expect }) => {
    const { directory, url } = lab.warehouse('zombie');
    const source = await Source.open('zombie', 2, 32);
    const first = lab.load('zombie', url, [...continuous, '--group', 'zombie']);
    await source.round(100);
    await untilLoaded('zombie', 'zombie');
    await source.round(50); // read by the first, most likely not committed when it freezes
    first.child.kill('SIGSTOP');
    const second = lab.load('zombie', url, [...continuous, '--group', 'zombie']);
    await source.round(100);
    await untilLoaded('zombie', 'zombie');
    first.child.kill('SIGCONT');
    await source.round(100);
    await untilLoaded('zombie', 'zombie');
    expect(await checkTable(lab.cluster, 'zombie', directory)).toEqual([]);
    expect((await second.stop()).code).toBe(0);
    await source.round(20);
    await untilLoaded('zombie', 'zombie'); // by the one that was frozen: it has rejoined
    expect((await first.stop()).code).toBe(0);
    expect(await checkTable(lab.cluster, 'zombie', directory)).toEqual([]);
  });

  for (const point of [
    'loader.claim.before',
    'ledger-claim-written',
    'ledger-claim-published',
    'ledger-commit-written',
  ]) {
    it(`that freeze at ${point} neither lose the partition for everybody nor land anything twice`, async ({
      expect,
    }) => {
      const topic = `frozen-${point.replaceAll('.', '-')}`;
      const { directory, url } = lab.warehouse(topic);
      const source = await Source.open(topic, 1, 33);
      await source.round(50);
      const frozen = lab.load(topic, url, [...continuous, '--group', topic], { fault: `${point}=stop` });
      await untilFrozen(frozen);
      const before = await membersOf(topic);
      const rightful = lab.load(topic, url, [...continuous, '--group', topic]);
      await source.round(50);
      await untilJoined(topic, before);
      if (point !== 'ledger-claim-published') await untilLoaded(topic, topic);
      frozen.child.kill('SIGCONT');
      await source.round(50);
      await untilLoaded(topic, topic);
      expect(await checkTable(lab.cluster, topic, directory)).toEqual([]);
      expect((await rightful.stop()).code).toBe(0);
      expect((await frozen.stop()).code).toBe(0);
      expect(await checkTable(lab.cluster, topic, directory)).toEqual([]);
    });
  }

  it('show the group the end of the log, also when the owner that got there was killed before it could', async ({
    expect,
  }) => {
    const { directory, url } = lab.warehouse('unshown');
    const source = await Source.open('unshown', 1, 35);
    await source.round(50);
    const args = [...continuous, '--group', 'unshown'];
    const dying = lab.load('unshown', url, args, { fault: 'loader.commit.8-moved=kill' });
    expect((await dying.finished).code).toBeNull();
    expect(await lab.cluster.fetchOffsets('unshown', null)).toEqual([]);
    const heir = lab.load('unshown', url, args);
    await untilLoaded('unshown', 'unshown');
    expect((await heir.stop()).code).toBe(0);
    expect(await checkTable(lab.cluster, 'unshown', directory)).toEqual([]);
  });

  it('take partitions over as workers come, go and die', async ({ expect }) => {
    const { directory, url } = lab.warehouse('moving');
    const source = await Source.open('moving', 4, 34);
    const start = (workers: number) =>
      lab.load('moving', url, [...continuous, '--group', 'moving', '--workers', String(workers)]);
    const one = start(1);
    await source.round(100);
    await untilLoaded('moving', 'moving');
    const three = start(3);
    for (let i = 0; i < 5; i++) {
      await source.round(40);
      await sleep(300);
    }
    const stopped = one.stop();
    await source.round(40);
    const two = start(2);
    await source.round(40);
    expect((await stopped).code).toBe(0);
    await sleep(1000);
    three.child.kill('SIGKILL');
    await source.round(40);
    await untilLoaded('moving', 'moving');
    expect((await two.stop()).code).toBe(0);
    expect(await checkTable(lab.cluster, 'moving', directory)).toEqual([]);
  });

  it('go on by themselves when the broker is killed and started again', async ({ expect }) => {
    const { directory, url } = lab.warehouse('restart');
    const data = join(lab.directory, 'restart-log');
    let broker = await startBrokerProcess(data);
    const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'restart', logger: silentLogger });
    const produce = async (seed: number) => {
      for (const record of labRecords({ random: seededRandom(seed), count: 200, from: seed * 1000 })) {
        await producer.send('restart', record);
      }
      await producer.flush();
    };
    await cluster.createTopics([{ name: 'restart', partitions: 2 }]);
    const producer = new ProducerClient({ cluster, acks: 'all', idempotent: true });
    const load = lab.load('restart', url, [...continuous, '--group', 'restart'], { bootstrap: broker.bootstrap });
    await produce(1);
    for (let round = 2; round < 5; round++) {
      await sleep(700);
      await broker.end('SIGKILL');
      broker = await startBrokerProcess(data, broker.bootstrap);
      await produce(round);
    }
    await untilLoaded('restart', 'restart', 80_000, cluster);
    expect((await load.stop()).code).toBe(0);
    expect(await checkTable(cluster, 'restart', directory)).toEqual([]);
    await producer.close();
    await cluster.close();
    await broker.end('SIGTERM');
  });

  it('that are bounded complete beside a continuous one of another group, and of the same', async ({ expect }) => {
    const { directory, url } = lab.warehouse('nightly');
    const source = await Source.open('nightly', 2, 35);
    const day = lab.load('nightly', url, [...continuous, '--group', 'day', '--roll-age', '1h']);
    await source.round(60);
    await sleep(2500);
    const bounded = ['--time-field', 'ts', '--max-dead-letters', '1000', '--until-end'];
    const other = await lab.load('nightly', url, [...bounded, '--group', 'night']).finished;
    expect(other.code).toBe(0);
    expect(await checkTable(lab.cluster, 'nightly', directory)).toEqual([]);
    await source.round(60);
    const same = await lab.load('nightly', url, [...bounded, '--group', 'day']).finished;
    expect(same.code).toBe(0);
    expect(await checkTable(lab.cluster, 'nightly', directory)).toEqual([]);
    await source.round(60);
    expect((await day.stop()).code).toBe(0);
    expect((await lab.load('nightly', url, [...bounded, '--group', 'day']).finished).code).toBe(0);
    expect(await checkTable(lab.cluster, 'nightly', directory)).toEqual([]);
  });
});
