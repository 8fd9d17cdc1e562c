import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/shared/index.ts';
import { FramedDecoder } from '../../../src/values/registry/framed-decoder.ts';
import type { RegisteredSchema } from '../../../src/values/registry/registered-schema.ts';
import { RegistryClient } from '../../../src/values/registry/registry-client.ts';

const { signal } = new AbortController();

/** Answers by URL; what is not there refuses the connection. Keeps what was asked. */
function scriptedFetch(answers: Record<string, { status: number; body: unknown } | undefined>): {
  fetch: typeof fetch;
  asked: { url: string; authorization: string | null }[];
} {
  const asked: { url: string; authorization: string | null }[] = [];
  const scripted = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = String(input);
    asked.push({ url, authorization: new Headers(init?.headers).get('authorization') });
    const answer = answers[url];
    if (!answer) throw new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') });
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return new Response(body, { status: answer.status });
  };
  return { fetch: scripted as typeof fetch, asked };
}

const endpoint = (...urls: string[]) => ({ urls, authorization: null, timeoutMs: 1000 });

describe('the client of a schema registry', () => {
  it('asks the next replica when one does not answer or is in trouble, and stays with the one that does', async () => {
    const { fetch, asked } = scriptedFetch({
      'http://b/schemas/ids/1': { status: 503, body: {} },
      'http://c/schemas/ids/1': { status: 200, body: { schema: '"long"' } },
      'http://c/schemas/ids/2': { status: 200, body: { schema: '"int"' } },
    });
    const client = new RegistryClient(endpoint('http://a', 'http://b/', 'http://c'), { fetch });
    expect(await client.schemaById(1, signal)).toMatchObject({ id: 1, type: 'AVRO', text: '"long"' });
    await client.schemaById(2, signal);
    expect(asked.map(({ url }) => url)).toEqual([
      'http://a/schemas/ids/1',
      'http://b/schemas/ids/1',
      'http://c/schemas/ids/1',
      'http://c/schemas/ids/2',
    ]);
  });

  it('tells "no such schema" from a registry that is down, refuses us, or is none', async () => {
    const { fetch } = scriptedFetch({
      'http://a/schemas/ids/1': { status: 404, body: { error_code: 40403, message: 'Schema 1 not found' } },
      'http://a/schemas/ids/2': { status: 404, body: '<html>Not Found</html>' },
      'http://a/schemas/ids/3': { status: 401, body: { error_code: 40101, message: 'Unauthorized' } },
      'http://a/schemas/ids/4': { status: 200, body: 'not JSON' },
    });
    const client = new RegistryClient(endpoint('http://a'), { fetch });
    expect(await client.schemaById(1, signal)).toBeNull();
    for (const id of [2, 3, 4]) {
      await expect(client.schemaById(id, signal)).rejects.toMatchObject({
        code: 'registry-refused',
        isRetriable: false,
      });
    }
    await expect(client.schemaById(5, signal)).rejects.toMatchObject({
      code: 'registry-unavailable',
      isRetriable: true,
    });
  });

  it('sends the login of the settings or of the URL, and never shows it', async () => {
    const answer = { status: 500, body: {} };
    const { fetch, asked } = scriptedFetch({ 'http://a/schemas/types': answer });
    const client = new RegistryClient(endpoint('http://user:p%40ss@a'), { fetch });
    await expect(client.check(signal)).rejects.toThrow(/^(?!.*p@ss)(?!.*p%40ss).*$/s);
    await new RegistryClient({ ...endpoint('http://a'), authorization: 'Bearer t' }, { fetch })
      .check(signal)
      .catch(() => {});
    expect(asked.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
      'Bearer t',
    ]);
  });

  it('brings what a schema refers to before it, each once', async () => {
    const reference = (name: string) => ({ name, subject: `${name}-value`, version: 1 });
    const { fetch } = scriptedFetch({
      'http://a/schemas/ids/1': { status: 200, body: { schema: 'top', references: [reference('b'), reference('c')] } },
      'http://a/subjects/b-value/versions/1?deleted=true': {
        status: 200,
        body: { schema: 'B', references: [reference('c')] },
      },
      'http://a/subjects/c-value/versions/1?deleted=true': { status: 200, body: { schema: 'C' } },
    });
    const found = await new RegistryClient(endpoint('http://a'), { fetch }).schemaById(1, signal);
    expect(found?.references).toEqual([
      { name: 'c', text: 'C' },
      { name: 'b', text: 'B' },
    ]);
  });

  it('keeps schemas within its bound of bytes', async () => {
    const answers = Object.fromEntries(
      Array.from({ length: 50 }, (_, id) => [
        `http://a/schemas/ids/${id}`,
        { status: 200, body: { schema: 'x'.repeat(1000) } },
      ]),
    );
    const { fetch, asked } = scriptedFetch(answers);
    const client = new RegistryClient(endpoint('http://a'), { fetch, cacheBytes: 10_000 });
    for (let id = 0; id < 50; id++) await client.schemaById(id, signal);
    expect(client.cacheBytes).toBeLessThanOrEqual(10_000);
    await client.schemaById(49, signal);
    expect(asked).toHaveLength(50);
    await client.schemaById(0, signal);
    expect(asked).toHaveLength(51);
  });
});

describe('values in the wire format', () => {
  const compile = ({ text }: RegisteredSchema) => ({
    decode: (value: Buffer, position: number) => Buffer.from(`${text}:${value.toString('utf8', position)}`),
    columns: () => [{ name: text, type: 'int64' }],
  });
  const framed = (id: number, text = 'x'): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(text)]);
  const schema = (id: number): RegisteredSchema => ({ id, type: 'AVRO', text: `s${id}`, references: [] });

  it('are refused with unknown-schema when the registry does not know their id, which is asked again after a while', async () => {
    const clock = new ManualClock();
    let known = false;
    const asked: number[] = [];
    const source = {
      schemaById: async (id: number) => {
        asked.push(id);
        return id === 1 || known ? schema(id) : null;
      },
    };
    const decoder = new FramedDecoder({ source, compile, clock });
    await decoder.prepare([framed(1), framed(2), framed(2)], signal);
    expect(decoder.decode(framed(1, 'v')).toString()).toBe('s1:v');
    expect(decoder.decode(framed(2))).toMatchObject({ code: 'unknown-schema' });
    known = true;
    await decoder.prepare([framed(2)], signal);
    expect(decoder.decode(framed(2))).toMatchObject({ code: 'unknown-schema' });
    await clock.advance(30_000);
    await decoder.prepare([framed(2)], signal);
    expect(decoder.decode(framed(2, 'v')).toString()).toBe('s2:v');
    expect(asked).toEqual([1, 2, 2]);
    expect(decoder.columns.map(({ name }) => name)).toEqual(['s1', 's2']);
    expect(decoder.decode(Buffer.from('{"a":1}'))).toMatchObject({ code: 'not-framed' });
    expect(decoder.decode(Buffer.alloc(0))).toMatchObject({ code: 'not-framed' });
  });

  it('are never asked for with an id that no registry can have', async () => {
    const source = {
      schemaById: async (): Promise<null> => {
        throw new Error('asked');
      },
    };
    const decoder = new FramedDecoder({ source, compile, clock: new ManualClock() });
    const value = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]);
    await decoder.prepare([value], signal);
    expect(decoder.decode(value)).toMatchObject({ code: 'unknown-schema' });
  });
});
