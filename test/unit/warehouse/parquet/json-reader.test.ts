import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteHeap } from '../../../../src/warehouse/parquet/byte-heap.ts';
import { JsonReader, maxDepth } from '../../../../src/warehouse/parquet/json-reader.ts';

function skip(input: string | Buffer): string {
  const bytes = Buffer.from(input as string);
  const reader = new JsonReader();
  // Other bytes before and after: nothing outside of the value may matter.
  const padded = Buffer.concat([Buffer.from('"x\\'), bytes, Buffer.from('"}]')]);
  reader.start(padded, 3, 3 + bytes.length);
  if (!reader.skipValue()) return reader.failure!.code;
  return reader.peek() === -1 ? 'ok' : 'trailing';
}

function readString(literal: string | Buffer): Buffer | string {
  const bytes = Buffer.from(literal as string);
  const reader = new JsonReader();
  reader.start(bytes, 1, bytes.length);
  const heap = new ByteHeap();
  if (!reader.readString(heap)) return reader.failure!.code;
  return Buffer.from(heap.bytes.subarray(0, heap.length));
}

describe('JsonReader', () => {
  it.each([
    '0',
    '-0',
    '1',
    '-12.5e+3',
    '1E400',
    '0.0',
    '1e-5',
    '123456789012345678901234567890',
    'true',
    'false',
    'null',
    '""',
    '"a"',
    '[]',
    '{}',
    '[1, 2 ,3]',
    ' { "a" : [ { } , [ ] ] , "b" : "\\u00e9" } ',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000"',
    '"\\ud83d\\ude00"',
    '"\u{1F600}\u07ff\uffff"',
    '\t\r\n1\t',
  ])('accepts %j', (text) => {
    expect(skip(text)).toBe('ok');
  });

  it.each([
    ['', 'not-json'],
    ['nul', 'not-json'],
    ['nullx', 'trailing'],
    ['True', 'not-json'],
    ['NaN', 'not-json'],
    ['Infinity', 'not-json'],
    ['01', 'not-json'],
    ['-', 'not-json'],
    ['+1', 'not-json'],
    ['.5', 'not-json'],
    ['1.', 'not-json'],
    ['1e', 'not-json'],
    ['1e+', 'not-json'],
    ['-01', 'not-json'],
    ['0x10', 'trailing'],
    ['"', 'not-json'],
    ['"\\"', 'not-json'],
    ['"\\x"', 'not-json'],
    ['"\\u12g4"', 'not-json'],
    ['"\\u123', 'not-json'],
    ['"a\nb"', 'not-json'],
    ['"a\u0000b"', 'not-json'],
    ["'a'", 'not-json'],
    ['[1,]', 'not-json'],
    ['[,1]', 'not-json'],
    ['[1 2]', 'not-json'],
    ['{"a"}', 'not-json'],
    ['{"a":}', 'not-json'],
    ['{"a":1,}', 'not-json'],
    ['{a:1}', 'not-json'],
    ['{"a":1', 'not-json'],
    ['[', 'not-json'],
    ['[}', 'not-json'],
    ['{]', 'not-json'],
    ['{"a":1]', 'not-json'],
    ['1 2', 'trailing'],
    ['[] []', 'trailing'],
    ['/**/1', 'not-json'],
    ['\u00a01', 'not-json'],
    ['\ufeff1', 'not-json'],
    ['"\\ud800"', 'lone-surrogate'],
    ['"\\udc00"', 'lone-surrogate'],
    ['"\\ud800\\u0041"', 'lone-surrogate'],
    ['"\\ud800x"', 'lone-surrogate'],
    ['"\\ud83d\\ud83d"', 'lone-surrogate'],
  ])('refuses %j', (text, code) => {
    expect(skip(text)).toBe(code);
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong sequence of three', [0xe0, 0x80, 0x80]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong sequence of four', [0xf0, 0x80, 0x80, 0x80]],
    ['a point beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['a byte that never occurs', [0xff]],
    ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ])('refuses %s in a string', (_, bytes) => {
    const text = Buffer.concat([Buffer.from('"abcdef'), Buffer.from(bytes), Buffer.from('"')]);
    expect(skip(text)).toBe('not-utf8');
    expect(readString(text)).toBe('not-utf8');
  });

  it('takes nesting up to the limit and refuses 10,000 levels without recursion', () => {
    const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
    expect(skip(nested(maxDepth - 2))).toBe('ok');
    expect(skip(nested(maxDepth))).toBe('too-deep');
    expect(skip('['.repeat(10_000))).toBe('too-deep');
    expect(skip('{"a":'.repeat(10_000))).toBe('too-deep');
  });

  it('accepts and refuses what JSON.parse does, on damaged JSON texts', () => {
    const damaged = fc
      .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.constantFrom(...'{}[]",:\\u0123456789eE+-.truefalsn \n\u0001'))
      .map(([text, at, char]) => {
        const cut = at % (text.length + 1);
        return at % 3 === 0
          ? text.slice(0, cut) + text.slice(cut + 1)
          : text.slice(0, cut) + char + text.slice(cut + (at % 2));
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const result = skip(text);
        if (result === 'lone-surrogate') return;
        expect(result === 'ok').toBe(parses(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('decodes strings to the bytes that JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.boolean(), (text, isEscaped) => {
        const literal = isEscaped ? escapeAll(text) : JSON.stringify(text);
        expect(readString(literal).toString('hex')).toBe(Buffer.from(text, 'utf8').toString('hex'));
      }),
      { numRuns: 1000 },
    );
  });

  it('decodes strings of every length and every position of an escape', () => {
    for (let length = 0; length < 40; length++) {
      for (let at = 0; at <= length; at++) {
        const text = `${'x'.repeat(at)}\n\u20ac${'y'.repeat(length - at)}`;
        expect(readString(JSON.stringify(text))).toEqual(Buffer.from(text));
      }
    }
  });

  it('reads a string of a megabyte', () => {
    const text = `${'0123456789'.repeat(100_000)}\u00e9`;
    expect(Buffer.from(text).equals(readString(JSON.stringify(text)) as Buffer)).toBe(true);
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function escapeAll(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index).toString(16).padStart(4, '0'));
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
}
