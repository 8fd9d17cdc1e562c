// Promise: values that other people's serializers wrote, with schemas that Confluent's own client registered in our registry on an Apache
// Kafka, land to the last digit.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { avroPayload } from '../../src/values/avro/avro-decoder.ts';
import { parseAvroSchema } from '../../src/values/avro/parse-avro-schema.ts';
import { parseExactJson } from '../../src/values/core/exact-json.ts';
import { parseProtoSchema } from '../../src/values/protobuf/parse-proto-schema.ts';
import { PlainProtobufDecoder } from '../../src/values/protobuf/protobuf-decoder.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { type Lake, openLake } from '../support/lake.ts';
import { type PeerKafka, serializerPython, startKafka } from '../support/peers.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const seed = process.env['SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));
const script = (name: string): string => fileURLToPath(new URL(`clients/${name}`, import.meta.url));

interface Encoded {
  name: string;
  schema: string;
  reader: string | null;
  references: { name: string; text: string }[];
  message: string;
  hex: string;
  json: string;
}

async function encoded(name: string, count: number): Promise<Encoded[]> {
  const output = await serializerPython([script(name), seed, String(count)]);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Encoded);
}

describe(`random values of random schemas (seed ${seed})`, () => {
  it('that fastavro encoded become the JSON that their Python values say', async () => {
    for (const { name, schema, reader, hex, json } of await encoded('avro_values.py', 1500)) {
      const writer = parseAvroSchema(schema);
      const payload = avroPayload(writer, reader === null ? writer : parseAvroSchema(reader));
      const text = payload.decode(Buffer.from(hex, 'hex'), 0).toString();
      expect(parseExactJson(text), name).toEqual(parseExactJson(json));
    }
  });

  it('that the Protobuf library encoded become the JSON that their fields say', async () => {
    const cases = await encoded('protobuf_values.py', 150);
    const files = new Map(cases.map(({ schema, references }) => [schema, parseProtoSchema(schema, references)]));
    for (const { name, schema, message, hex, json } of cases) {
      const decoder = new PlainProtobufDecoder(files.get(schema)!.messageNamed(message));
      expect(parseExactJson(decoder.decode(Buffer.from(hex, 'hex')).toString()), name).toEqual(parseExactJson(json));
    }
  });
});

describe('our registry on an Apache Kafka', () => {
  let kafka: PeerKafka;
  let lake: Lake;
  let registry: SluiceProcess;
  let url: string;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'real-formats-'));
    kafka = await startKafka();
    lake = await openLake();
    registry = new SluiceProcess(['registry', '--brokers', kafka.bootstrap, '--listen', '127.0.0.1:0']);
    [, url] = (await registry.waitFor(/^ready registry=(\S+)$/m)) as unknown as [string, string];
  });

  afterAll(async () => {
    await registry?.stop();
    await kafka?.stop();
    await lake?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is all that Confluent's client asks of a registry, and is compacted", async () => {
    expect(JSON.parse(await serializerPython([script('registry_client.py'), 'check', url]))).toEqual({
      first: 1,
      again: 1,
      'other subject': 1,
      compatible: true,
      incompatible: false,
      refused: [409, 409],
      invalid: [422, 42201],
      second: 2,
      versions: [1, 2],
      latest: [2, 2, true],
      lookup: 1,
      'unknown id': [404, 40403],
      'unknown subject': [404, 40401],
      'no level': [404, 40408],
      'set level': { compatibility: 'NONE' },
      level: 'NONE',
      'with level none': 3,
      reference: 4,
      referenced: [422, 42206],
      deleted: 3,
      'after delete': [1, 2],
      'delete subject': [1],
      'delete for good': [1],
      subjects: ['holder-value', 'user-value'],
    });
    const cluster = new KafkaCluster({ brokers: [kafka.bootstrap], clientId: 'test', logger: silentLogger });
    const configs = await cluster.topicConfig('_schemas');
    await cluster.close();
    expect(configs.find(({ name }) => name === 'cleanup.policy')?.value).toBe('compact');
  });

  it('serves the serializers of Confluent and our loads: Avro, Protobuf and JSON land exactly', async () => {
    await serializerPython([script('registry_client.py'), 'produce', url, kafka.bootstrap]);
    const glob = async (topic: string, format: string): Promise<string> => {
      const warehouse = join(folder, 'lake');
      const args = ['--brokers', kafka.bootstrap, '--topics', topic, '--warehouse', pathToFileURL(warehouse).href];
      const load = new SluiceProcess(['load', ...args, '--until-end', '--format', format, '--registry', url]);
      const { code, stderr } = await load.finished;
      expect(code, stderr).toBe(0);
      return `read_parquet('${warehouse}/${topic}/dt=*/**/*.parquet', union_by_name=true)`;
    };
    const avro = await lake.rows(
      `SELECT count(*), min(id), max(id), sum(amount), min(epoch_us("at")), max(epoch_us("at")), count(note), sum(len(tags))
       FROM ${await glob('avro', 'avro')}`,
    );
    expect(avro[0]!.map(String)).toEqual([
      ...['100', '9223372036854775708', '9223372036854775807', '0.4950'],
      ...['1795246200123456', '1795246200123555', '50', '99'],
    ]);
    const protobuf = await lake.rows(
      `SELECT count(*), min(user_id), max(big)::VARCHAR, min("at"), sum(len(numbers)), max("text")
       FROM ${await glob('protobuf', 'protobuf')}`,
    );
    expect(protobuf[0]!.map(String)).toEqual([
      ...['100', '-9223372036854775808', '18446744073709551615', '2026-11-21T07:30:00.123456Z', '200', 'é99'],
    ]);
    const json = await lake.rows(
      `SELECT count(*), max(id), sum(price), max(note) FROM ${await glob('json', 'json-schema')}`,
    );
    expect(json[0]!.map(String)).toEqual(['100', '9007199254741091', '1237.5', 'x']);
  });
});
