import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonPathFinder, topLevelArrays } from '../../../../src/cli/input/json-path-finder.ts';
import { JsonElementSplitter, LineSplitter } from '../../../../src/shared/index.ts';

/** Cuts bytes at positions that fast-check chose. */
function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((at) => at % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

function linesOf(chunks: readonly Buffer[], options = { maxLineBytes: 1000, keepEmpty: false }): string[] {
  const splitter = new LineSplitter(options);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.finish()].map((line) =>
    line.toString('latin1'),
  );
}

describe('LineSplitter', () => {
  it.each([
    ['a\nb\n', ['a', 'b']],
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\r\r\nb', ['a\r', 'b']],
    ['\n\na\n\n', ['a']],
    ['{"broken": \n"\xff\xfe\x00"\n', ['{"broken": ', '"\xff\xfe\x00"']],
    ['', []],
    ['\r\n', []],
  ])('splits %j', (text, lines) => {
    expect(linesOf([Buffer.from(text, 'latin1')])).toEqual(lines);
  });

  it('keeps empty lines when it is told to', () => {
    expect(linesOf([Buffer.from('\na\n\r\n')], { maxLineBytes: 10, keepEmpty: true })).toEqual(['', 'a', '']);
  });

  it('does not care where the chunks are cut', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', '"'), { maxLength: 40 });
    fc.assert(
      fc.property(text, cuts, (pieces, at) => {
        const bytes = Buffer.from(pieces.join(''));
        expect(linesOf(cut(bytes, at))).toEqual(linesOf([bytes]));
      }),
    );
  });

  it('takes a line of exactly the limit and refuses one more byte, wherever it is cut', () => {
    const options = { maxLineBytes: 5, keepEmpty: false };
    expect(linesOf([Buffer.from('12345\n12'), Buffer.from('345')], options)).toEqual(['12345', '12345']);
    expect(() => linesOf([Buffer.from('a\n123456\n')], options)).toThrow('line 2: expected at most 5 bytes');
    expect(() => linesOf([Buffer.from('a\n123'), Buffer.from('456')], options)).toThrow(
      'line 2: expected at most 5 bytes',
    );
  });
});

function elementsOf(chunks: readonly Buffer[], maxElementBytes = 1000): string[] {
  const splitter = new JsonElementSplitter({ maxElementBytes });
  const elements = chunks.flatMap((chunk) => splitter.push(chunk));
  splitter.finish();
  return elements.map((element) => element.toString('utf8'));
}

describe('JsonElementSplitter', () => {
  it.each([
    ['[]', []],
    [' [ ] \n', []],
    ['[1,2]', ['1', '2']],
    ['[ {"a": [1, 2]} ,\n "x,]y" , null]', ['{"a": [1, 2]}', '"x,]y"', 'null']],
    ['["\\"],[", "\\\\"]', ['"\\"],["', '"\\\\"']],
    ['[{"a" : 1.50,  "big":12345678901234567890}]', ['{"a" : 1.50,  "big":12345678901234567890}']],
    ['[[],[[1]],{}]', ['[]', '[[1]]', '{}']],
    ['[{"broken": }, nonsense]', ['{"broken": }', 'nonsense']],
  ])('splits %s byte for byte', (text, elements) => {
    expect(elementsOf([Buffer.from(text)])).toEqual(elements);
  });

  it.each([
    ['{"a":1}', 'byte 0, after 0 elements: expected a JSON array, got "{"'],
    ['[1,2', 'expected the end of the array, got the end of the input'],
    ['[1,]', 'byte 3, after 1 elements: expected an element, got "]"'],
    ['[,1]', 'byte 1, after 0 elements: expected an element, got ","'],
    ['[1 2]', 'byte 3, after 1 elements: expected "," or "]", got "2"'],
    ['[1] [2]', 'byte 4, after 1 elements: expected nothing after the array, got "["'],
    ['', 'expected the end of the array'],
  ])('refuses %s', (text, message) => {
    expect(() => elementsOf([Buffer.from(text)])).toThrow(message);
  });

  it('does not care where the chunks are cut, nor how the JSON is indented', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 6 }), fc.nat(3), cuts, (values, indent, at) => {
        const bytes = Buffer.from(JSON.stringify(values, null, indent));
        const elements = elementsOf(cut(bytes, at), 1e6);
        expect(elements.map((element) => JSON.parse(element))).toEqual(JSON.parse(bytes.toString('utf8')));
      }),
    );
  });

  it('refuses an element that is too long, without waiting for its end', () => {
    expect(() => elementsOf([Buffer.from('[1,"'), Buffer.alloc(2000, 'x')])).toThrow('element 2 of the array');
  });
});

describe('JsonPathFinder', () => {
  const find = (text: string, path: string): string | null => {
    const bytes = Buffer.from(text);
    const at = new JsonPathFinder(path.split('.')).push(bytes);
    return at < 0 ? null : bytes.subarray(at, at + 5).toString();
  };

  it.each([
    ['{"type":"x","features":[1,2]}', 'features', '[1,2]'],
    ['{"a":{"items":[9,9]},"items":[1,2]}', 'items', '[1,2]'],
    ['{"items":[0,0],"data":{"items":[1,2]}}', 'data.items', '[1,2]'],
    ['{"data":{"x":{"items":[0]}},"data":{"items":[1,2]}}', 'data.items', '[1,2]'],
    ['{"a":"features","b":{"features":[0]},"features":[1,2]}', 'features', '[1,2]'],
    ['[{"features":[0]}]', 'features', null],
    ['{"features":{"features":[0]}}', 'features', null],
    ['{"na\\u006de":[1,2]}', 'name', '[1,2]'],
  ])('in %s at %s', (text, path, found) => {
    expect(find(text, path)).toBe(found);
  });

  it('finds it wherever the chunks are cut', () => {
    const bytes = Buffer.from('{"a":"\\"features\\":[","b":[{"features":[3]}],"features":[1,2]}');
    fc.assert(
      fc.property(cuts, (at) => {
        const finder = new JsonPathFinder(['features']);
        let before = 0;
        for (const chunk of cut(bytes, at)) {
          const found = finder.push(chunk);
          if (found >= 0) {
            expect(bytes.subarray(before + found).toString()).toBe('[1,2]}');
            return;
          }
          before += chunk.length;
        }
        throw new Error('not found');
      }),
    );
  });

  it('names the arrays that somebody may have meant', () => {
    const text = '{"type": "FeatureCollection", "meta": {"ids": [1]}, "features": [{"tags": []}], "more": []';
    expect(topLevelArrays(Buffer.from(text))).toEqual(['features', 'more']);
  });
});
