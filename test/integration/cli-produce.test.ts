// Promises of `sluice produce`: every format comes through exactly, the summary counts right, exit codes say what happened.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { type FinishedProcess, runSluice, SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let folder: string;
let topicCount = 0;

beforeAll(async () => {
  broker = await startTestBroker();
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-produce-'));
});

afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const newTopic = (): string => `produced-${++topicCount}`;

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function produce(topic: string, path: string, ...more: string[]): Promise<FinishedProcess> {
  return runSluice(['produce', topic, '--file', path, '--brokers', broker.bootstrap, ...more]);
}

interface Printed {
  partition: number;
  offset: string;
  key: string | null;
  value: string;
  valueEncoding?: string;
}

async function recordsOf(topic: string): Promise<Printed[]> {
  const args = ['consume', topic, '--until-end', '--json', '--brokers', broker.bootstrap];
  const { code, stdout, stderr } = await runSluice(args);
  expect(code, stderr).toBe(0);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Printed);
}

const valuesOf = async (topic: string): Promise<string[]> => (await recordsOf(topic)).map(({ value }) => value);

describe('the formats', () => {
  it('NDJSON goes through byte for byte, broken JSON and bytes that are no text too', async () => {
    const topic = newTopic();
    const lines = [
      '{"a": 1,  "b":2.50}',
      '{"broken": ',
      'not JSON',
      '\xff\xfe\x00',
      '{"big":123456789012345678901234567890}',
    ];
    const path = file('mixed.ndjson', Buffer.from(`${lines.join('\n')}\n\r\n{"last":true}`, 'latin1'));
    const { code, stdout } = await produce(topic, path);
    expect(stdout).toMatch(/^complete: 6 records acknowledged, \d+ B, [\d.]+ s, [\d,]+ records\/s\n$/);
    expect(code).toBe(0);
    const records = await recordsOf(topic);
    const bytes = records.map(({ value, valueEncoding }) =>
      Buffer.from(value, valueEncoding === 'base64' ? 'base64' : 'utf8'),
    );
    expect(bytes.map((value) => value.toString('latin1'))).toEqual([...lines, '{"last":true}']);
  });

  it('a JSON array goes through element by element, byte for byte', async () => {
    const topic = newTopic();
    const path = file('array.json', '[ {"a" : 1e2},\n  {"b":[1,\n2]}, 12345678901234567890, "x" ]\n');
    expect((await produce(topic, path)).code).toBe(0);
    expect(await valuesOf(topic)).toEqual(['{"a" : 1e2}', '{"b":[1,\n2]}', '12345678901234567890', '"x"']);
  });

  it('the array inside an object is taken with --array, and named when it is forgotten', async () => {
    const topic = newTopic();
    const path = file('collection.json', '{"type":"FeatureCollection","features":[{"id":1},{"id":2}],"more":[3]}');
    const forgotten = await produce(topic, path);
    expect(forgotten.code).toBe(2);
    expect(forgotten.stderr).toMatch(/^sluice: .*take one of its arrays with --array features or --array more\n$/);
    expect((await produce(topic, path, '--array', 'features')).code).toBe(0);
    expect(await valuesOf(topic)).toEqual(['{"id":1}', '{"id":2}']);
  });

  it('CSV becomes objects: unquoted JSON numbers digit for digit, empty cells null, the rest text', async () => {
    const topic = newTopic();
    const csv =
      '\ufeffid,name,zip,price,note\r\n' +
      '9007199254740993,"Smith, ""Joe""",00501,1.50,\r\n' +
      '"7",Zoë,"",-0.5e3,"two\nlines"\r\n';
    expect((await produce(topic, file('rows.csv', csv))).code).toBe(0);
    expect(await valuesOf(topic)).toEqual([
      '{"id":9007199254740993,"name":"Smith, \\"Joe\\"","zip":"00501","price":1.50,"note":null}',
      '{"id":"7","name":"Zoë","zip":"","price":-0.5e3,"note":"two\\nlines"}',
    ]);
  });

  it('CSV keeps everything as text with --csv-strings, and takes another delimiter', async () => {
    const topic = newTopic();
    expect((await produce(topic, file('rows2.csv', 'a;b\n1;x\n'), '--csv-strings', '--csv-delimiter', ';')).code).toBe(
      0,
    );
    expect(await valuesOf(topic)).toEqual(['{"a":"1","b":"x"}']);
  });

  it('Parquet loses nothing: 64 bits, decimals, timestamps, nested values', async () => {
    const topic = newTopic();
    const path = join(folder, 'types.parquet');
    await writeParquet(
      path,
      `SELECT 9223372036854775807::BIGINT AS big, 18446744073709551615::UBIGINT AS ubig,
        12345678901234567.89::DECIMAL(20,2) AS dec, 0.1::DOUBLE AS dbl, 'nan'::DOUBLE AS nan, 1e300::DOUBLE AS huge,
        TIMESTAMP '2001-01-10 18:20:00.123456' AS ts, TIMESTAMP '2001-01-10 18:20:00' AS ts0,
        TIMESTAMPTZ '2001-01-10 18:20:00+02' AS tz, DATE '2001-01-10' AS d, TRUE AS yes, NULL::INTEGER AS nothing,
        'quote " and \\ and é' AS "text ""x""", '\\xAA\\x00'::BLOB AS bin,
        [1, NULL, 3]::BIGINT[] AS list, {'a': 1::BIGINT, 'b': [DATE '2020-02-02']} AS obj, MAP {'k': 1.5::DECIMAL(3,1)} AS map`,
    );
    expect((await produce(topic, path)).code).toBe(0);
    expect(await valuesOf(topic)).toEqual([
      '{"big":9223372036854775807,"ubig":18446744073709551615,"dec":12345678901234567.89,"dbl":0.1,"nan":null,"huge":1e+300,' +
        '"ts":"2001-01-10T18:20:00.123456Z","ts0":"2001-01-10T18:20:00Z","tz":"2001-01-10T16:20:00Z","d":"2001-01-10",' +
        '"yes":true,"nothing":null,"text \\"x\\"":"quote \\" and \\\\ and é","bin":"qgA=",' +
        '"list":[1,null,3],"obj":{"a":1,"b":["2020-02-02"]},"map":{"k":1.5}}',
    ]);
  });

  it('the standard input is read like a file', async () => {
    const topic = newTopic();
    const args = ['produce', topic, '--file', '-', '--brokers', broker.bootstrap];
    expect((await runSluice(args, { input: '{"n":1}\n{"n":2}\n' })).code).toBe(0);
    expect(await valuesOf(topic)).toEqual(['{"n":1}', '{"n":2}']);
  });
});

async function writeParquet(path: string, query: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
}

describe('keys, partitions and rate', () => {
  it('the key comes from a field, and equal keys go to one partition in their order', async () => {
    const topic = newTopic();
    const lines = Array.from({ length: 400 }, (_, i) =>
      JSON.stringify({ n: i, user: i % 2 === 0 ? `u${i % 20}` : i % 20 }),
    );
    const path = file('keyed.ndjson', `${lines.join('\n')}\n{"n":400}`);
    expect((await produce(topic, path, '--key-field', 'user', '--partitions', '4')).code).toBe(0);
    const records = await recordsOf(topic);
    expect(records).toHaveLength(401);
    for (const { key, value } of records) {
      const { user } = JSON.parse(value);
      expect(key).toBe(user === undefined ? null : String(user));
    }
    const partitions = new Set(records.map(({ partition }) => partition));
    expect(partitions.size).toBeGreaterThan(1);
    const byKey = new Map<string | null, Printed[]>();
    for (const record of records) byKey.set(record.key, [...(byKey.get(record.key) ?? []), record]);
    for (const [key, group] of byKey) {
      if (key !== null) expect(new Set(group.map(({ partition }) => partition)).size).toBe(1);
      const numbers = group.map(({ value }) => JSON.parse(value).n as number);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it('the rate is kept', async () => {
    const path = file('rated.ndjson', '{"n":1}\n'.repeat(300));
    const { stdout } = await produce(newTopic(), path, '--rate', '200/s', '--json');
    const { seconds, records } = JSON.parse(stdout);
    expect(records).toBe(300);
    expect(seconds).toBeGreaterThan(1.3);
    expect(seconds).toBeLessThan(3);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('compressed with %s, records come back the same', async (codec) => {
    const topic = newTopic();
    const lines = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ n: i, text: 'x'.repeat(i % 50) }));
    const { stdout } = await produce(
      topic,
      file(`${codec}.ndjson`, lines.join('\n')),
      '--compression',
      codec,
      '--json',
    );
    expect(JSON.parse(stdout)).toMatchObject({ topic, result: 'complete', records: 2000, acknowledged: 2000 });
    expect(await valuesOf(topic)).toEqual(lines);
  });
});

describe('what can go wrong', () => {
  const line = (text: string): RegExp => new RegExp(`^sluice: [^\\n]*${text}[^\\n]*\\n$`);

  it.each([
    ['a file that is not there', ['--file', '/nonexistent/x.ndjson'], 'x.ndjson: there is none'],
    ['a folder', ['--file', '/tmp'], 'expected a file, got the folder /tmp'],
    ['text that is not the format', ['--file', 'ARRAY'], 'expected "," or "\\]", got "2"'],
    ['Parquet that is none', ['--file', 'ARRAY', '--format', 'parquet'], 'expected a Parquet file at'],
    ['an unknown host', ['--file', 'GOOD', '--brokers', 'no-such-host.invalid:9092'], 'unknown host'],
    ['nobody there', ['--file', 'GOOD', '--brokers', '127.0.0.1:1'], 'connection refused'],
    ['a rate that is none', ['--file', 'GOOD', '--rate', 'fast'], 'expected records per second'],
  ])('%s is one clear line and exit code 2', async (_, args, message) => {
    const paths: Record<string, string> = { ARRAY: file('bad.json', '[1 2]'), GOOD: file('good.ndjson', '{}\n') };
    const withPaths = args.map((arg) => paths[arg] ?? arg);
    const brokers = args.includes('--brokers') ? [] : ['--brokers', broker.bootstrap];
    const { code, stderr, stdout } = await runSluice(['produce', 'never', ...withPaths, ...brokers]);
    expect(stderr).toMatch(line(message));
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('a name that no topic can have is exit code 2', async () => {
    const { code, stderr } = await produce('no/topic', file('one.ndjson', '{}\n'));
    expect(stderr).toMatch(line('INVALID_TOPIC_EXCEPTION'));
    expect(code).toBe(2);
  });

  it('a record that is too large for the topic fails the command, names the reason, and the others are counted', async () => {
    const topic = newTopic();
    const path = file('large.ndjson', `{"n":1}\n${JSON.stringify({ text: 'x'.repeat(3_000_000) })}\n{"n":2}\n`);
    const { code, stdout, stderr } = await produce(topic, path);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed: \d records acknowledged of 3 sent/);
    expect(stderr).toMatch(/MESSAGE_TOO_LARGE/);
  });

  it('Ctrl-C sends what is under way and says how many records were acknowledged', async () => {
    const topic = newTopic();
    const path = file('slow.ndjson', '{"n":1}\n'.repeat(100_000));
    const args = ['produce', topic, '--file', path, '--rate', '500/s', '--brokers', broker.bootstrap, '--json'];
    const running = new SluiceProcess(args);
    await waitFor('the first records', 60_000, () => hasRecords(topic));
    const { code, stdout } = await running.stop('SIGINT');
    const { result, records, acknowledged } = JSON.parse(stdout);
    expect({ code, result }).toEqual({ code: 1, result: 'stopped' });
    expect(acknowledged).toBe(records);
    expect(acknowledged).toBeGreaterThan(0);
    expect(acknowledged).toBeLessThan(100_000);
    expect(await recordsOf(topic)).toHaveLength(acknowledged);
  });
});

async function hasRecords(topic: string): Promise<boolean> {
  const cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
  try {
    if ((await cluster.topics({}, [topic])).length === 0) return false;
    const ends = await cluster.listOffsets(topic, [0], 'latest', { isolation: 'read_uncommitted' });
    return ends.get(0)!.offset > 0n;
  } finally {
    await cluster.close();
  }
}
