import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/index.ts';
import { openValueDecoder, readValueFormat, type ValueDecoder } from '../../../src/values/index.ts';

async function debezium(section: object = {}): Promise<ValueDecoder> {
  const format = await readValueFormat({ type: 'debezium', ...section }, 'the test', '/');
  return openValueDecoder(format, { clock: systemClock, registry: null });
}

function decoded(decoder: ValueDecoder, value: string): string {
  const text = decoder.decode(Buffer.from(value));
  return Buffer.isBuffer(text) ? text.toString() : `${text.code}: ${text.reason}`;
}

const row = '{"id":9223372036854775807, "price":"1.10"}';
const change = (op: string, before: string, after: string): string =>
  `{"before":${before},"after":${after},"source":{"lsn":9007199254740993,"snapshot":"false"},"op":"${op}","ts_ms":1795246200123}`;

describe('a change event', () => {
  it('becomes its row with all digits, marked as not deleted', async () => {
    const decoder = await debezium();
    for (const op of ['c', 'r', 'u']) {
      expect(decoded(decoder, change(op, 'null', row))).toBe(
        '{"id":9223372036854775807, "price":"1.10","__deleted":false}',
      );
    }
  });

  it('of a delete becomes the last row marked as deleted, nothing, or a dead letter, as the settings say', async () => {
    const event = change('d', row, 'null');
    expect(decoded(await debezium(), event)).toBe('{"id":9223372036854775807, "price":"1.10","__deleted":true}');
    expect(decoded(await debezium({ deletes: 'drop' }), event)).toMatch(/^filtered: /);
    expect(decoded(await debezium({ deletes: 'dead' }), event)).toMatch(/^deleted-row: /);
    expect(decoded(await debezium(), change('d', 'null', 'null'))).toMatch(/^no-row: /);
  });

  it('brings the fields of the envelope that were asked for, null where it has none', async () => {
    const decoder = await debezium({ add: ['op', 'ts_ms', 'source.lsn', 'source.gone'], deletes: 'drop' });
    expect(decoded(decoder, change('u', 'null', '{}'))).toBe(
      '{"__op":"u","__ts_ms":1795246200123,"__source_lsn":9007199254740993,"__source_gone":null}',
    );
  });

  it('of a truncate or a message of the log is filtered; what is no envelope is refused', async () => {
    const decoder = await debezium();
    expect(decoded(decoder, change('t', 'null', 'null'))).toMatch(/^filtered: /);
    expect(decoded(decoder, '{"a":1}')).toMatch(/^not-debezium: /);
    expect(decoded(decoder, '{"op":"c","after":{"a":1')).toMatch(/^not-json: /);
    expect(decoded(decoder, '[]')).toMatch(/^not-json: /);
  });

  it('says what becomes of a tombstone', async () => {
    expect((await debezium()).tombstone).toMatchObject({ code: 'filtered' });
    expect((await debezium({ tombstones: 'dead' })).tombstone).toMatchObject({ code: 'tombstone' });
  });
});

describe('a change event beside its schema', () => {
  const field = (name: string, type: string, meaning?: string, parameters?: object): object => ({
    field: name,
    type,
    ...(meaning === undefined ? {} : { name: meaning }),
    ...(parameters === undefined ? {} : { parameters }),
  });
  const fields = [
    field('id', 'int64'),
    field('price', 'bytes', 'org.apache.kafka.connect.data.Decimal', { scale: '2' }),
    field('day', 'int32', 'io.debezium.time.Date'),
    field('at', 'int64', 'io.debezium.time.MicroTimestamp'),
    field('stamp', 'int64', 'org.apache.kafka.connect.data.Timestamp'),
    field('gone', 'int64', 'io.debezium.time.MicroTimestamp'),
  ];
  const schema = JSON.stringify({
    type: 'struct',
    fields: [
      { field: 'before', fields },
      { field: 'after', fields },
    ],
  });
  const rowText =
    '{"id":9007199254740993,"price":"AP8=","day":-1,"at":1795246200123456,"stamp":1795246200123,"gone":null}';

  it('becomes its row with decimals, dates and times as they are meant', async () => {
    const decoder = await debezium({ deletes: 'drop' });
    const event = `{"schema":${schema},"payload":${change('c', 'null', rowText)}}`;
    expect(decoded(decoder, event)).toBe(
      '{"id":9007199254740993,"price":"2.55","day":"1969-12-31","at":"2026-11-21T07:30:00.123456","stamp":"2026-11-21T07:30:00.123Z","gone":null}',
    );
  });

  it('with a null payload is a tombstone', async () => {
    expect(decoded(await debezium(), `{"schema":${schema},"payload":null}`)).toMatch(/^filtered: /);
  });
});
