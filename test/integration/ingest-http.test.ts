// Promises of events over HTTP, against the built-in broker.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  addToken,
  createKeysTopic,
  HttpIngest,
  type HttpIngestOptions,
  IngestServer,
  newApiToken,
  TokenFile,
} from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { readTopic } from '../support/read-topic.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let cluster: KafkaCluster;
let folder: string;
const servers: IngestServer[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  folder = mkdtempSync(join(tmpdir(), 'sluice-ingest-'));
  cluster = newCluster();
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(1000);
});

afterAll(async () => {
  await cluster.close();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const newCluster = (): KafkaCluster =>
  new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger, retryTimeoutMs: 500 });

async function start(options: Partial<HttpIngestOptions> = {}): Promise<string> {
  const ingest = new HttpIngest({
    cluster,
    topics: null,
    tokens: null,
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const server = await IngestServer.start({ ingest, host: '127.0.0.1', port: 0, logger: silentLogger });
  servers.push(server);
  return server.url;
}

let topicCount = 0;

async function newTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const name = `http-${++topicCount}`;
  await cluster.createTopics([{ name, partitions, configs }]);
  return name;
}

interface Answer {
  status: number;
  headers: Headers;
  body: { error?: string; written?: number; failed?: number; events?: object[]; topic?: string };
}

async function post(url: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

const ndjson = { 'content-type': 'application/x-ndjson' };
const valuesOf = async (topic: string): Promise<string[]> =>
  (await readTopic(cluster, topic)).map(({ value }) => value);

describe('POST /topics/T/events', () => {
  it('answers with the place of each event when it is synced, and keeps its bytes as they are', async () => {
    const [url, topic] = [await start(), await newTopic()];
    const one = await post(`${url}/topics/${topic}/events`, ' {"id": 9007199254740993, "a":1.50}\n');
    expect(one).toMatchObject({
      status: 200,
      body: { topic, written: 1, failed: 0, events: [{ partition: 0, offset: '0' }] },
    });
    const two = await post(`${url}/topics/${topic}/events`, '[{"b":2} , {"c": 3}]');
    expect(two.body.events).toEqual([
      { partition: 0, offset: '1' },
      { partition: 0, offset: '2' },
    ]);
    const lines = await post(`${url}/topics/${topic}/events`, '{"d":4}\r\n\n{"e":5}', ndjson);
    expect(lines.body).toMatchObject({ written: 2 });
    expect(await valuesOf(topic)).toEqual([
      '{"id": 9007199254740993, "a":1.50}',
      '{"b":2}',
      '{"c": 3}',
      '{"d":4}',
      '{"e":5}',
    ]);
  });

  it('inflates gzip, and bounds what comes out of it', async () => {
    const [url, topic] = [await start({ limits: { maxBodyBytes: 100_000 } }), await newTopic()];
    const zip = { 'content-encoding': 'gzip' };
    const good = await post(`${url}/topics/${topic}/events`, gzipSync('{"z":1}'), zip);
    expect(good).toMatchObject({ status: 200, body: { written: 1 } });
    const bomb = gzipSync(`{"z":"${'0'.repeat(30_000_000)}"}`);
    expect(bomb.length).toBeLessThan(100_000);
    expect(await post(`${url}/topics/${topic}/events`, bomb, zip)).toMatchObject({
      status: 413,
      body: { error: 'expected a body of at most 100000 bytes, inflated' },
    });
    expect(await post(`${url}/topics/${topic}/events`, '{"z":1}', zip)).toMatchObject({ status: 400 });
    expect(await post(`${url}/topics/${topic}/events`, 'x', { 'content-encoding': 'br' })).toMatchObject({
      status: 415,
    });
    expect(await valuesOf(topic)).toEqual(['{"z":1}']);
  });

  it('takes the key from the query, the header or a field of each event', async () => {
    const [url, topic] = [await start(), await newTopic()];
    await post(`${url}/topics/${topic}/events?key=k1`, '{"a":1}');
    await post(`${url}/topics/${topic}/events`, '{"a":2}', { 'sluice-key': 'k2' });
    await post(`${url}/topics/${topic}/events?keyField=user`, '[{"user":12345678901234567890},{"user":"ü"},{}]');
    expect((await readTopic(cluster, topic)).map(({ key }) => key)).toEqual([
      'k1',
      'k2',
      '12345678901234567890',
      'ü',
      null,
    ]);
    const both = await post(`${url}/topics/${topic}/events?key=a&keyField=b`, '{}');
    expect(both).toMatchObject({ status: 400, body: { error: 'expected key or keyField, got both' } });
  });

  it('says of each event that cannot be written why, and writes the others', async () => {
    const [url, topic] = [
      await start({ limits: { maxEventBytes: 50 } }),
      await newTopic(1, { 'max.message.bytes': '110' }),
    ];
    const long = JSON.stringify({ long: 'x'.repeat(60) });
    const { status, body } = await post(
      `${url}/topics/${topic}/events`,
      `{"a":1}\nnonsense\n[1]\n${long}\n{"b":2}`,
      ndjson,
    );
    expect(status).toBe(207);
    expect(body).toMatchObject({ written: 2, failed: 3 });
    expect(body.events).toEqual([
      { partition: 0, offset: '0' },
      { error: expect.stringContaining('expected a JSON object') },
      { error: 'expected a JSON object, got an array' },
      { error: `expected an event of at most 50 bytes, got ${long.length}` },
      { partition: 0, offset: '1' },
    ]);
    const tooLarge = await post(`${url}/topics/${topic}/events`, `{"c":"${'y'.repeat(40)}"}`);
    expect(tooLarge).toMatchObject({
      status: 400,
      body: { written: 0, error: expect.stringContaining('MESSAGE_TOO_LARGE') },
    });
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('a broken array is refused as a whole', async () => {
    const [url, topic] = [await start(), await newTopic()];
    for (const body of ['[{"a":1},', '[{"a":1}] x', '[,]', '', '   ', '[]', '"text"', 'null']) {
      expect({ body, answer: await post(`${url}/topics/${topic}/events`, body) }).toMatchObject({
        body,
        answer: { status: 400, body: { error: expect.any(String) } },
      });
    }
    expect(await valuesOf(topic)).toEqual([]);
  });

  it('refuses with one clear error what is of another type, method, topic or size', async () => {
    const url = await start({ limits: { maxBodyBytes: 1000, maxEvents: 3 } });
    const topic = await newTopic();
    const place = `${url}/topics/${topic}/events`;
    expect(await post(place, '{}', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { error: 'expected content-type application/json or application/x-ndjson, got "text/plain"' },
    });
    expect(await post(place, '{}', { 'content-type': 'application/json; charset=utf-16' })).toMatchObject({
      status: 415,
    });
    expect(await post(place, 'x'.repeat(2000))).toMatchObject({ status: 413 });
    expect(await post(`${url}/topics/nowhere/events`, '{}')).toMatchObject({ status: 404 });
    expect(await post(`${url}/topics/__consumer_offsets/events`, '{}')).toMatchObject({ status: 404 });
    const got = await fetch(place);
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await post(place, '[{},{},{},{}]')).toMatchObject({
      status: 413,
      body: { error: 'expected at most 3 events in one request' },
    });
    // A stream's first events were written before the fourth came: the answer says so.
    expect(await post(place, '{}\n{}\n{}\n{}\n', ndjson)).toMatchObject({
      status: 413,
      body: { error: 'expected at most 3 events in one request', written: 3, events: [{ offset: '0' }, {}, {}] },
    });
  });

  it('says 429 when more is under way than it takes, and the rest is written', async () => {
    const [url, topic] = [await start({ limits: { maxRequests: 1 } }), await newTopic()];
    const place = new URL(`${url}/topics/${topic}/events`);
    const slow = httpRequest(place, { method: 'POST', headers: ndjson });
    slow.write('{"a":1}\n');
    await waitFor('the first event to be written', 30_000, async () => (await valuesOf(topic)).length === 1);
    const refused = await post(place.href, '{"b":2}');
    expect(refused).toMatchObject({ status: 429, body: { error: expect.stringContaining('send this again') } });
    expect(refused.headers.get('retry-after')).toBe('1');
    const answered = new Promise<number>((resolve) =>
      slow.once('response', (response) => resolve(response.resume().statusCode!)),
    );
    slow.end('{"c":3}\n');
    expect(await answered).toBe(200);
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"c":3}']);
  });

  it('a body that does not come to its end in time is 408, and its place is free again', async () => {
    const [url, topic] = [await start({ limits: { maxBodyMs: 200, maxRequests: 1 } }), await newTopic()];
    const place = `${url}/topics/${topic}/events`;
    const slow = httpRequest(place, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 100 },
    });
    const answered = new Promise<number>((resolve) =>
      slow.once('response', (response) => resolve(response.resume().statusCode!)),
    );
    slow.on('error', () => {}).write('{"a":');
    expect(await answered).toBe(408);
    await waitFor('the place to be free', 30_000, async () => (await post(place, '{"b":2}')).status === 200);
    expect(await valuesOf(topic)).toEqual(['{"b":2}']);
  });

  it('a client that goes away in the middle, or sends nonsense, harms nobody', async () => {
    const [url, topic] = [await start(), await newTopic()];
    const { port } = new URL(url);
    for (const bytes of [
      `POST /topics/${topic}/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"cut":`,
      `POST /topics/${topic}/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: nonsense\r\n\r\n`,
      `POST /topics/%ff/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}`,
      'POST // HTTP/1.1\r\nhost: localhost\r\n\r\n',
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.end(bytes));
        socket
          .on('error', () => {})
          .resume()
          .once('close', () => resolve());
      });
    }
    expect(await post(`${url}/topics/${topic}/events`, '{"ok":1}')).toMatchObject({ status: 200 });
    expect(await valuesOf(topic)).toEqual(['{"ok":1}']);
  });
});

describe('an idempotency key', () => {
  it('makes a request that is sent again one that is written once, with the same answer', async () => {
    const [url, topic] = [await start(), await newTopic()];
    const key = { 'idempotency-key': 'order-1' };
    const body = '[{"a":1},{"b":2}]';
    const [first, second] = await Promise.all([
      post(`${url}/topics/${topic}/events`, body, key),
      post(`${url}/topics/${topic}/events`, body, key),
    ]);
    expect(first).toMatchObject({ status: 200, body: { written: 2 } });
    expect(second.body).toEqual(first.body);
    expect(await post(`${url}/topics/${topic}/events`, '[{"a":1},{"b":3}]', key)).toMatchObject({ status: 422 });
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('is known to another process too, because it is in the log', async () => {
    const topic = await newTopic(3);
    const body = Array.from({ length: 20 }, (_, i) => JSON.stringify({ i })).join('\n');
    const headers = { ...ndjson, 'idempotency-key': 'batch-7' };
    const before = await post(`${await start()}/topics/${topic}/events?keyField=i`, body, headers);
    const after = await post(`${await start()}/topics/${topic}/events?keyField=i`, body, headers);
    expect(after.body).toEqual(before.body);
    expect((await valuesOf(topic)).length).toBe(20);
  });

  it('completes a request of which only a part was written', async () => {
    const topic = await newTopic();
    const body = '[{"a":1},{"b":2},{"c":3}]';
    const headers = { 'idempotency-key': 'half' };
    await post(`${await start()}/topics/${topic}/events`, body, headers);
    const [first] = await readTopic(cluster, topic);
    // What a process leaves that was killed after the first of three events.
    await cluster.deleteTopics([topic]);
    await cluster.createTopics([{ name: topic, partitions: 1 }]);
    const producer = new ProducerClient({ cluster });
    await producer.send(topic, { value: first!.value, headers: first!.headers });
    await producer.close();
    const again = await post(`${await start()}/topics/${topic}/events`, body, headers);
    expect(again.body.events).toEqual([0, 1, 2].map((offset) => ({ partition: 0, offset: String(offset) })));
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  it('of one client at two servers at once is written once, and both give the same answer', async () => {
    const topic = await newTopic(3);
    const keysTopic = `${topic}-keys`;
    await createKeysTopic(cluster, keysTopic, 600_000);
    const other = newCluster();
    try {
      // However slow the machine is: nobody gives up waiting for the other.
      const patient = { keysTopic, keyPatienceMs: 300_000, deliveryTimeoutMs: 300_000 };
      const [one, two] = [await start(patient), await start({ ...patient, cluster: other })];
      const sent = Array.from({ length: 30 }, (_, i) => ({ body: `[{"i":${i}},{"i":-${i + 1}}]`, key: `order-${i}` }));
      const answers = await Promise.all(
        sent.map(({ body, key }) =>
          Promise.all(
            [one, two, one].map((url) => post(`${url}/topics/${topic}/events`, body, { 'idempotency-key': key })),
          ),
        ),
      );
      for (const [first, second, third] of answers) {
        expect(first).toMatchObject({ status: 200, body: { written: 2 } });
        expect([second!.body, third!.body]).toEqual([first!.body, first!.body]);
      }
      expect((await valuesOf(topic)).length).toBe(60);
      const otherBody = await post(`${two}/topics/${topic}/events`, '[{},{}]', { 'idempotency-key': 'order-1' });
      expect(otherBody).toMatchObject({ status: 422 });
      expect(await post(`${one}/topics/${keysTopic}/events`, '{}')).toMatchObject({ status: 404 });
    } finally {
      for (const server of servers.splice(0)) await server.close(1000);
      await other.close();
    }
  });

  it('of a server that died in the middle is another one’s when nothing can be on its way any more', async () => {
    const topic = await newTopic();
    const keysTopic = `${topic}-keys`;
    await createKeysTopic(cluster, keysTopic, 600_000);
    let laterMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs };
    const body = '[{"a":1},{"b":2}]';
    const headers = { 'idempotency-key': 'half' };
    const place = (url: string): string => `${url}/topics/${topic}/events`;
    // What a server leaves that was killed after the first of two events: its claim, and the event.
    const producer = new ProducerClient({ cluster });
    const scratch = await newTopic();
    await post(`${await start()}/topics/${scratch}/events`, body, headers);
    const mark = (await readTopic(cluster, scratch))[0]!.headers[0]!.value!.toString();
    const fingerprint = mark.split('.')[1]!;
    const hash = createHash('sha256').update(`\0${topic}\0half`).digest('hex').slice(0, 32);
    await producer.send(topic, {
      value: '{"a":1}',
      headers: [{ name: 'sluice-request', value: Buffer.from(`${hash}.${fingerprint}.0.2`) }],
    });
    const claim = { kind: 'claim', by: 'the dead', after: null, fingerprint, count: 2 };
    await producer.send(keysTopic, { key: hash, value: JSON.stringify(claim) });
    await producer.close();

    const [one, two] = [await start({ keysTopic, clock, keyPatienceMs: 0 }), await start({ keysTopic, clock })];
    const early = await post(place(one), body, headers);
    expect(early).toMatchObject({ status: 503, body: { error: expect.stringContaining('another server') } });
    expect(await valuesOf(topic)).toEqual(['{"a":1}']);
    laterMs = 71_000;
    const answers = await Promise.all([post(place(one), body, headers), post(place(two), body, headers)]);
    const done = answers.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThan(0);
    for (const answer of done)
      expect(answer.body.events).toEqual([0, 1].map((i) => ({ partition: 0, offset: `${i}` })));
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('is refused when it is none, or when too many are remembered', async () => {
    const [url, topic] = [await start({ maxRememberedEvents: 2 }), await newTopic()];
    const place = `${url}/topics/${topic}/events`;
    expect(await post(place, '{}', { 'idempotency-key': 'x'.repeat(300) })).toMatchObject({ status: 400 });
    expect(await post(place, '[{},{}]', { 'idempotency-key': 'one' })).toMatchObject({ status: 200 });
    expect(await post(place, '{}', { 'idempotency-key': 'two' })).toMatchObject({ status: 429 });
    expect(await post(place, '[{},{}]', { 'idempotency-key': 'one' })).toMatchObject({ status: 200 });
    expect((await valuesOf(topic)).length).toBe(2);
  });
});

describe('who may send', () => {
  it('with tokens: only who has one, to its topics; and no longer when it is taken out of the file', async () => {
    const [topic, other] = [await newTopic(), await newTopic()];
    const path = join(folder, 'tokens.json');
    const { token, entry } = newApiToken('shop', [topic, 'orders-*']);
    await addToken(path, entry);
    expect(readFileSync(path, 'utf8')).not.toContain(token);
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const url = await start({ tokens: await TokenFile.open(path, clock, silentLogger) });
    const bearer = { authorization: `Bearer ${token}` };
    const place = `${url}/topics/${topic}/events`;
    expect(await post(place, '{}', bearer)).toMatchObject({ status: 200 });
    const none = await post(place, '{}');
    expect(none).toMatchObject({ status: 401, body: { error: 'expected the header "authorization: Bearer TOKEN"' } });
    expect(none.headers.get('www-authenticate')).toBe('Bearer');
    expect(await post(place, '{}', { authorization: 'Bearer slu_wrong' })).toMatchObject({ status: 401 });
    expect(await post(`${url}/topics/${other}/events`, '{}', bearer)).toMatchObject({ status: 403 });
    writeFileSync(path, '{"tokens":[]}');
    nowMs += 2000;
    expect(await post(place, '{}', bearer)).toMatchObject({ status: 401 });
  });

  it('without tokens: programs of this machine, by its own name only', async () => {
    const [url, topic] = [await start(), await newTopic()];
    const { port } = new URL(url);
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { host: 'evil.example', 'content-type': 'application/json' };
      httpRequest({ port, host: '127.0.0.1', path: `/topics/${topic}/events`, method: 'POST', headers }, (response) => {
        resolve(response.resume().statusCode!);
      })
        .on('error', reject)
        .end('{}');
    });
    expect(status).toBe(401);
    expect(await valuesOf(topic)).toEqual([]);
  });

  it('pages of websites: those that were named, after asking', async () => {
    const topic = await newTopic();
    const url = await start({ origins: ['https://shop.example'] });
    const place = `${url}/topics/${topic}/events`;
    const ask = (origin: string): Promise<Response> => fetch(place, { method: 'OPTIONS', headers: { origin } });
    const allowed = await ask('https://shop.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('idempotency-key');
    expect((await ask('https://evil.example')).status).toBe(403);
    expect(await post(place, '{"a":1}', { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
    expect(await post(place, '{"a":2}', { origin: 'https://shop.example' })).toMatchObject({ status: 200 });
    expect(await valuesOf(topic)).toEqual(['{"a":2}']);
  });
});

describe('websites', () => {
  it('the pixel writes its parameters, and is written once with an id', async () => {
    const topic = await newTopic();
    const url = await start({ webTopics: [topic] });
    const referer = 'https://shop.example/cart';
    const get = (): Promise<Response> =>
      fetch(`${url}/p.gif?type=install&campaign=spring&id=1`, { headers: { referer } });
    const pixel = await get();
    expect([pixel.status, pixel.headers.get('content-type')]).toEqual([200, 'image/gif']);
    expect(
      Buffer.from(await pixel.arrayBuffer())
        .subarray(0, 6)
        .toString(),
    ).toBe('GIF89a');
    expect((await get()).status).toBe(200);
    const values = await valuesOf(topic);
    expect(values.map((value) => JSON.parse(value))).toEqual([
      { ts: expect.stringMatching(/Z$/), type: 'install', page: 'https://shop.example/cart', campaign: 'spring' },
    ]);
    expect((await fetch(`${url}/p.gif?topic=other`)).status).toBe(404);
  });

  it('the beacon takes what sendBeacon sends, and the script is small', async () => {
    const topic = await newTopic();
    const url = await start({ webTopics: [topic], origins: ['*'] });
    const beacon = await post(`${url}/beacon?topic=${topic}`, '[{"type":"a"},{"type":"b"}]', {
      'content-type': 'text/plain;charset=UTF-8',
      origin: 'https://anywhere.example',
    });
    expect(beacon.status).toBe(204);
    expect(beacon.headers.get('access-control-allow-origin')).toBe('*');
    expect(await valuesOf(topic)).toEqual(['{"type":"a"}', '{"type":"b"}']);
    expect((await post(`${url}/beacon`, `[${'{"a":1},'.repeat(9000)}{}]`)).status).toBe(413);
    const script = await fetch(`${url}/sluice.js`);
    expect(script.headers.get('content-type')).toContain('javascript');
    expect((await script.text()).length).toBeLessThan(2048);
  });
});

describe('a log that is away', () => {
  it('is 503 with a word that the events are in doubt; with a key the repeat writes each once', async () => {
    const own = await startTestBroker();
    const away = new KafkaCluster({
      brokers: [own.bootstrap],
      clientId: 'test',
      logger: silentLogger,
      retryTimeoutMs: 500,
    });
    await away.createTopics([{ name: 'far', partitions: 1 }]);
    const url = await start({ cluster: away, deliveryTimeoutMs: 1500 });
    const headers = { 'idempotency-key': 'far-1' };
    expect(await post(`${url}/topics/far/events`, '{"a":0}', headers)).toMatchObject({ status: 200 });
    await own.broker.close();
    const failed = await post(`${url}/topics/far/events`, '{"a":1}', { 'idempotency-key': 'far-2' });
    expect(failed).toMatchObject({ status: 503, body: { written: 0, events: [{ inDoubt: true }] } });
    expect(failed.headers.get('retry-after')).toBe('1');
    const again = await startTestBroker({}, { dataDirectory: own.dataDirectory, port: own.address.port });
    await waitFor('the second try to be written', 60_000, async () => {
      const { status } = await post(`${url}/topics/far/events`, '{"a":1}', { 'idempotency-key': 'far-2' });
      return status === 200;
    });
    expect(await post(`${url}/topics/far/events`, '{"a":0}', headers)).toMatchObject({ status: 200 });
    expect((await readTopic(away, 'far')).map(({ value }) => value)).toEqual(['{"a":0}', '{"a":1}']);
    await servers.pop()!.close(1000);
    await away.close();
    await again.stop();
    rmSync(own.dataDirectory, { recursive: true, force: true });
  });
});

describe('sluice ingest http', () => {
  it('says where it listens, counts, and ends with the answers of what was under way', async () => {
    const topic = await newTopic();
    const args = [
      'ingest',
      'http',
      '--brokers',
      broker.bootstrap,
      '--listen',
      '127.0.0.1:0',
      '--metrics',
      '127.0.0.1:0',
    ];
    const server = new SluiceProcess([...args, '--topics', topic]);
    const [, url, metrics] = await server.waitFor(/^ready http=(\S+) metrics=(\S+)$/m, 60_000);
    expect(await post(`${url}/topics/${topic}/events`, '{"a":1}')).toMatchObject({ status: 200 });
    expect(await (await fetch(metrics!)).text()).toContain(
      `sluice_ingest_events_total{source="http",topic="${topic}"} 1`,
    );
    const slow = httpRequest(`${url}/topics/${topic}/events`, { method: 'POST', headers: ndjson });
    slow.write('{"a":2}\n');
    await waitFor('the stream to begin', 30_000, async () => (await valuesOf(topic)).length === 2);
    server.child.kill('SIGTERM');
    const answered = new Promise<number>((resolve) =>
      slow.once('response', (response) => resolve(response.resume().statusCode!)),
    );
    slow.end('{"a":3}\n');
    expect(await answered).toBe(200);
    expect((await server.finished).code).toBe(0);
    expect(await valuesOf(topic)).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
  });
});
