// Pins: compressed data of every form that Kafka clients send is read; output is capped; hostile data is a WireError.
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompressionType, compress, decompress, WireError } from '../../../../src/wire/index.ts';
import { readGolden } from '../../../support/golden.ts';

interface Payload {
  name: string;
  content: string;
}

interface Frame {
  codec: CompressionType;
  form: string;
  payload: string;
  times: number;
  data: string;
}

const lines = readGolden<Payload | Frame>('codec-frames');
const payloads = new Map(
  lines.flatMap((line) => ('content' in line ? [[line.name, Buffer.from(line.content, 'base64')]] : [])),
);
const frames = lines.filter((line): line is Frame => 'codec' in line);
const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const title = ({ codec, form, payload }: Frame) => `${codec}, ${form}: ${payload}`;

describe('data compressed by other libraries', () => {
  it.each(frames.map((frame) => [title(frame), frame] as const))('is read: %s', (_title, frame) => {
    const content = payloads.get(frame.payload)!;
    const expected = Buffer.concat(Array.from({ length: frame.times }, () => content));
    const data = Buffer.from(frame.data, 'base64');
    expect(decompress(frame.codec, data, expected.length).equals(expected)).toBe(true);
    if (expected.length > 0)
      expect(errorCode(() => decompress(frame.codec, data, expected.length - 1))).toBe('too-large');
  });

  it('may be several gzip members', () => {
    const data = Buffer.concat([gzipSync('one '), gzipSync(''), gzipSync('two')]);
    expect(decompress('gzip', data, 100).toString()).toBe('one two');
  });

  it('may be several Snappy streams behind each other', () => {
    const data = Buffer.concat([compress('snappy', Buffer.from('one ')), compress('snappy', Buffer.from('two'))]);
    expect(decompress('snappy', data, 100).toString()).toBe('one two');
  });

  it('is refused when it is no such data', () => {
    for (const codec of codecs) {
      for (const data of [Buffer.alloc(0), Buffer.from('this is no compressed data, is it?'), deflateSync('x')]) {
        expect(
          errorCode(() => decompress(codec, data, 1000)),
          `${codec} ${data.toString('hex')}`,
        ).toMatch(/malformed|truncated/);
      }
    }
  });
});

describe('our compression', () => {
  it('is read back, whatever the payload', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .uint8Array({ minLength: 1, maxLength: 8 })
        .chain((piece) => fc.nat(40_000).map((times) => Buffer.alloc(piece.length * times, piece))),
      fc
        .array(fc.constantFrom('page_view ', 'login ', '{"user":', '0', '世'), { maxLength: 30_000, size: 'max' })
        .map((words) => Buffer.from(words.join(''))),
    );
    const property = fc.property(payload, fc.constantFrom(...codecs), (bytes, codec) => {
      const plain = Buffer.from(bytes);
      return decompress(codec, compress(codec, plain), plain.length).equals(plain);
    });
    fc.assert(property, { numRuns: 300, verbose: 1 });
  });

  it('never gives more than the cap, however much a bomb holds', () => {
    for (const codec of codecs) {
      const bomb = compress(codec, Buffer.alloc(64 * 1024 * 1024));
      const before = process.memoryUsage().arrayBuffers;
      expect(
        errorCode(() => decompress(codec, bomb, 100_000)),
        codec,
      ).toBe('too-large');
      expect(process.memoryUsage().arrayBuffers - before, codec).toBeLessThan(2_000_000);
    }
  });

  it('fails with a WireError only, when its bytes are changed or cut', () => {
    const plain = Buffer.from('{"event":"page_view","user":12345}'.repeat(200));
    const property = fc.property(
      fc.constantFrom(...codecs),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(),
      (codec, at, xor, cut) => {
        const data = Buffer.from(compress(codec, plain));
        data[at % data.length]! ^= xor;
        for (const bytes of [data, data.subarray(0, cut % data.length)]) {
          try {
            if (decompress(codec, bytes, 10_000).length > 10_000) return false;
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        }
        return true;
      },
    );
    fc.assert(property, { numRuns: 2000, verbose: 1 });
  });

  it('refuses data that is cut off, at every byte', () => {
    const plain = Buffer.from('{"event":"page_view","user":12345}'.repeat(3));
    for (const codec of codecs) {
      const data = compress(codec, plain);
      for (let length = 0; length < data.length; length++) {
        const cut = data.subarray(0, length);
        // A Snappy stream may end after any of its blocks, so after its header too: then there are fewer bytes.
        if (codec === 'snappy' && length === 16) expect(decompress(codec, cut, 1000).length).toBe(0);
        else
          expect(
            errorCode(() => decompress(codec, cut, 1000)),
            `${codec} ${length}`,
          ).toMatch(/truncated|malformed/);
      }
    }
  });
});

describe('a claimed size', () => {
  it('is not believed: 4 GB in a few bytes of Snappy, Zstandard and LZ4', () => {
    const hostile: [CompressionType, string][] = [
      ['snappy', 'feffffff0f00'], // length 2^32 - 2
      ['zstd', '28b52ffde0ffffff7f00000000010000'], // content size 2^31 - 1, one empty last block
      ['lz4', '04224d186840ffffffff00000000'], // content size 2^32 - 1
    ];
    for (const [codec, hex] of hostile) {
      const before = process.memoryUsage().arrayBuffers;
      expect(
        errorCode(() => decompress(codec, Buffer.from(hex, 'hex'), 2 ** 31)),
        codec,
      ).toBeDefined();
      expect(process.memoryUsage().arrayBuffers - before, codec).toBeLessThan(1_000_000);
    }
  });
});

function errorCode(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}
