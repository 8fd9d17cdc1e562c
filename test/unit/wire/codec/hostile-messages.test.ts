// Pins: bytes that are cut, changed or forged give a WireError, nothing else, and no memory to speak of.
import { getHeapStatistics } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CreateTopicsRequestSchema,
  decodeMessage,
  decodeRequestHeader,
  encodeMessage,
  FetchRequestSchema,
  type MessageSchema,
  MetadataRequestSchema,
  ProduceRequestSchema,
  WireError,
} from '../../../../src/wire/index.ts';
import { readGolden } from '../../../support/golden.ts';
import { allSchemas } from '../all-schemas.ts';

interface Vector {
  name: string;
  version: number;
  variant: string;
  hex: string;
}

const vectors = readGolden<Vector>('messages').filter(({ variant }) => variant === 'filled');

/** Every byte of a message's newest version, fewer of its older ones: they are made of the same parts. */
function strideOf({ name, version }: Vector, newest: number, older: number): number {
  return version === schemaOf(name).validVersions[1] ? newest : older;
}

describe('a message that is cut off', () => {
  it('at any byte is a WireError', () => {
    for (const vector of vectors) {
      const { name, version } = vector;
      const bytes = Buffer.from(vector.hex, 'hex');
      for (let length = 0; length < bytes.length; length += strideOf(vector, 1, 11)) {
        const code = codeOf(schemaOf(name), version, bytes.subarray(0, length));
        if (code !== 'truncated' && code !== 'malformed')
          throw new Error(`${name} v${version}, ${length} bytes: ${code}`);
      }
    }
  });

  it('or has bytes behind it is a WireError', () => {
    for (const { name, version, hex } of vectors) {
      expect(codeOf(schemaOf(name), version, Buffer.from(`${hex}00`, 'hex')), `${name} v${version}`).toBe('malformed');
    }
  });
});

describe('a message with changed bytes', () => {
  it('either decodes to something that can be encoded, or is a WireError', () => {
    const property = fc.property(
      fc.nat(vectors.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (index, changes) => {
        const { name, version, hex } = vectors[index]!;
        const bytes = Buffer.from(hex, 'hex');
        if (bytes.length === 0) return;
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodeAndEncode(schemaOf(name), version, bytes);
      },
    );
    fc.assert(property, { numRuns: 8000, verbose: 1 });
  });

  it('of pure noise is handled the same', () => {
    const property = fc.property(fc.nat(vectors.length - 1), fc.uint8Array({ maxLength: 200 }), (index, noise) => {
      const { name, version } = vectors[index]!;
      decodeAndEncode(schemaOf(name), version, Buffer.from(noise));
    });
    fc.assert(property, { numRuns: 8000, verbose: 1 });
  });
});

describe('a claimed count or length', () => {
  it('of 2^31 - 1, put at every place of every message, never allocates for it', () => {
    const claims = { flexible: ['ffffffff07', 'ffffffff0f'], fixed: ['7fffffff', '7fff'] };
    for (const vector of vectors) {
      const { name, version } = vector;
      const bytes = Buffer.from(vector.hex, 'hex');
      for (let at = 0; at < bytes.length; at += strideOf(vector, 2, 31)) {
        for (const claim of claims[isFlexible(name, version) ? 'flexible' : 'fixed']) {
          const forged = Buffer.from(bytes);
          forged.write(claim, at, 'hex');
          const allocated = allocatedBytes(() => codeOf(schemaOf(name), version, forged));
          if (allocated > 1_000_000) throw new Error(`${name} v${version} at ${at}: ${allocated} bytes`);
        }
      }
    }
  });

  it('of elements that the frame could just hold is bounded by the frame', () => {
    // 8 MB of zeros behind a count that 8 MB of the smallest elements would justify.
    const size = 8 * 1024 * 1024;
    const cases: [MessageSchema<unknown>, number, string][] = [
      [MetadataRequestSchema, 1, '003fffff'], // topics of 2 bytes
      [CreateTopicsRequestSchema, 2, '000f0000'], // topics of 16 bytes
      [ProduceRequestSchema, 9, '0000000000000001ff'],
      [FetchRequestSchema, 12, '00000000000000000000000000000000000000000000000000ffffff03'],
    ];
    for (const [schema, version, start] of cases) {
      const frame = Buffer.alloc(size);
      frame.write(start, 'hex');
      const allocated = allocatedBytes(() => codeOf(schema, version, frame));
      expect(allocated, schema.name).toBeLessThan(16 * 1024 * 1024 + 8 * size);
    }
    const names = Buffer.alloc(size);
    names.writeInt32BE(size / 2 - 2);
    expect(codeOf(MetadataRequestSchema, 1, names)).toBe('too-large');
  });

  it('of unknown tagged fields is bounded too', () => {
    const frame = Buffer.alloc(4 * 1024 * 1024, 0);
    const start = encodeMessage(MetadataRequestSchema, 9, {});
    start.copy(frame);
    Buffer.from('80807f', 'hex').copy(frame, start.length - 1);
    expect(codeOf(MetadataRequestSchema, 9, frame)).toBe('malformed');
  });
});

describe('a request header', () => {
  it('of noise is read or refused with a WireError', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      try {
        decodeRequestHeader(Buffer.from(noise));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    });
    fc.assert(property, { numRuns: 5000, verbose: 1 });
  });
});

function schemaOf(name: string): MessageSchema<unknown> {
  return allSchemas.get(name)!;
}

function isFlexible(name: string, version: number): boolean {
  return version >= (schemaOf(name).flexibleVersions?.[0] ?? Number.POSITIVE_INFINITY);
}

function decodeAndEncode(schema: MessageSchema<unknown>, version: number, bytes: Buffer): void {
  try {
    const message = decodeMessage(schema, version, bytes) as object;
    const again = encodeMessage(schema, version, message);
    expect(decodeMessage(schema, version, again)).toEqual(message);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function codeOf(schema: MessageSchema<unknown>, version: number, bytes: Buffer): string | undefined {
  try {
    decodeMessage(schema, version, bytes);
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}

/** By how much the heap and the memory outside it grew; a collection in between makes it smaller, never larger. */
function allocatedBytes(work: () => unknown): number {
  const before = getHeapStatistics();
  work();
  const after = getHeapStatistics();
  return after.used_heap_size - before.used_heap_size + after.external_memory - before.external_memory;
}
