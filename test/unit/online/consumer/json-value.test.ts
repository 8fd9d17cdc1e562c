import { describe, expect, it } from 'vitest';
import { parseJson, writeJson } from '../../../../src/online/consumer/json-value.ts';

describe('JSON text', () => {
  it.each([
    '{"id":9223372036854775807,"small":1,"text":"9223372036854775807"}',
    '[-9007199254740993,0.5,null,true]',
    '{"nested":{"list":[18446744073709551615,"a\\"b"]}}',
  ])('%s is read and written again without loss', (text) => {
    expect(writeJson(parseJson(text))).toBe(text);
  });
});
