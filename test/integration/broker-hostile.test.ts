// Connections that misbehave: each loses itself and nothing else.
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ApiVersionsRequestSchema,
  ApiVersionsResponseSchema,
  apiKeys,
  encodeBatch,
  encodeRequestFrame,
  FetchRequestSchema,
  FetchResponseSchema,
  MetadataRequestSchema,
  MetadataResponseSchema,
  ProduceRequestSchema,
  ProduceResponseSchema,
} from '../../src/wire/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: TestBroker | null = null;
const clients: RawClient[] = [];

async function start(...args: Parameters<typeof startTestBroker>): Promise<TestBroker> {
  broker = await startTestBroker(...args);
  return broker;
}

async function connect(): Promise<RawClient> {
  const client = await RawClient.open(broker!.address);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await broker?.stop();
  broker = null;
});

const metadata = async (client: RawClient, topic = 't') =>
  await client.request(MetadataRequestSchema, MetadataResponseSchema, 12, { topics: [{ name: topic }] });

function sized(size: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(size);
  return Buffer.concat([head, body]);
}

function header(apiKey: number, apiVersion: number): Buffer {
  const out = Buffer.alloc(10);
  out.writeInt16BE(apiKey, 0);
  out.writeInt16BE(apiVersion, 2);
  out.writeInt32BE(7, 4);
  out.writeInt16BE(-1, 8);
  return out;
}

function produceFrame(values: string[], acks: number, correlationId: number, topic = 't'): Buffer {
  const records = encodeBatch(
    values.map((value) => ({ value })),
    { timestampMs: 1n },
  );
  const message = { acks, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] };
  const frameHeader = { apiKey: apiKeys.Produce, apiVersion: 9, correlationId, clientId: null };
  return Buffer.concat(encodeRequestFrame(frameHeader, ProduceRequestSchema, message));
}

describe('a hostile frame', () => {
  const frames: [string, Buffer][] = [
    ['a negative size', sized(-1)],
    ['a size of 2 GiB', sized(0x7fff_ffff)],
    ['a size just above the limit', sized(1024 * 1024 + 1)],
    ['an empty frame', sized(0)],
    ['a frame too short for a header', sized(3, Buffer.from([0, 3, 0]))],
    ['a TLS hello', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['an unknown API', sized(10, header(9999, 0))],
    ['an API that is not advertised', sized(10, header(apiKeys.EndTxn, 3))],
    ['a version that is not advertised', sized(10, header(apiKeys.Metadata, 99))],
    ['a negative version', sized(10, header(apiKeys.Fetch, -5))],
    [
      'a count that the frame cannot hold',
      sized(14, Buffer.concat([header(apiKeys.Metadata, 1), Buffer.from([0x7f, 0xff, 0xff, 0xff])])),
    ],
    ['bytes behind the message', sized(15, Buffer.concat([header(apiKeys.Metadata, 1), Buffer.from([0, 0, 0, 0, 9])]))],
  ];

  it.each(frames)('with %s closes that connection and no other', async (_what, bytes) => {
    const { broker } = await start({ limits: { maxFrameBytes: 1024 * 1024 } });
    const bystander = await connect();
    await metadata(bystander);
    const hostile = await connect();
    hostile.write(bytes);
    await hostile.whenClosed;
    expect(hostile.receivedBytes).toBe(0);
    expect(broker.counters.badRequests).toBe(1);
    expect((await metadata(bystander)).topics[0]!.errorCode).toBe(0);
  });

  it('of random bytes is survived a thousand times over (seeded by the run)', async () => {
    const { broker } = await start();
    const bystander = await connect();
    for (let round = 0; round < 200; round++) {
      const hostile = await connect();
      const body = randomBytes(1 + (round % 60));
      if (round % 2 === 0) body.writeInt8(0, 0);
      hostile.write(round % 3 === 0 ? body : sized(body.length, body));
      if (round % 5 === 0) hostile.close();
      clients.pop();
      setTimeout(() => hostile.close(), 50);
    }
    expect((await metadata(bystander)).topics[0]!.errorCode).toBe(0);
    expect(broker.counters.connectionsAccepted).toBe(201);
  });
});

describe('a claimed size', () => {
  it('takes no memory before the bytes come', async () => {
    await start();
    const before = process.memoryUsage();
    for (let i = 0; i < 50; i++) (await connect()).write(sized(99 * 1024 * 1024, Buffer.alloc(10)));
    await metadata(await connect());
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 * 1024 * 1024);
    expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
  });

  it('that many clients fill together is bounded: the one that goes too far is closed', async () => {
    const { broker } = await start({ limits: { maxPartialFrameBytes: 4 * 1024 * 1024 } });
    const fillers = await Promise.all(Array.from({ length: 8 }, connect));
    for (const filler of fillers) filler.write(sized(50 * 1024 * 1024, Buffer.alloc(1024 * 1024)));
    await expect.poll(() => fillers.some((filler) => filler.isClosed)).toBe(true);
    expect(fillers.some((filler) => !filler.isClosed)).toBe(true);
    expect(broker.counters.badRequests).toBeGreaterThan(0);
    expect((await metadata(await connect())).topics[0]!.errorCode).toBe(0);
  });
});

describe('a slow client', () => {
  it('that sends a byte now and then is closed when the idle time is over', async () => {
    const { broker } = await start({ limits: { idleTimeoutMs: 400 } });
    const slow = await connect();
    slow.write(Buffer.from([0, 0, 3]));
    const timer = setInterval(() => slow.write(Buffer.from([0])), 50);
    await slow.whenClosed;
    clearInterval(timer);
    expect(broker.counters.connectionsClosedIdle).toBe(1);
  });

  it('that waits in a long poll is not idle', async () => {
    await start({ limits: { idleTimeoutMs: 300 } });
    const waiting = await connect();
    await metadata(waiting);
    waiting.send(FetchRequestSchema, 11, {
      maxWaitMs: 1_000,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
    });
    const answer = await waiting.receive(FetchResponseSchema, 11);
    expect(answer.responses[0]!.partitions[0]!.errorCode).toBe(0);
  });

  it('that never reads its answers is closed when the idle time is over', async () => {
    const { broker } = await start({ limits: { idleTimeoutMs: 500, maxUnsentBytesPerConnection: 100_000 } });
    const producer = await connect();
    await metadata(producer);
    producer.write(produceFrame(['x'.repeat(900_000)], -1, 1));
    await producer.receive(ProduceResponseSchema, 9);
    const deaf = await connect();
    deaf.socket.pause();
    for (let i = 0; i < 30; i++) {
      deaf.send(FetchRequestSchema, 11, {
        maxWaitMs: 0,
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1024 * 1024 }] }],
      });
    }
    await expect.poll(() => broker.counters.connectionsClosedIdle, { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
  });

  it('that does not read its answers holds up itself only, and a bounded number of them', async () => {
    await start({ limits: { maxUnsentBytesPerConnection: 1024 * 1024 } });
    const producer = await connect();
    await metadata(producer);
    const big = 'x'.repeat(512 * 1024);
    for (let i = 0; i < 8; i++) {
      producer.write(produceFrame([big], -1, i));
      await producer.receive(ProduceResponseSchema, 9);
    }
    const deaf = await connect();
    deaf.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200; i++) {
      deaf.send(FetchRequestSchema, 11, {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 8 * 1024 * 1024 }] }],
      });
    }
    for (let i = 0; i < 20; i++) expect((await metadata(producer)).topics[0]!.errorCode).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('pipelined requests', () => {
  it('are answered in the order they came, whatever they are', async () => {
    await start();
    const client = await connect();
    await metadata(client);
    const expected: number[] = [];
    for (let i = 0; i < 200; i++) {
      const message = { topics: [{ name: i % 5 === 0 ? `new-${i}` : 't' }] };
      if (i % 3 === 0) expected.push(client.send(MetadataRequestSchema, 12, message));
      else if (i % 3 === 1) expected.push(client.send(ApiVersionsRequestSchema, 0, {}));
      else {
        client.write(produceFrame([`v${i}`], -1, 100_000 + i));
        expected.push(100_000 + i);
      }
    }
    for (const correlationId of expected) expect(await client.receiveCorrelationId()).toBe(correlationId);
  });

  it('of a producer get ascending offsets in the order they were sent', async () => {
    await start();
    const client = await connect();
    await metadata(client);
    for (let i = 0; i < 300; i++) client.write(produceFrame([`v${i}`], i % 2 === 0 ? -1 : 1, i));
    for (let i = 0; i < 300; i++) {
      const { responses } = await client.receive(ProduceResponseSchema, 9);
      expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(i) });
    }
  });

  it('with acks=0 are all done though the client goes away at once, and get no answer', async () => {
    await start();
    const client = await connect();
    await metadata(client);
    const answered = client.receivedBytes;
    for (let i = 0; i < 500; i++) client.write(produceFrame([`v${i}`], 0, i));
    client.socket.end();
    await client.whenClosed;
    expect(client.receivedBytes).toBe(answered);
    const reader = await connect();
    const fetch = async () =>
      await reader.request(FetchRequestSchema, FetchResponseSchema, 11, {
        maxWaitMs: 100,
        minBytes: 1,
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
      });
    await expect.poll(async () => (await fetch()).responses[0]!.partitions[0]!.highWatermark).toBe(500n);
  });

  it('beyond the limit wait in the socket, not in memory', async () => {
    const { broker } = await start({ limits: { maxRequestsPerConnection: 10, maxRequestBytesPerConnection: 100_000 } });
    const client = await connect();
    await metadata(client);
    const count = 3_000;
    for (let i = 0; i < count; i++) client.write(produceFrame(['x'.repeat(2_000)], -1, i));
    for (let i = 0; i < count; i++) expect(await client.receiveCorrelationId()).toBe(i);
    expect(broker.counters.badRequests).toBe(0);
  });
});

describe('connections', () => {
  it('beyond the limits are refused, for all and per address, and room comes back', async () => {
    const { broker } = await start({ limits: { maxConnections: 3, maxConnectionsPerIp: 2 } });
    const first = await connect();
    await connect();
    const third = await connect();
    await third.whenClosed;
    expect(broker.counters.connectionsRefused).toBe(1);
    first.close();
    await expect
      .poll(async () => {
        const next = await connect();
        return await metadata(next).then(
          () => true,
          () => false,
        );
      })
      .toBe(true);
  });

  it('are answered before they are closed when the broker stops', async () => {
    const started = await start();
    const client = await connect();
    await metadata(client);
    client.send(FetchRequestSchema, 11, {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.write(produceFrame(['last words'], -1, 77));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopping = started.broker.close();
    expect((await client.receive(FetchResponseSchema, 11)).errorCode).toBe(0);
    await client.whenClosed;
    await stopping;
  });
});

describe('ApiVersions', () => {
  it('in a version of the future is answered in version 0 with the list and UNSUPPORTED_VERSION (35)', async () => {
    await start();
    const client = await connect();
    client.write(sized(11, Buffer.concat([header(apiKeys.ApiVersions, 99), Buffer.from([0])])));
    const answer = await client.receive(ApiVersionsResponseSchema, 0);
    expect(answer.errorCode).toBe(35);
    expect(answer.apiKeys.find((api) => api.apiKey === apiKeys.ApiVersions)).toMatchObject({ minVersion: 0 });
  });

  it('offers Produce from version 0 for librdkafka (KAFKA-18659), and refuses it there in its own layout', async () => {
    await start();
    const client = await connect();
    const { apiKeys: apis } = await client.request(ApiVersionsRequestSchema, ApiVersionsResponseSchema, 3, {
      clientSoftwareName: 'raw',
      clientSoftwareVersion: '1',
    });
    expect(apis.find((api) => api.apiKey === apiKeys.Produce)!.minVersion).toBe(0);
    const old = Buffer.from('0001 000003e8 00000001 000174 00000001 00000000 00000002 abcd'.replaceAll(' ', ''), 'hex');
    for (const [version, extra] of [
      [0, ''],
      [1, '00000000'],
      [2, 'ffffffffffffffff00000000'],
    ] as const) {
      client.write(sized(10 + old.length, Buffer.concat([header(apiKeys.Produce, version), old])));
      const answer = (await client.receiveFrame()).toString('hex');
      expect(answer).toBe(
        `00000007${'00000001'}${'000174'}${'00000001'}${'00000000'}${'0023'}${'f'.repeat(16)}${extra}`,
      );
    }
  });
});
