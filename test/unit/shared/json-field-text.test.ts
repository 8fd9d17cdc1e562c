import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonFieldText } from '../../../src/shared/index.ts';

const fieldOf = (text: string, name = 'k'): string | null => jsonFieldText(Buffer.from(text), name);

describe('jsonFieldText', () => {
  it.each([
    ['{"k":"v"}', 'v'],
    ['{"a":{"k":1},"b":["k",{"k":2}],"c":"k\\":","k":7}', '7'],
    ['  { "k" :\n 12345678901234567890 }', '12345678901234567890'],
    ['{"k":-1.50e+3,"x":1}', '-1.50e+3'],
    ['{"k":"gr\\u00f6\\"\\\\ße"}', 'grö"\\ße'],
    ['{"\\u006b":"escaped name"}', 'escaped name'],
    ['{"k":true}', 'true'],
    ['{"k":"first","k":"second"}', 'first'],
  ])('of %s is %s', (text, expected) => {
    expect(fieldOf(text)).toBe(expected);
  });

  it.each([
    '{"k":null}',
    '{"k":{}}',
    '{"k":[1]}',
    '{"x":1}',
    '{}',
    '[{"k":1}]',
    '"k"',
    '',
    '{"k"',
    '{"k":',
    '{"k":"never ends',
    '{"a":[1,2,"k":3',
    '{"k":nonsense}',
    '{k:1}',
    '{"a":1 "k":2}',
  ])('of %s is null', (text) => {
    expect(fieldOf(text)).toBeNull();
  });

  it('agrees with JSON.parse on every object', () => {
    const key = fc.constantFrom('k', 'a', 'b', 'kk', 'k"', '');
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.uniqueArray(key),
        fc.array(value, { minLength: 6, maxLength: 6 }),
        fc.nat(2),
        (names, values, indent) => {
          const object = Object.fromEntries(names.map((name, i) => [name, values[i]]));
          const text = JSON.stringify(object, null, indent);
          const expected = JSON.parse(text).k;
          const isText = typeof expected === 'string' || typeof expected === 'number' || typeof expected === 'boolean';
          const found = fieldOf(text);
          expect(typeof expected === 'number' ? Number(found) : found).toEqual(
            isText ? (typeof expected === 'boolean' ? String(expected) : expected) : null,
          );
        },
      ),
    );
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void jsonFieldText(Buffer.from(bytes), 'k')));
  });
});
