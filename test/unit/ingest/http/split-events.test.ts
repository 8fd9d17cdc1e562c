import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOfJson, flawOf, trimJson } from '../../../../src/ingest/http/split-events.ts';

const split = (text: string): string[] => eventsOfJson(Buffer.from(text), 100).map(String);

describe('the events of a JSON body', () => {
  it('are the object, or the elements of the array, byte for byte', () => {
    expect(split('\ufeff {"a" : 1.0}\r\n')).toEqual(['{"a" : 1.0}']);
    expect(split('[ {"a":"]"} ,{"b":[1,{"c":2}]}]')).toEqual(['{"a":"]"}', '{"b":[1,{"c":2}]}']);
    expect(split(' \n')).toEqual([]);
    expect(split('[]')).toEqual([]);
  });

  it('every array of objects comes apart and back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 6 }),
        fc.nat(3),
        (events, indent) => {
          const texts = split(JSON.stringify(events, null, indent));
          expect(texts.map((text) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(events)));
        },
      ),
    );
  });

  it('a broken array is refused before anything of it counts', () => {
    for (const text of ['[{}', '[{},]', '[{}]x', '[,{}]'])
      expect(() => split(text)).toThrow('the body is no JSON array');
  });
});

describe('an event', () => {
  it.each([
    ['{}', null],
    ['{"a":{"b":[1]}}', null],
    ['[1]', 'got an array'],
    ['null', 'got null'],
    ['17', 'got a number'],
    ['"x"', 'got a string'],
    ['{"a":}', 'expected a JSON object'],
    ['', 'expected a JSON object'],
    [`{"a":"${'x'.repeat(100)}"}`, 'at most 100 bytes'],
  ])('%s: %s', (text, flaw) => {
    const found = flawOf(Buffer.from(text), 100);
    if (flaw === null) expect(found).toBeNull();
    else expect(found).toContain(flaw);
  });

  it('has to be UTF-8', () => {
    expect(flawOf(Buffer.from('{"a":"\xe9"}', 'latin1'), 100)).toBe('expected UTF-8');
  });

  it('may be nested as deeply as its size allows', () => {
    const deep = Buffer.from(`{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`);
    expect([null, expect.any(String)]).toContainEqual(flawOf(deep, 1_000_000));
  });

  it('white space around it does not count', () => {
    expect(trimJson(Buffer.from('\t {"a":1}\r\n')).toString()).toBe('{"a":1}');
  });
});
