import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/index.ts';
import { openValueDecoder, readValueFormat, type ValueDecoder } from '../../../src/values/index.ts';

async function decoderOf(section: object, columnTypes?: Record<string, string>): Promise<ValueDecoder> {
  const format = await readValueFormat(section, 'the test', '/');
  const types = new Map(Object.entries(columnTypes ?? {}));
  return openValueDecoder(format, { clock: systemClock, registry: null, columnTypes: types });
}

function decoded(decoder: ValueDecoder, value: string | Buffer): string {
  const text = decoder.decode(Buffer.from(value));
  return Buffer.isBuffer(text) ? text.toString() : `${text.code}: ${text.reason}`;
}

describe('CSV', () => {
  it('reads quotes, delimiters and line ends within them, empty fields, and the null text only without quotes', async () => {
    const csv = await decoderOf({ type: 'csv', header: ['a', 'b', 'c'], nullText: '\\N' });
    expect(decoded(csv, '1,,x')).toBe('{"a":"1","b":"","c":"x"}');
    expect(decoded(csv, '"say ""hi"", ok","line\r\nend",\\N\r\n')).toBe(
      '{"a":"say \\"hi\\", ok","b":"line\\r\\nend","c":null}',
    );
    expect(decoded(csv, '"\\N",é,')).toBe('{"a":"\\\\N","b":"é","c":""}');
  });

  it('reads numbers to their last digit where the format or the column says number', async () => {
    const csv = await decoderOf(
      { type: 'csv', header: ['id', 'price', 'note'], delimiter: ';', types: { id: 'int64' } },
      { price: 'double', note: 'string' },
    );
    expect(decoded(csv, '9223372036854775807;0.10;007')).toBe('{"id":9223372036854775807,"price":0.10,"note":"007"}');
    expect(decoded(csv, '+007;1e3;x')).toBe('{"id":7,"price":1e3,"note":"x"}');
    expect(decoded(csv, 'abc;.;x')).toBe('{"id":"abc","price":".","note":"x"}');
  });

  it.each([
    ['too few fields', '1,2', 'wrong-field-count'],
    ['too many fields', '1,2,3,4', 'wrong-field-count'],
    ['a quote that never closes', '"1,2,3', 'bad-csv'],
    ['text after a closing quote', '"1"x,2,3', 'bad-csv'],
    ['two records in one value', '1,2,3\n4,5,6', 'bad-csv'],
    ['the header itself', 'a,b,c', 'filtered'],
  ])('refuses %s', async (_, value, code) => {
    const csv = await decoderOf({ type: 'csv', header: ['a', 'b', 'c'] });
    expect(decoded(csv, value)).toMatch(new RegExp(`^${code}: `));
  });

  it('refuses bytes that are no UTF-8', async () => {
    const csv = await decoderOf({ type: 'csv', header: ['a'] });
    expect(decoded(csv, Buffer.from([0xc3, 0x28]))).toMatch(/^not-utf8: /);
  });
});

describe('log lines', () => {
  it('takes a combined line of Apache and nginx apart, with the zone of its time', async () => {
    const combined = await decoderOf({ type: 'line', pattern: 'combined' });
    const line =
      '203.0.113.7 - frank [21/Nov/2026:07:30:00 +0130] "GET /a?b=\\"c\\" HTTP/1.1" 200 9223372036854775807 "-" "Mozilla/5.0 (\\xE2\\x9C\\x93)"\n';
    expect(JSON.parse(decoded(combined, line).replace('9223372036854775807', '"9223372036854775807"'))).toEqual({
      host: '203.0.113.7',
      ident: null,
      user: 'frank',
      time: '2026-11-21T07:30:00.000+01:30',
      method: 'GET',
      path: '/a?b="c"',
      protocol: 'HTTP/1.1',
      request: null,
      status: 200,
      bytes: '9223372036854775807',
      referer: null,
      agent: 'Mozilla/5.0 (✓)',
    });
  });

  it('keeps a request that is none, and a size of "-" as null', async () => {
    const common = await decoderOf({ type: 'line', pattern: 'common' });
    const row = JSON.parse(decoded(common, '::1 - - [01/Jan/1999:00:00:00 -0800] "\\x16\\x03\\x01" 400 -')) as object;
    expect(row).toMatchObject({
      request: '\u0016\u0003\u0001',
      method: null,
      path: null,
      status: 400,
      bytes: null,
      time: '1999-01-01T00:00:00.000-08:00',
    });
  });

  it('takes lines apart by the named groups of a pattern of the user', async () => {
    const line = await decoderOf({
      type: 'line',
      pattern: '^(?<at>\\d+\\.\\d+) (?<level>[A-Z]+) (?<ms>\\S+) (?<text>.*)$',
      times: { at: 'epoch-s' },
      types: { ms: 'int64' },
      nullText: '-',
    });
    expect(decoded(line, '1795246200.123456 WARN 17 it is "late"')).toBe(
      '{"at":"2026-11-21T07:30:00.123456Z","level":"WARN","ms":17,"text":"it is \\"late\\""}',
    );
    expect(decoded(line, '1795246200.5 INFO - x')).toBe(
      '{"at":"2026-11-21T07:30:00.500Z","level":"INFO","ms":null,"text":"x"}',
    );
    expect(decoded(line, 'nothing like it')).toMatch(/^no-match: /);
  });

  it('refuses a time that is none, and answers a hostile line at once', async () => {
    const combined = await decoderOf({ type: 'line', pattern: 'combined' });
    expect(decoded(combined, 'h - - [99/Foo/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"')).toMatch(
      /^bad-time: /,
    );
    const started = performance.now();
    expect(decoded(combined, `h - ${' ['.repeat(32_000)}`)).toMatch(/^no-match: /);
    expect(decoded(combined, 'x'.repeat(70_000))).toMatch(/^too-large: /);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('JSON', () => {
  it('is handed on byte for byte, without the frame of a registry when there is one', async () => {
    const json = await decoderOf({ type: 'json' });
    expect(decoded(json, '{"a": 1e400}')).toBe('{"a": 1e400}');
    expect(decoded(json, Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from('{"a":1}')]))).toBe('{"a":1}');
  });
});

describe('a format section that is wrong', () => {
  it.each([
    [{ type: 'xml' }, /format.type/],
    [{ type: 'csv' }, /format.header/],
    [{ type: 'avro' }, /either "registry"/],
    [{ type: 'avro', registry: 'ftp://x' }, /http or https/],
    [{ type: 'avro', schemaFile: 'nowhere.avsc' }, /expected a file nowhere.avsc/],
    [{ type: 'line', pattern: '(' }, /regular expression/],
    [{ type: 'line', pattern: '^.*$' }, /named groups/],
    [{ type: 'debezium', values: 'avro' }, /registry/],
    [{ type: 'protobuf', registry: 'http://x', messsage: 'M' }, /messsage/],
  ])('%j is refused in one line', async (section, message) => {
    const error = await readValueFormat(section, 'topic.yaml', '/tmp').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'bad-input' });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^topic.yaml: [^\n]+$/);
  });
});
