import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { type RegistryServer, SchemaRegistry, startRegistryServer } from '../../src/values/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

const { signal } = new AbortController();
let broker: TestBroker;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
});

afterAll(async () => {
  for (const close of closers.reverse()) await close();
  await broker.stop();
});

/** A registry with its own connections, as another process has. */
async function open(topic: string): Promise<{ registry: SchemaRegistry; close: () => Promise<void> }> {
  const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'registry', logger: silentLogger });
  const registry = await SchemaRegistry.open({ cluster, topic, clock: systemClock, logger: silentLogger }, signal);
  const close = async (): Promise<void> => {
    await registry.close();
    await cluster.close();
  };
  return { registry, close };
}

async function serve(topic: string): Promise<{ server: RegistryServer; url: string; close: () => Promise<void> }> {
  const { registry, close } = await open(topic);
  const server = await startRegistryServer({ registry, host: '127.0.0.1', port: 0, logger: silentLogger });
  return {
    server,
    url: `http://127.0.0.1:${server.address.port}`,
    close: async () => {
      await server.close();
      await close();
    },
  };
}

async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

const record = (field: string): string =>
  `{"type":"record","name":"R","fields":[{"name":"${field}","type":"long","default":0}]}`;

describe('the schema registry of our own', () => {
  it('answers in the shapes of Confluent, errors too, and says what is wrong with a schema', async () => {
    const { url, close } = await serve('_schemas');
    closers.push(close);
    expect(await call(url, 'POST', '/subjects/a-value/versions', { schema: record('x') })).toEqual({
      status: 200,
      body: { id: 1 },
    });
    expect(await call(url, 'POST', '/subjects/a-value/versions', { schema: '"nothing"' })).toMatchObject({
      status: 422,
      body: { error_code: 42201, message: expect.stringContaining('"nothing"') },
    });
    expect(await call(url, 'POST', '/subjects/a-value/versions', { schema: '"long"' })).toMatchObject({
      status: 409,
      body: { error_code: 409 },
    });
    expect(await call(url, 'POST', '/subjects/a-value/versions', { schemata: 1 })).toMatchObject({ status: 422 });
    expect(await call(url, 'GET', '/schemas/ids/99')).toEqual({
      status: 404,
      body: { error_code: 40403, message: 'Schema 99 not found' },
    });
    expect(await call(url, 'GET', '/subjects/a-value/versions/0')).toMatchObject({
      status: 422,
      body: { error_code: 42202 },
    });
    expect(await call(url, 'GET', '/nowhere')).toMatchObject({ status: 404, body: { error_code: 404 } });
    expect(await call(url, 'PATCH', '/subjects')).toMatchObject({ status: 405 });
    expect(await call(url, 'PUT', '/config', { compatibility: 'sideways' })).toMatchObject({
      status: 422,
      body: { error_code: 42203 },
    });
    const checked = await call(url, 'POST', '/compatibility/subjects/a-value/versions/latest?verbose=true', {
      schema: '"long"',
    });
    expect(checked.body).toMatchObject({ is_compatible: false, messages: [expect.stringContaining('version 1')] });
  });

  it('lets a subject be read-only, or take ids that another registry gave', async () => {
    const { url, close } = await serve('_modes');
    closers.push(close);
    expect(await call(url, 'PUT', '/mode/b', { mode: 'readonly' })).toMatchObject({ body: { mode: 'READONLY' } });
    expect(await call(url, 'POST', '/subjects/b/versions', { schema: '"long"' })).toMatchObject({
      body: { error_code: 42205 },
    });
    expect(await call(url, 'POST', '/subjects/c/versions', { schema: '"long"', id: 77 })).toMatchObject({
      body: { error_code: 42205 },
    });
    await call(url, 'PUT', '/mode/c', { mode: 'IMPORT' });
    expect(await call(url, 'POST', '/subjects/c/versions', { schema: '"long"', id: 77, version: 4 })).toEqual({
      status: 200,
      body: { id: 77 },
    });
    expect(await call(url, 'POST', '/subjects/c/versions', { schema: '"int"', id: 77, version: 5 })).toMatchObject({
      body: { error_code: 42205 },
    });
    expect(await call(url, 'GET', '/subjects/c/versions')).toEqual({ status: 200, body: [4] });
    await call(url, 'DELETE', '/mode/c');
    expect(await call(url, 'POST', '/subjects/c/versions', { schema: '"int"' })).toMatchObject({
      body: { error_code: 409 },
    });
  });

  it('knows everything again after it was started anew', async () => {
    const first = await serve('_kept');
    await call(first.url, 'POST', '/subjects/a/versions', { schema: record('x') });
    await call(first.url, 'POST', '/subjects/a/versions', { schema: record('y') });
    await call(first.url, 'PUT', '/config/a', { compatibility: 'FULL_TRANSITIVE' });
    await call(first.url, 'DELETE', '/subjects/a/versions/1');
    await first.close();
    const second = await serve('_kept');
    closers.push(second.close);
    expect(await call(second.url, 'GET', '/subjects/a/versions')).toEqual({ status: 200, body: [2] });
    expect(await call(second.url, 'GET', '/subjects/a/versions?deleted=true')).toEqual({ status: 200, body: [1, 2] });
    expect(await call(second.url, 'GET', '/schemas/ids/1')).toMatchObject({ status: 200 });
    expect(await call(second.url, 'GET', '/config/a')).toEqual({
      status: 200,
      body: { compatibilityLevel: 'FULL_TRANSITIVE' },
    });
    expect(await call(second.url, 'POST', '/subjects/b/versions', { schema: record('z') })).toEqual({
      status: 200,
      body: { id: 3 },
    });
  });

  it('never gives one id to two schemas, nor one schema two ids, when three registries write at once', async () => {
    const registries = await Promise.all([1, 2, 3].map(() => open('_race')));
    closers.push(...registries.map(({ close }) => close));
    const schemas = Array.from({ length: 20 }, (_, index) => record(`f${index}`));
    const given = await Promise.all(
      registries.flatMap(({ registry }, own) =>
        schemas.map(async (text, index) => {
          const schema = { type: 'AVRO' as const, text, references: [] };
          // Every schema is registered by all three under one subject, and under one of its own.
          const subject = index % 2 === 0 ? 'shared' : `own-${own}`;
          const stored = await registry.register(subject, schema, {}, signal);
          return { text, subject, id: stored.id, version: stored.version };
        }),
      ),
    );
    const idsOf = new Map<string, Set<number>>();
    const textsOf = new Map<number, Set<string>>();
    const textsOfVersion = new Map<string, Set<string>>();
    for (const { text, id, subject, version } of given) {
      idsOf.set(text, (idsOf.get(text) ?? new Set()).add(id));
      textsOf.set(id, (textsOf.get(id) ?? new Set()).add(text));
      const key = `${subject}/${version}`;
      textsOfVersion.set(key, (textsOfVersion.get(key) ?? new Set()).add(text));
    }
    expect([...textsOf.values()].every((texts) => texts.size === 1)).toBe(true);
    expect([...idsOf.values()].every((ids) => ids.size === 1)).toBe(true);
    expect([...textsOfVersion.values()].every((texts) => texts.size === 1)).toBe(true);
    const late = await open('_race');
    closers.push(late.close);
    for (const { text, id, subject, version } of given) {
      expect(late.registry.state.byId(id)?.text).toBe(text);
      expect(late.registry.state.version(subject, version)?.id).toBe(id);
    }
  });

  it('does not begin on a topic that would lose schemas', async () => {
    const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
    closers.push(() => cluster.close());
    await cluster.createTopics([{ name: '_lossy', partitions: 1 }]);
    await cluster.createTopics([{ name: '_wide', partitions: 2, configs: { 'retention.ms': '-1' } }]);
    await expect(open('_lossy')).rejects.toThrow(/cleanup.policy=compact/);
    await expect(open('_wide')).rejects.toThrow(/one partition/);
  });
});
