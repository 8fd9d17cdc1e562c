// Promises towards a real Apache Kafka of three nodes: brokers die and come back in the middle of a load, leaders and
// coordinators move, a closer replica serves the reads, and a log that lost records stops what was loaded from it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import {
  BatchFetcher,
  type ClusterTopic,
  KafkaCluster,
  type NewTopic,
  ProducerClient,
} from '../../src/wire/client/index.ts';
import { apiKeys } from '../../src/wire/index.ts';
import { checkTable } from '../support/check-table.ts';
import { labRecords } from '../support/lab-records.ts';
import { type PeerKafkaCluster, startKafkaCluster, waitFor } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let kafka: PeerKafkaCluster;
let cluster: KafkaCluster;
let folder: string;
const committed = { isolation: 'read_committed' } as const;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-three-brokers-'));
  kafka = await startKafkaCluster();
  cluster = new KafkaCluster({
    brokers: kafka.bootstrap.split(','),
    clientId: 'three',
    retryTimeoutMs: 60_000,
    logger: silentLogger,
  });
});

afterAll(async () => {
  await cluster?.close();
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A test that failed half-way leaves no broker dead for the next one. */
afterEach(async () => {
  for (const node of [1, 2, 3]) await kafka.start(`kafka${node}`).catch(() => {}); // most of them run
  await untilInSync();
});

/** Waits for the topic: a broker knows a new one a moment after the controller has answered, and one that starts knows none at first. */
async function describeTopic(name: string): Promise<ClusterTopic> {
  let topic: ClusterTopic | undefined;
  await waitFor(`topic ${name} to be known`, 60_000, async () => {
    [topic] = await cluster.topics({}, [name]);
    return topic !== undefined;
  });
  return topic!;
}

let topicCount = 0;

/** Creates a topic under a name of its own, so that a test can be run again, and waits until each partition has its leader. */
async function createTopic(name: string, options: Omit<NewTopic, 'name'>): Promise<string> {
  const topic = `${name}-${++topicCount}`;
  await cluster.createTopics([{ name: topic, ...options }]);
  await waitFor(`leaders of ${topic}`, 60_000, async () =>
    (await describeTopic(topic)).partitions.every(({ leaderId }) => leaderId >= 0),
  );
  return topic;
}

async function leaderOf(topic: string, partition = 0): Promise<number> {
  return (await describeTopic(topic)).partitions[partition]!.leaderId;
}

/** Waits until another node leads the partition. */
async function untilLeaderIsNot(node: number, topic: string): Promise<void> {
  await waitFor(`a leader of ${topic}-0 other than ${node}`, 60_000, async () => {
    const leader = await leaderOf(topic).catch(() => -1);
    return leader >= 0 && leader !== node;
  });
}

interface ReplicaState {
  topic: string;
  replicas: number[];
  inSync: number[];
}

async function replicaStates(): Promise<ReplicaState[]> {
  const { topics } = await cluster.request('any', apiKeys.Metadata, (version) => ({
    topics: null,
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
  }));
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ replicaNodes, isrNodes }) => ({ topic: name!, replicas: replicaNodes, inSync: isrNodes })),
  );
}

/** Waits until the cluster says so of its replicas; a broker that was just killed may be the one that is asked. */
async function untilReplicas(what: string, isSo: (states: ReplicaState[]) => boolean): Promise<void> {
  await waitFor(what, 120_000, () => replicaStates().then(isSo, () => false));
}

/** Waits until every replica of every partition has caught up. */
async function untilInSync(): Promise<void> {
  await untilReplicas('all replicas to be in sync', (states) =>
    states.every(({ replicas, inSync }) => inSync.length === replicas.length),
  );
}

async function endOf(topic: string): Promise<bigint> {
  const partitions = (await describeTopic(topic)).partitions.map(({ partition }) => partition);
  const ends = await cluster.listOffsets(topic, partitions, 'latest', committed);
  return [...ends.values()].reduce((sum, { offset }) => sum + offset, 0n);
}

async function loadedOf(topic: string, group: string): Promise<bigint> {
  const offsets = await cluster.fetchOffsets(group, null);
  return offsets.filter((one) => one.topic === topic).reduce((sum, { offset }) => sum + offset, 0n);
}

describe('a load from three brokers', () => {
  it('goes on while the leader and then the coordinator are killed and come back; rows equal the log, the audit is clean', async () => {
    const topic = await createTopic('events', { partitions: 3 });
    const seed = 41;
    const random = seededRandom(seed);
    const producer = new ProducerClient({ cluster, lingerMs: 5 });
    const warehouse = ['--warehouse', `file://${folder}/${topic}`];
    const load = new SluiceProcess([
      ...['load', '--brokers', kafka.bootstrap, '--topics', topic, ...warehouse, '--group', 'three'],
      ...['--workers', '2', '--time-field', 'ts', '--roll-age', '1s', '--max-dead-letters', '1000000'],
    ]);
    let sentCount = 0;
    let isSending = true;
    const sending = (async () => {
      while (isSending) {
        for (const record of labRecords({ random, count: 20, from: sentCount })) await producer.send(topic, record);
        sentCount += 20;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const untilLoadedFurther = async (why: string): Promise<void> => {
      const target = await endOf(topic);
      await waitFor(`the load to go on ${why}`, 120_000, async () => (await loadedOf(topic, 'three')) >= target);
    };
    await untilLoadedFurther('at first');

    const leader = await leaderOf(topic);
    await kafka.kill(`kafka${leader}`);
    await untilLeaderIsNot(leader, topic);
    await untilLoadedFurther('without the leader');
    await kafka.start(`kafka${leader}`);
    await untilInSync();

    const coordinator = await cluster.core.coordinatorOf('three', undefined);
    await kafka.kill(`kafka${coordinator}`);
    await untilLoadedFurther('without the coordinator');
    await kafka.start(`kafka${coordinator}`);
    await untilInSync();

    isSending = false;
    await sending;
    await producer.close();
    expect(producer.failedCount).toBe(0);
    await untilLoadedFurther('to the end');
    const ended = await load.stop();
    expect(ended.code, ended.stderr).toBe(0);
    expect(await endOf(topic)).toBe(BigInt(sentCount));
    expect(await checkTable(cluster, topic, join(folder, topic))).toEqual([]);
    const audit = await runSluice(['audit', ...warehouse, '--brokers', kafka.bootstrap, '--deep']);
    expect(audit.code, audit.stderr).toBe(0);
  });
});

describe('a client in the rack of a follower', () => {
  it('reads from the follower, even while the leader is frozen', async () => {
    const topic = await createTopic('near', { partitions: 1 });
    const producer = new ProducerClient({ cluster });
    for (let i = 0; i < 2_000; i++) await producer.send(topic, { value: `${i} ${'x'.repeat(1000)}` });
    await producer.close();
    await untilInSync();
    const leader = await leaderOf(topic);
    const follower = leader === 1 ? 2 : 1;
    const near = new KafkaCluster({
      brokers: kafka.bootstrap.split(','),
      clientId: 'near',
      clientConfig: { 'client.rack': `rack-${follower}` },
      logger: silentLogger,
    });
    const fetcher = new BatchFetcher({
      cluster: near,
      isolation: 'read_committed',
      maxWaitMs: 300,
      maxPartitionBytes: 50_000,
    });
    fetcher.assign(topic, 0, 0n);
    const position = (): bigint => fetcher.progress(topic, 0)!.position;
    const readUntil = async (offset: bigint, timeLimitMs: number): Promise<void> => {
      await waitFor(`offset ${offset}`, timeLimitMs, async () => {
        for (const { error } of await fetcher.poll()) if (error) throw error;
        return position() >= offset;
      });
    };
    await readUntil(200n, 60_000);
    await kafka.kill(`kafka${leader}`, 'STOP');
    try {
      const before = position();
      await readUntil(before + 500n, 5_000); // before another leader is elected
    } finally {
      await kafka.kill(`kafka${leader}`, 'CONT');
    }
    await readUntil(2_000n, 60_000);
    await fetcher.close();
    await near.close();
    await untilInSync();
  });
});

describe('a log that lost records (KIP-320)', () => {
  it('stops readers and loads instead of giving them other records under the same offsets', async () => {
    const configs = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' };
    const topic = await createTopic('lossy', { partitions: 1, replicationFactor: 2, configs });
    const [{ leaderId: first, replicas }] = (await describeTopic(topic)).partitions as [ClusterTopic['partitions'][0]];
    const second = replicas.find((node) => node !== first)!;
    const send = async (count: number, text: string, acks: 'all' | 1): Promise<void> => {
      const producer = new ProducerClient({ cluster, acks });
      for (let i = 0; i < count; i++) await producer.send(topic, { value: JSON.stringify({ text, i }) });
      await producer.close();
    };
    const options = ['--brokers', kafka.bootstrap, '--topics', topic, '--warehouse', `file://${folder}/${topic}`];
    const load = () => runSluice(['load', ...options, '--until-end', '--session-timeout', '10s']);
    await send(10, 'kept', 'all'); // both replicas have them
    await kafka.kill(`kafka${second}`);
    await untilReplicas('the follower to leave the in-sync replicas', (states) =>
      states.some((state) => state.topic === topic && state.inSync.length === 1),
    );
    await send(20, 'lost with the first leader', 1);
    const before = await load();
    expect(before.stdout, before.stderr).toMatch(/^complete: 30 rows/);
    const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 300 });
    fetcher.assign(topic, 0, 0n);
    await waitFor('the reader', 30_000, async () => {
      await fetcher.poll();
      return fetcher.progress(topic, 0)!.position === 30n;
    });

    await kafka.kill(`kafka${first}`);
    await kafka.start(`kafka${second}`);
    await untilLeaderIsNot(first, topic);
    await kafka.start(`kafka${first}`);
    await untilInSync();
    await send(40, 'of the new leader', 'all');
    expect(await endOf(topic)).toBe(50n);
    let met: unknown = null;
    await waitFor('the reader to be told', 60_000, async () => {
      for (const { error } of await fetcher.poll()) met ??= error;
      return met !== null;
    });
    expect(met).toMatchObject({ code: 'log-truncated', divergingOffset: 10n });
    await fetcher.close();
    const after = await load();
    expect(after.code).toBe(1);
    expect(after.stderr).toMatch(/the checkpoint is 30 in leader epoch \d+, but the log left that epoch at 10/);
    const listed = await runSluice(['offsets', 'list', '--warehouse', `file://${folder}/${topic}`, '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ topic, checkpoint: '30' }]);
  });
});
