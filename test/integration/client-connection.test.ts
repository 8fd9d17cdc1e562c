// Promises of one connection and of finding one: what happens when brokers are old, slow, wrong or not there.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { type ClusterOptions, KafkaCluster, KafkaConnection } from '../../src/wire/client/index.ts';
import { apiKeys, encodeResponseFrame, responseSchema } from '../../src/wire/index.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

let broker: ScriptedBroker;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  broker = await ScriptedBroker.start();
});

afterEach(async () => {
  await broker.stop();
  await Promise.all(opened.splice(0).map((item) => item.close()));
});

function open(changes: Partial<Parameters<typeof KafkaConnection.open>[0]> = {}): Promise<KafkaConnection> {
  const [host, port] = broker.address.split(':');
  return KafkaConnection.open({
    host: host!,
    port: Number(port),
    clientId: 'test',
    connectTimeoutMs: 2_000,
    requestTimeoutMs: 2_000,
    logger: silentLogger,
    ...changes,
  });
}

function openCluster(changes: Partial<ClusterOptions> = {}): KafkaCluster {
  const cluster = new KafkaCluster({
    brokers: [broker.address],
    clientId: 'test',
    retryTimeoutMs: 3_000,
    logger: silentLogger,
    ...changes,
  });
  opened.push(cluster);
  return cluster;
}

describe('the versions of a connection', () => {
  it('are the newest that both sides know', async () => {
    broker.on(apiKeys.Heartbeat, () => ({}), [1, 2]);
    const connection = await open();
    expect(connection.versionOf(apiKeys.Heartbeat)).toBe(2);
    expect(connection.versionOf(apiKeys.FindCoordinator)).toBe(6);
    await connection.close();
  });

  it('are asked for again in an older form when the broker does not know our question (KIP-511)', async () => {
    const advertised = [
      { apiKey: apiKeys.ApiVersions, minVersion: 0, maxVersion: 2 },
      { apiKey: apiKeys.Heartbeat, minVersion: 0, maxVersion: 1 },
    ];
    broker.on(apiKeys.ApiVersions, (_, { version, correlationId }) => {
      if (version <= 2) return { apiKeys: advertised };
      const old = { errorCode: 35, apiKeys: advertised.slice(0, 1) };
      const chunks = encodeResponseFrame(
        apiKeys.ApiVersions,
        0,
        correlationId,
        responseSchema(apiKeys.ApiVersions)!,
        old,
      );
      return { bytes: Buffer.concat(chunks) };
    });
    const connection = await open();
    expect(broker.of(apiKeys.ApiVersions).map(({ version }) => version)).toEqual([4, 2]);
    expect(connection.versionOf(apiKeys.Heartbeat)).toBe(1);
    await connection.close();
  });

  it('that do not overlap are an error that names both sides', async () => {
    broker.on(apiKeys.Produce, () => ({}), [99, 100]);
    const connection = await open();
    expect(() => connection.versionOf(apiKeys.Produce)).toThrow(
      'expected one of the versions 3 to 12, the broker has 99 to 100',
    );
    expect(() => connection.versionOf(apiKeys.LeaveGroup)).toThrow('the broker has none');
    await connection.close();
  });
});

describe('requests of a connection', () => {
  it('are matched with their answers, whatever the callers do meanwhile', async () => {
    broker.on(apiKeys.Heartbeat, (request) => ({ throttleTimeMs: request.generationId }));
    const connection = await open({ maxInFlight: 3 });
    const ask = async (generationId: number): Promise<number> =>
      (await connection.request(apiKeys.Heartbeat, { groupId: 'g', generationId, memberId: 'm' })).throttleTimeMs;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(i)));
    expect(answers).toEqual(Array.from({ length: 50 }, (_, i) => i));
    await connection.close();
  });

  it('are never more on the wire than allowed, and never more in the queue', async () => {
    broker.on(apiKeys.Heartbeat, () => 'stay-silent');
    const connection = await open({ maxInFlight: 2, maxWaiting: 3 });
    const ask = (): Promise<unknown> => connection.request(apiKeys.Heartbeat, { groupId: 'g' });
    const pending = Array.from({ length: 5 }, () => ask().catch((error: Error) => error.message));
    await expect(ask()).rejects.toThrow('it does not keep up');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(broker.of(apiKeys.Heartbeat)).toHaveLength(2);
    connection.destroy();
    await Promise.all(pending);
  });

  it('that are given up leave the connection usable, and their late answer is dropped', async () => {
    let release: () => void = () => {};
    broker.on(apiKeys.Heartbeat, async (request) => {
      if (request.generationId === 1) await new Promise<void>((resolve) => (release = resolve));
      return { errorCode: request.generationId };
    });
    const connection = await open();
    const giveUp = new AbortController();
    const first = connection.request(apiKeys.Heartbeat, { groupId: 'g', generationId: 1 }, { signal: giveUp.signal });
    const second = connection.request(apiKeys.Heartbeat, { groupId: 'g', generationId: 2 });
    giveUp.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await waitUntil(() => broker.of(apiKeys.Heartbeat).length > 0);
    release();
    expect((await second).errorCode).toBe(2);
    await connection.close();
  });

  it('that time out end the connection, because nothing behind them can be answered', async () => {
    broker.on(apiKeys.Heartbeat, () => new Promise(() => {}));
    const connection = await open();
    const slow = connection.request(apiKeys.Heartbeat, { groupId: 'g' }, { timeoutMs: 100 });
    const behind = connection.request(apiKeys.Heartbeat, { groupId: 'g' });
    await expect(slow).rejects.toMatchObject({ code: 'request-timeout', isRetriable: true });
    await expect(behind).rejects.toMatchObject({ code: 'request-timeout' });
    expect(connection.isOpen).toBe(false);
    await expect(connection.request(apiKeys.Heartbeat, {})).rejects.toThrow('did not answer Heartbeat within 100 ms');
  });

  it('fail with a retriable error when the broker goes away', async () => {
    broker.on(apiKeys.Heartbeat, () => 'close');
    const connection = await open();
    const asked = connection.request(apiKeys.Heartbeat, { groupId: 'g' });
    await expect(asked).rejects.toMatchObject({ code: 'connection-closed', isRetriable: true });
  });

  it('under way are answered before a close is done; new ones are refused', async () => {
    let release: () => void = () => {};
    broker.on(apiKeys.Heartbeat, async () => {
      await new Promise<void>((resolve) => (release = resolve));
      return { errorCode: 5 };
    });
    const connection = await open();
    const asked = connection.request(apiKeys.Heartbeat, { groupId: 'g' });
    await waitUntil(() => broker.of(apiKeys.Heartbeat).length === 1);
    const closing = connection.close();
    await expect(connection.request(apiKeys.Heartbeat, {})).rejects.toMatchObject({ code: 'connection-closed' });
    release();
    expect((await asked).errorCode).toBe(5);
    await closing;
  });
});

describe('an answer that is no Kafka answer', () => {
  it.each([
    ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'at most'],
    ['a frame that is too large', Buffer.from('7fffffff00000001', 'hex'), 'at most'],
    ['an unknown correlation id', Buffer.from('000000040000ffff', 'hex'), 'correlation id'],
    ['a message that ends too early', Buffer.from('0000000500000001ff', 'hex'), 'needs'],
    ['an empty frame', Buffer.from('00000000', 'hex'), 'needs'],
  ])('%s ends the connection with an error that says so', async (_, bytes, message) => {
    broker.on(apiKeys.ApiVersions, () => ({ bytes }));
    await expect(open()).rejects.toMatchObject({
      code: 'connect-failed',
      isRetriable: true,
      message: expect.stringContaining(message),
    });
  });

  it('never holds more than the limit for responses', async () => {
    broker.on(apiKeys.Heartbeat, () => ({
      bytes: Buffer.concat([Buffer.from('00200000', 'hex'), Buffer.alloc(1000)]),
    }));
    const connection = await open({ maxResponseBytes: 1024 * 1024 });
    const asked = connection.request(apiKeys.Heartbeat, { groupId: 'g' });
    await expect(asked).rejects.toMatchObject({ code: 'connection-closed', cause: { code: 'too-large' } });
  });
});

describe('finding a broker', () => {
  it('fails at once, with the name, when no host is known', async () => {
    const cluster = openCluster({ brokers: ['no-such-host.invalid:9092'] });
    const startedMs = performance.now();
    await expect(cluster.topics()).rejects.toMatchObject({
      code: 'broker-unreachable',
      message: expect.stringContaining('no-such-host.invalid:9092 (unknown host)'),
    });
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it('fails within the retry time, naming every address, when nobody listens', async () => {
    await broker.stop();
    const cluster = openCluster({ brokers: [broker.address, '127.0.0.1:1'], retryTimeoutMs: 500 });
    const startedMs = performance.now();
    const error = await cluster.topics().catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'broker-unreachable', isRetriable: true });
    expect((error as Error).message).toContain(`${broker.address} (connection refused)`);
    expect((error as Error).message).toContain('127.0.0.1:1 (connection refused)');
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await broker.listen();
  });

  it('takes the time limit for a broker that accepts and says nothing', async () => {
    broker.on(apiKeys.ApiVersions, () => 'stay-silent');
    const cluster = openCluster({ connectTimeoutMs: 200, retryTimeoutMs: 300 });
    await expect(cluster.topics()).rejects.toThrow('no answer within 200 ms');
  });

  it('goes on with a broker that lives when another one is dead', async () => {
    const cluster = openCluster({ brokers: ['127.0.0.1:1', broker.address] });
    expect(await cluster.clusterId()).toBe('scripted');
  });

  it('waits out a restart', async () => {
    const cluster = openCluster({ retryTimeoutMs: 10_000 });
    await cluster.topics();
    await broker.stop();
    setTimeout(() => void broker.listen(), 500);
    expect(await cluster.topics()).toEqual([]);
  });

  it('shares one connection between those who ask at the same time', async () => {
    const cluster = openCluster();
    await Promise.all(Array.from({ length: 20 }, () => cluster.topics()));
    expect(broker.connectionCount).toBe(1);
  });

  it('leaves nothing open and nothing unhandled when it is closed in the middle of everything', async () => {
    broker.on(apiKeys.Metadata, () => 'stay-silent');
    const cluster = openCluster({ requestTimeoutMs: 300 });
    const asked = cluster.topics().catch((error: Error) => error);
    await waitUntil(() => broker.of(apiKeys.Metadata).length === 1);
    await cluster.close();
    expect(await asked).toBeInstanceOf(Error);
    await expect(cluster.topics()).rejects.toThrow('closed');
  });
});

describe('coordinators and leaders', () => {
  it('a group is followed to its new coordinator', async () => {
    const second = await ScriptedBroker.start(broker.cluster);
    const describeWith = (node: ScriptedBroker, errorCode: number, groupState: string): void =>
      node.on(apiKeys.DescribeGroups, () => ({ groups: [{ groupId: 'g', errorCode, groupState }] }));
    describeWith(broker, 0, 'Stable');
    const cluster = openCluster();
    expect((await cluster.describeGroup('g')).state).toBe('Stable');
    describeWith(broker, 16, ''); // NOT_COORDINATOR
    describeWith(second, 0, 'Empty');
    broker.cluster.coordinatorId = 2;
    expect((await cluster.describeGroup('g')).state).toBe('Empty');
    await second.stop();
  });

  it('a group whose coordinator has left the cluster is asked about until there is another one', async () => {
    const second = await ScriptedBroker.start(broker.cluster);
    opened.push({ close: () => second.stop() });
    broker.cluster.coordinatorId = 2;
    const answer = () => ({ groups: [{ groupId: 'g', topics: [] }] });
    broker.on(apiKeys.OffsetFetch, answer);
    second.on(apiKeys.OffsetFetch, answer);
    const cluster = openCluster();
    await cluster.fetchOffsets('g');
    await second.stop();
    broker.cluster.nodes.splice(1, 1); // the cluster has noticed, but still names it as the coordinator
    setTimeout(() => (broker.cluster.coordinatorId = 1), 500);
    expect(await cluster.fetchOffsets('g')).toEqual([]);
    expect(broker.of(apiKeys.OffsetFetch)).toHaveLength(1);
    await second.listen();
  });

  it('offsets are asked for again where the leader has moved to, the others are not', async () => {
    const second = await ScriptedBroker.start(broker.cluster);
    broker.setTopic('t', 'a'.repeat(32), [
      [1, 0],
      [1, 0],
    ]);
    const answerWith = (node: ScriptedBroker, moved: number | null): void =>
      node.on(apiKeys.ListOffsets, (request) => ({
        topics: request.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) =>
            partitionIndex === moved
              ? { partitionIndex, errorCode: 6 }
              : { partitionIndex, offset: BigInt(node.nodeId * 100 + partitionIndex), leaderEpoch: 1 },
          ),
        })),
      }));
    answerWith(broker, 1);
    answerWith(second, null);
    const cluster = openCluster();
    await cluster.topics();
    broker.setTopic('t', 'a'.repeat(32), [
      [1, 0],
      [2, 1],
    ]);
    const offsets = await cluster.listOffsets('t', [0, 1], 'latest', { isolation: 'read_committed' });
    expect([...offsets].map(([partition, { offset }]) => [partition, offset])).toEqual([
      [0, 100n],
      [1, 201n],
    ]);
    const asked = second.of(apiKeys.ListOffsets)[0]!.message;
    expect(asked).toMatchObject({
      isolationLevel: 1,
      topics: [{ partitions: [{ partitionIndex: 1, currentLeaderEpoch: 1 }] }],
    });
    await second.stop();
  });
});

async function waitUntil(test: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!test()) {
    if (performance.now() > endMs) throw new Error(`waited too long for ${test}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
