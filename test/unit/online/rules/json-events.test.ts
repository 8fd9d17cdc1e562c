import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../src/online/consumer/json-value.ts';
import { fieldKey, fieldValue } from '../../../../src/online/rules/event-columns.ts';
import { JsonEvents } from '../../../../src/online/rules/json-events.ts';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../../../../src/online/rules/rule-engine.ts';

describe('events from JSON', () => {
  it('keep all digits of integers, and leave texts that look like integers alone', () => {
    expect(
      parseJson(
        '{"a":9007199254740993,"b":[-9223372036854775808,1],"c":"9007199254740993 \\" 12345678901234567","d":0.1234567890123456789}',
      ),
    ).toEqual({
      a: 9007199254740993n,
      b: [-9223372036854775808n, 1],
      c: '9007199254740993 " 12345678901234567',
      d: 0.12345678901234568,
    });
  });

  it('keep all digits of an integer wherever it stands in the text', () => {
    for (let before = 0; before < 40; before++) {
      for (const digits of ['123456789012345', '1234567890123456', '90071992547409931', '9223372036854775807']) {
        const integer = BigInt(digits);
        const expected = integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : integer;
        expect(parseJson(`${' '.repeat(before)}[${digits},1]`)).toEqual([expected, 1]);
      }
    }
  });

  it('have only those fields that rules look at in events of their type', () => {
    const program =
      'WHEN A.x > 1 FOLLOWED-BY B WITHIN 1 hour FOR EACH user ACTION Act(y = B.y)\n' + 'WHEN C.z EXISTS ACTION Other\n';
    const { fieldKeys, fieldKeysOfTypes } = new RuleEngine(parseRules(program), program);
    const events = new JsonEvents({ typeField: 'type', timeField: null, fieldKeys, fieldKeysOfTypes });
    for (const [i, type] of ['A', 'B', 'C', 'D'].entries())
      events.add(BigInt(i), 5n, Buffer.from(JSON.stringify({ type, user: 'u', x: 2, y: 3, z: 4 })));
    const { fields, count } = events.take('t', 0).events;
    expect(count).toBe(4);
    const found = ['user', 'x', 'y', 'z'].map((name) => [0, 1, 2, 3].map((row) => fieldValue(fields.get(name), row)));
    expect(found).toEqual([
      ['u', 'u', undefined, undefined],
      [2, undefined, undefined, undefined],
      [undefined, 3, undefined, undefined],
      [undefined, undefined, 4, undefined],
    ]);
  });

  it('become columns of the fields that are looked at, nested ones too; what is no event is said with its reason', () => {
    const city = fieldKey(['geo', 'city']);
    const events = new JsonEvents({ typeField: 'kind', timeField: 'at', fieldKeys: new Set([city, fieldKey(['n'])]) });
    const add = (offset: bigint, text: string | null): void =>
      events.add(offset, 5n, text === null ? null : Buffer.from(text));
    add(10n, '{"kind":"A","at":"2026-01-01T00:00:00.5Z","geo":{"city":"Köln"},"n":9223372036854775807}');
    add(11n, '[]');
    add(12n, '{"kind":7,"at":1000,"n":null}');
    add(13n, '{"kind":"A"}');
    add(14n, null);
    add(15n, '{"kind":');
    const { events: columns, skipped } = events.take('t', 3);
    expect([...columns.offsets]).toEqual([10n, 12n]);
    expect([...columns.times]).toEqual([Date.UTC(2026, 0, 1) + 500, 1000]);
    expect([...columns.types]).toEqual([0, -1]);
    expect(columns.typeNames).toEqual(['A']);
    const values = (key: string): unknown[] => [0, 1].map((row) => fieldValue(columns.fields.get(key), row));
    expect(values(city)).toEqual(['Köln', undefined]);
    expect(values(fieldKey(['n']))).toEqual([9223372036854775807n, null]);
    expect(skipped).toEqual([
      { offset: 11n, reason: 'not a JSON object' },
      { offset: 13n, reason: 'field "at" holds no time' },
      { offset: 14n, reason: 'a null value' },
      { offset: 15n, reason: 'not JSON' },
    ]);
  });
});
