import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../support/lake.ts';
import { LoadLab, readDeadLetters } from '../support/load-lab.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

/** The built product: its broker, its registry, its loader; DuckDB reads what came of it. */
let lab: LoadLab;
let lake: Lake;
let registry: SluiceProcess;
let url: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'value-formats-'));
  lab = await LoadLab.open();
  lake = await openLake();
  ({ registry, url } = await startRegistry());
});

afterAll(async () => {
  await registry?.stop();
  await lab?.close();
  await lake?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function startRegistry(port = 0): Promise<{ registry: SluiceProcess; url: string }> {
  const started = new SluiceProcess(['registry', '--brokers', lab.bootstrap, '--listen', `127.0.0.1:${port}`]);
  const [, ready] = await started.waitFor(/^ready registry=(\S+)$/m);
  return { registry: started, url: ready! };
}

async function register(subject: string, body: object): Promise<number> {
  const response = await fetch(`${url}/subjects/${subject}/versions`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status, await response.clone().text()).toBe(200);
  return ((await response.json()) as { id: number }).id;
}

/** Confluent's frame: a zero byte, the id, the payload. */
function framed(id: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, payload]);
}

async function load(topic: string, args: string[]): Promise<{ directory: string; glob: string; report: LoadSummary }> {
  const { directory, url: warehouse } = lab.warehouse(`lake-${topic}`);
  const { code, stdout, stderr } = await lab.load(topic, warehouse, ['--until-end', '--json', ...args]).finished;
  expect([0, 3], stderr).toContain(code);
  const table = join(directory, topic);
  return { directory: table, glob: `${table}/dt=*/**/*.parquet`, report: JSON.parse(stdout) as LoadSummary };
}

interface LoadSummary {
  rowCount: string | number;
  deadLetterCount: string | number;
}

async function typesOf(glob: string): Promise<Record<string, string>> {
  const rows = await lake.rows(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('${glob}'))`);
  return Object.fromEntries(rows as [string, string][]);
}

function zigzag(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

describe('Avro in the wire format, with the registry of our own', () => {
  const fields = [
    { name: 'id', type: 'long' },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 4 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'note', type: ['null', 'string'], default: null },
  ];
  const schema = (extra: object[] = []): object => ({
    schema: JSON.stringify({ type: 'record', name: 'Order', fields: [...fields, ...extra] }),
  });
  const order = (id: bigint): number[] => {
    const amount = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    return [...zigzag(id), ...zigzag(BigInt(amount.length)), ...amount, ...zigzag(1_795_246_200_123_456n), 0];
  };

  it('lands every digit in columns that the schema types, adds those of a newer schema, and refuses an id that nobody knows', async () => {
    await lab.createTopic('orders', 1);
    const first = await register('orders-value', schema());
    const uuid = { name: 'trace', type: ['null', { type: 'string', logicalType: 'uuid' }], default: null };
    const second = await register('orders-value', schema([uuid]));
    const trace = '12345678-9abc-def0-1234-56789abcdef0';
    await lab.produce('orders', 0, [
      { value: framed(first, Buffer.from(order(9_223_372_036_854_775_807n))) },
      { value: framed(first, Buffer.from(order(-9_223_372_036_854_775_808n))) },
      { value: framed(second, Buffer.from([...order(9_007_199_254_740_993n), 2, 72, ...Buffer.from(trace)])) },
      { value: framed(4711, Buffer.from(order(1n))) },
      { value: framed(first, Buffer.from(order(2n)).subarray(0, 9)) },
      { value: Buffer.from('no frame') },
    ]);
    const { glob, directory, report } = await load('orders', [
      '--format',
      'avro',
      '--registry',
      url,
      '--max-dead-letters',
      '3',
    ]);
    expect(report).toMatchObject({ rowCount: expect.anything(), deadLetterCount: expect.anything() });
    expect(await typesOf(glob)).toMatchObject({
      id: 'BIGINT',
      amount: 'DECIMAL(20,4)',
      at: 'TIMESTAMP WITH TIME ZONE',
      note: 'VARCHAR',
      trace: 'UUID',
    });
    const rows = await lake.rows(
      `SELECT _offset, id, amount, epoch_us("at"), note, trace::VARCHAR FROM read_parquet('${glob}', union_by_name=true) ORDER BY _offset`,
    );
    const amount = '922337203685477.5807';
    expect(rows.map((row) => row.map(String))).toEqual([
      ['0', '9223372036854775807', amount, '1795246200123456', 'null', 'null'],
      ['1', '-9223372036854775808', amount, '1795246200123456', 'null', 'null'],
      ['2', '9007199254740993', amount, '1795246200123456', 'null', trace],
    ]);
    const codes = readDeadLetters(directory).map(({ offset, code }) => [offset, code]);
    expect(codes).toEqual([
      ['3', 'unknown-schema'],
      ['4', 'truncated'],
      ['5', 'not-framed'],
    ]);
  });

  it('waits for a registry that does not answer: nothing becomes a dead letter, and the load goes on when it is back', async () => {
    const { registry: other, url: otherUrl } = await startRegistry();
    const port = new URL(otherUrl).port;
    await lab.createTopic('waiting', 1);
    const id = await register('waiting-value', schema());
    await lab.produce('waiting', 0, [{ value: framed(id, Buffer.from(order(1n))) }]);
    const { directory, url: warehouse } = lab.warehouse('lake-waiting');
    const args = ['--format', 'avro', '--registry', otherUrl, '--roll-age', '1s', '--log-level', 'warn'];
    const loading = lab.load('waiting', warehouse, args);
    const count = async (): Promise<string> => {
      const rows = await lake
        .rows(`SELECT count(*) FROM read_parquet('${join(directory, 'waiting')}/dt=*/**/*.parquet')`)
        .catch(() => [['0']]);
      return String(rows[0]![0]);
    };
    await until(async () => (await count()) === '1');
    await other.stop();
    const newer = await register('waiting-value', schema([{ name: 'extra', type: 'long', default: 0 }]));
    await lab.produce('waiting', 0, [{ value: framed(newer, Buffer.from([...order(2n), ...zigzag(7n)])) }]);
    await until(async () => loading.stderr.includes('SchemaRegistryNotReached'));
    expect(await count()).toBe('1');
    const again = await startRegistry(Number(port));
    await until(async () => (await count()) === '2');
    const { code } = await loading.stop();
    expect(code).toBe(0);
    expect(readDeadLetters(join(directory, 'waiting'))).toEqual([]);
    await again.registry.stop();
  });

  it('a registry that is not there ends the load before it begins, with one line', async () => {
    await lab.createTopic('nowhere', 1);
    const { url: warehouse } = lab.warehouse('lake-nowhere');
    const args = ['--until-end', '--format', 'avro', '--registry', 'http://127.0.0.1:1'];
    const { code, stderr } = await lab.load('nowhere', warehouse, args).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/^sluice: the schema registry does not answer: http:\/\/127\.0\.0\.1:1: [^\n]+\n$/);
  });
});

describe('Protobuf in the wire format', () => {
  it('lands nested messages, lists, maps and unsigned integers exactly, through references and message indexes', async () => {
    await lab.createTopic('events', 1);
    await register('place.proto', {
      schemaType: 'PROTOBUF',
      schema: 'syntax = "proto3"; package lab; message Place { string city = 1; }',
    });
    const id = await register('events-value', {
      schemaType: 'PROTOBUF',
      schema: `syntax = "proto3"; package lab; import "place.proto";
        message Other { int32 a = 1; }
        message Event { int64 id = 1; uint64 big = 2; Place place = 3; repeated sint64 numbers = 4; map<string, int64> counts = 5; optional bool flag = 6; }`,
      references: [{ name: 'place.proto', subject: 'place.proto', version: 1 }],
    });
    const minusOne = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    const message = Buffer.from([
      ...[0x08, ...minusOne],
      ...[0x10, ...minusOne],
      ...[0x1a, 6, 0x0a, 4, ...Buffer.from('Oslo')],
      ...[0x22, 2, 0x01, 0x04],
      ...[0x2a, 5, 0x0a, 1, 0x6b, 0x10, 7],
    ]);
    const indexes = Buffer.from([2, 2]); // one index: 1
    await lab.produce('events', 0, [{ value: framed(id, Buffer.concat([indexes, message])) }]);
    const { glob } = await load('events', ['--format', 'protobuf', '--registry', url]);
    const [row] = await lake.rows(
      `SELECT id, big::VARCHAR, place.city, numbers::VARCHAR, counts['k']::VARCHAR, flag FROM read_parquet('${glob}')`,
    );
    expect(row!.map(String)).toEqual([
      '-1',
      '18446744073709551615',
      'Oslo',
      '[-1, 2]',
      expect.stringContaining('7'),
      'null',
    ]);
  });
});

describe('text', () => {
  it('CSV lands with the types of the format, nulls and quotes; a header in between is filtered; audit, reload and replay need not be told the format', async () => {
    const file = join(folder, 'csv.yaml');
    writeFileSync(
      file,
      'format:\n  type: csv\n  header: [id, price, name]\n  nullText: ""\n  types: { id: int64, price: double }\n',
    );
    await lab.createTopic('prices', 1);
    const values = ['id,price,name', '9223372036854775807,0.1,"a ""b"", c"', '2,,x', '3,1.5', '4,2.25,\n'];
    await lab.produce(
      'prices',
      0,
      values.map((value) => ({ value })),
    );
    const { glob, directory } = await load('prices', ['--format', file, '--max-dead-letters', '1']);
    const rows = await lake.rows(`SELECT _offset, id, price, name FROM read_parquet('${glob}') ORDER BY _offset`);
    expect(rows.map((row) => row.map(String))).toEqual([
      ['1', '9223372036854775807', '0.1', 'a "b", c'],
      ['2', '2', 'null', 'x'],
      ['4', '4', '2.25', 'null'],
    ]);
    expect(readDeadLetters(directory)).toMatchObject([{ offset: '3', code: 'wrong-field-count' }]);
    const { url: warehouse } = lab.warehouse('lake-prices');
    const where = ['--warehouse', warehouse, '--table', 'prices', '--brokers', lab.bootstrap];
    rmSync(file);
    const audit = await new SluiceProcess(['audit', ...where]).finished;
    expect(audit.code, audit.stdout + audit.stderr).toBe(0);
    expect(audit.stdout).toMatch(/ROWS OF LOG[^\n]*\nprices +0 +0 +5 +3 +3 +([0-9a-f]{32}) +\1\n/);

    const range = ['--partition', '0', '--from', '1', '--to', '5', '--brokers', lab.bootstrap];
    const reload = await new SluiceProcess(['reload', 'prices', ...range, '--warehouse', warehouse, '--json']).finished;
    expect(reload.stderr).toBe('');
    expect(JSON.parse(reload.stdout)).toMatchObject({ rowsBefore: '3', landed: '3', dead: '1' });
    const longer = `sed 's/"text":"3,1.5"/"text":"3,1.5,late"/'`;
    const repair = ['--repair', longer, '--warehouse', warehouse];
    const replay = await new SluiceProcess(['dead', 'replay', 'prices', ...repair]).finished;
    expect(replay.stdout, replay.stderr).toMatch(/^1 of 1 dead letters of prices are rows now/);
    const after = await lake.rows(`SELECT _offset, id, price, name FROM read_parquet('${glob}') ORDER BY _offset`);
    expect(after).toEqual([rows[0], rows[1], after[2], rows[2]]);
    expect(after[2]!.map(String)).toEqual(['3', '3', '1.5', 'late']);
  });

  it("nginx's combined lines land in the hour of their own time", async () => {
    await lab.createTopic('web', 1);
    const line = (time: string, status: number): string =>
      `203.0.113.7 - - [${time}] "GET /a HTTP/1.1" ${status} 612 "-" "curl/8"`;
    await lab.produce('web', 0, [
      { value: line('21/Nov/2026:00:30:00 +0100', 200) },
      { value: line('20/Nov/2026:23:59:59 +0000', 404) },
      { value: '203.0.113.7 - - [20/Nov/2026:23:59:59 +0000] "\\x16\\x03" 400 0 "-" "-"' },
    ]);
    const { directory } = await load('web', ['--format', 'combined', '--time-field', 'time']);
    const rows = await lake.rows(
      `SELECT status, bytes, method, request FROM read_parquet('${directory}/dt=2026-11-20/hr=23/*.parquet') ORDER BY _offset`,
    );
    expect(rows.map((row) => row.map(String))).toEqual([
      ['200', '612', 'GET', 'null'],
      ['404', '612', 'GET', 'null'],
      ['400', '0', 'null', '\u0016\u0003'],
    ]);
  });
});

describe('change events', () => {
  it('land as rows; deletes are marked, tombstones are filtered, and every offset is accounted for', async () => {
    await lab.createTopic('changes', 1);
    const event = (op: string, before: unknown, after: unknown): string =>
      JSON.stringify({ before, after, source: { lsn: 5 }, op, ts_ms: 1_795_246_200_123 });
    const row = { id: 1, name: 'x' };
    await lab.produce('changes', 0, [
      { key: '1', value: event('c', null, row) },
      { key: '1', value: event('d', row, null) },
      { key: '1', value: null },
    ]);
    const { glob, directory } = await load('changes', ['--format', 'debezium']);
    const rows = await lake.rows(`SELECT _offset, id, name, __deleted FROM read_parquet('${glob}') ORDER BY _offset`);
    expect(rows.map((one) => one.map(String))).toEqual([
      ['0', '1', 'x', 'false'],
      ['1', '1', 'x', 'true'],
    ]);
    expect(readDeadLetters(directory)).toEqual([]);
  });
});

async function until(isTrue: () => Promise<boolean>, timeoutMs = 40_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
