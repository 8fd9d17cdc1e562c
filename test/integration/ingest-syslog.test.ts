// Promises of `sluice ingest syslog`, against the built-in broker.
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventWriter, IngestMetrics, SyslogServer, type SyslogServerOptions } from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { readTopic, type TopicRecord } from '../support/read-topic.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let cluster: KafkaCluster;

beforeAll(async () => {
  broker = await startTestBroker();
  cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
});

afterAll(async () => {
  await cluster.close();
  await broker.stop();
});

const local = { host: '127.0.0.1', port: 0 };

async function start(topic: string, options: Partial<SyslogServerOptions> = {}) {
  await cluster.createTopics([{ name: topic, partitions: 1 }]);
  const writer = new EventWriter({
    cluster,
    maxInFlightBytes: 1024 * 1024,
    deliveryTimeoutMs: 60_000,
    logger: silentLogger,
  });
  const metrics = new IngestMetrics({ processMetrics: false });
  const server = await SyslogServer.start({
    udp: local,
    tcp: local,
    topic,
    writer,
    maxMessageBytes: 1000,
    maxPendingBytes: 1024 * 1024,
    maxConnections: 8,
    metrics,
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const stop = async (): Promise<void> => {
    await server.close();
    await writer.close();
  };
  return { server, metrics, stop };
}

async function sendTcp(address: string, chunks: readonly (string | Buffer)[]): Promise<void> {
  const socket = await open(address);
  for (const chunk of chunks) if (!socket.destroyed) socket.write(chunk);
  socket.end();
  await new Promise<void>((resolve) =>
    socket
      .on('error', () => {})
      .resume()
      .once('close', () => resolve()),
  );
}

async function open(address: string): Promise<Socket> {
  const [host, port] = address.split(':');
  return await new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => resolve(socket)).once('error', reject);
  });
}

async function sendUdp(address: string, datagrams: readonly (string | Buffer)[]): Promise<void> {
  const [host, port] = address.split(':');
  const socket = createSocket('udp4');
  for (const datagram of datagrams) {
    await new Promise<void>((resolve) => socket.send(datagram, Number(port), host, () => resolve()));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}

async function untilThere(topic: string, count: number): Promise<TopicRecord[]> {
  let records: TopicRecord[] = [];
  await waitFor(`${count} messages in ${topic}`, 60_000, async () => {
    records = await readTopic(cluster, topic);
    return records.length >= count;
  });
  return records;
}

describe('sluice ingest syslog', () => {
  it('takes both formats in both framings over TCP, with the host as key', async () => {
    const { server, stop } = await start('tcp');
    const first = '<34>1 2026-11-21T10:00:00Z web1 app 7 ID1 [a@1 b="c"] counted';
    const second = '<13>Nov 21 10:00:01 web2 cron[9]: a line';
    await sendTcp(server.tcpAddress!, [`${first.length} ${first}${second}\n`]);
    const records = await untilThere('tcp', 2);
    expect(records.map(({ key }) => key)).toEqual(['web1', 'web2']);
    const events = records.map(({ value }) => JSON.parse(value));
    expect(events[0]).toMatchObject({
      type: 'syslog',
      ts: '2026-11-21T10:00:00.000Z',
      app: 'app',
      data: { 'a@1': { b: 'c' } },
    });
    expect(events[1]).toMatchObject({ format: 'rfc3164', app: 'cron', pid: '9', message: 'a line', from: '127.0.0.1' });
    await stop();
  });

  it('takes datagrams, cuts what is too long and says so', async () => {
    const { server, stop } = await start('udp');
    await sendUdp(server.udpAddress!, ['<13>app: one', `<13>app: ${'x'.repeat(5000)}`]);
    const events = (await untilThere('udp', 2)).map(({ value }) => JSON.parse(value));
    expect(events[0]).toMatchObject({ app: 'app', message: 'one' });
    expect(events[0].truncated).toBeUndefined();
    expect(events[1]).toMatchObject({ truncated: true, message: 'x'.repeat(1000 - '<13>app: '.length) });
    await stop();
  });

  it('counts datagrams that find no room', async () => {
    const { server, metrics, stop } = await start('dropped', { maxPendingBytes: 0 });
    await sendUdp(server.udpAddress!, ['<13>app: one', '<13>app: two']);
    await waitFor('two drops', 60_000, async () =>
      (await metrics.registry.metrics()).includes('sluice_ingest_dropped_total{where="memory"} 2'),
    );
    expect(await readTopic(cluster, 'dropped')).toEqual([]);
    await stop();
  });

  it('holds a TCP sender back while the log takes nothing, and loses nothing', async () => {
    const { server, stop } = await start('held');
    const lines = Array.from({ length: 20_000 }, (_, i) => `<13>app: ${i} ${'y'.repeat(200)}`);
    await sendTcp(server.tcpAddress!, [`${lines.join('\n')}\n`]); // four times what may wait for the log
    const records = await untilThere('held', lines.length);
    expect(records.map(({ value }) => JSON.parse(value).message.split(' ')[0])).toEqual(lines.map((_, i) => String(i)));
    await stop();
  });

  it('hostile streams end themselves, and nobody else', async () => {
    const { server, stop } = await start('hostile');
    const good = await open(server.tcpAddress!);
    good.write('<13>app: before\n');
    await sendTcp(server.tcpAddress!, ['99999999999999999999 x']);
    await sendTcp(server.tcpAddress!, [Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x3c, 0x0a])]);
    await sendTcp(server.tcpAddress!, [`9999999 ${'a'.repeat(100_000)}`]);
    await sendTcp(server.tcpAddress!, ['b'.repeat(3_000_000)]);
    await sendUdp(server.udpAddress!, [Buffer.alloc(0), Buffer.alloc(300, 0xff), '<13>1 ']);
    good.end('<13>app: after\n');
    await waitFor('the good connection', 60_000, async () =>
      (await readTopic(cluster, 'hostile')).some(({ value }) => JSON.parse(value).message === 'after'),
    );
    for (const { value } of await readTopic(cluster, 'hostile')) {
      expect(JSON.parse(value)).toMatchObject({ type: 'syslog', message: expect.any(String) });
      expect(value.length).toBeLessThan(10_000);
    }
    await stop();
  });

  it('the command says where it listens and ends with exit code 0', async () => {
    await cluster.createTopics([{ name: 'command', partitions: 1 }]);
    const args = ['ingest', 'syslog', '--topic', 'command', '--brokers', broker.bootstrap, '--udp', '127.0.0.1:0'];
    const server = new SluiceProcess([...args, '--tcp', '127.0.0.1:0']);
    const [, udp, tcp] = await server.waitFor(/^ready udp=(\S+) tcp=(\S+)$/m, 60_000);
    await sendUdp(udp!, ['<13>app: datagram']);
    await sendTcp(tcp!, ['<13>app: stream\n']);
    await untilThere('command', 2);
    expect((await server.stop()).code).toBe(0);
  });
});
