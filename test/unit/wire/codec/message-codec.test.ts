// Pins: what is encoded is decoded again; defaults, versions and nulls follow Kafka's rules; every number is range-checked.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { includesVersion, parseVersions } from '../../../../src/wire/codec/message-schema.ts';
import {
  apiKeys,
  apiName,
  decodeMessage,
  encodeMessage,
  encodeMessageChunks,
  FetchRequestSchema,
  FetchResponseSchema,
  type FieldTable,
  FindCoordinatorRequestSchema,
  type MessageSchema,
  MetadataRequestSchema,
  ProduceRequestSchema,
  requestSchema,
  responseSchema,
  WireError,
  zeroUuid,
} from '../../../../src/wire/index.ts';
import { allVersions } from '../all-schemas.ts';

const unicode = fc.string({ unit: 'grapheme', maxLength: 12 });
const scalars: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double({ noNaN: true }),
  string: unicode,
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  records: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
};

/** Any message of this schema that this version can carry; fields of other versions are left out. */
function anyMessage(schema: MessageSchema<unknown>, version: number): fc.Arbitrary<Record<string, unknown>> {
  const structs = new Map(Object.entries(schema.structs ?? {}));
  const struct = (fields: readonly FieldTable[]): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      Object.fromEntries(
        fields
          .filter(([, , versions]) => includesVersion(parseVersions(versions), version))
          .map((field) => [field[0], value(field)]),
      ),
    );
  const value = ([, type, , options]: FieldTable): fc.Arbitrary<unknown> => {
    const element = type.replace('[]', '');
    const single = scalars[element] ?? struct(options?.fields ?? structs.get(element)!);
    const any = type.startsWith('[]') ? fc.array(single, { maxLength: 3 }) : single;
    return includesVersion(parseVersions(options?.nullable), version) ? fc.option(any, { freq: 4 }) : any;
  };
  return struct(schema.fields);
}

describe('encoding and decoding', () => {
  it('give back any message of every schema and version', () => {
    for (const { schema, version } of allVersions) {
      const property = fc.property(anyMessage(schema, version), (message) => {
        const bytes = encodeMessage(schema, version, message);
        const decoded = decodeMessage(schema, version, bytes) as object;
        expect(decoded).toMatchObject(message);
        expect(encodeMessage(schema, version, decoded).equals(bytes)).toBe(true);
      });
      fc.assert(property, { numRuns: 12, verbose: 1 });
    }
  });

  it('fill what is left out, and what a version lacks, with Kafka defaults', () => {
    const request = decodeMessage(
      FetchRequestSchema,
      4,
      encodeMessage(FetchRequestSchema, 4, { topics: [{ topic: 'a', partitions: [{}] }] }),
    );
    expect(request).toEqual({
      clusterId: null,
      replicaId: -1,
      replicaState: { replicaId: -1, replicaEpoch: -1n },
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 0x7fffffff,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: 'a',
          topicId: zeroUuid,
          partitions: [
            {
              partition: 0,
              currentLeaderEpoch: -1,
              fetchOffset: 0n,
              lastFetchedEpoch: -1,
              logStartOffset: -1n,
              partitionMaxBytes: 0,
              replicaDirectoryId: zeroUuid,
              highWatermark: 0x7fffffffffffffffn,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    });
  });

  it('make fresh objects for every default, so that changing one message changes no other', () => {
    const empty = encodeMessage(FetchRequestSchema, 4, {});
    const first = decodeMessage(FetchRequestSchema, 4, empty);
    first.topics.push({ topic: 'x', topicId: zeroUuid, partitions: [] });
    first.replicaState.replicaId = 5;
    const second = decodeMessage(FetchRequestSchema, 4, empty);
    expect([second.topics, second.replicaState.replicaId]).toEqual([[], -1]);
  });

  it('keep unknown tagged fields, in order, also inside structs', () => {
    const message = {
      unknownTaggedFields: [{ tag: 900, data: Buffer.from('later') }],
      clusterId: 'c',
      topics: [
        {
          topicId: 'ab'.repeat(16),
          unknownTaggedFields: [
            { tag: 3, data: Buffer.from([1]) },
            { tag: 70000, data: Buffer.alloc(0) },
          ],
        },
      ],
    };
    const bytes = encodeMessage(FetchRequestSchema, 13, message);
    expect(decodeMessage(FetchRequestSchema, 13, bytes)).toMatchObject(message);
    expect(
      codeOf(() =>
        encodeMessage(FetchRequestSchema, 13, {
          clusterId: 'c',
          unknownTaggedFields: [{ tag: 0, data: Buffer.alloc(0) }],
        }),
      ),
    ).toBe('malformed');
    expect(
      codeOf(() => encodeMessage(FetchRequestSchema, 4, { unknownTaggedFields: [{ tag: 9, data: Buffer.alloc(0) }] })),
    ).toBe('unsupported-version');
  });

  it('reference big byte fields instead of copying them', () => {
    const records = Buffer.alloc(100_000, 7);
    const message = {
      acks: -1,
      topicData: [
        {
          name: 't',
          partitionData: [
            { index: 1, records },
            { index: 2, records: records.subarray(0, 50) },
          ],
        },
      ],
    };
    const chunks = encodeMessageChunks(ProduceRequestSchema, 9, message);
    expect(chunks.includes(records)).toBe(true);
    const bytes = Buffer.concat(chunks);
    expect(bytes.equals(encodeMessage(ProduceRequestSchema, 9, message))).toBe(true);
    const decoded = decodeMessage(ProduceRequestSchema, 9, bytes).topicData[0]!.partitionData[0]!.records!;
    expect([decoded.buffer === bytes.buffer, decoded.equals(records)]).toEqual([true, true]);
  });
});

describe('versions', () => {
  it('drop ignorable fields that a version lacks and refuse others that carry something', () => {
    expect(
      encodeMessage(FetchRequestSchema, 4, { rackId: 'a', sessionId: 5 }).equals(
        encodeMessage(FetchRequestSchema, 4, {}),
      ),
    ).toBe(true);
    expect(
      codeOf(() => encodeMessage(FindCoordinatorRequestSchema, 3, { key: 'g', coordinatorKeys: ['a', 'b'] })),
    ).toBe('unsupported-version');
    expect(
      codeOf(() => encodeMessage(FindCoordinatorRequestSchema, 4, { key: 'g', coordinatorKeys: ['a', 'b'] })),
    ).toBe('unsupported-version');
    expect(encodeMessage(FindCoordinatorRequestSchema, 4, { key: '', coordinatorKeys: ['a'] }).length).toBeGreaterThan(
      0,
    );
  });

  it('outside the valid range are refused in both directions', () => {
    for (const version of [-1, 0, 3, 19, 1.5, Number.NaN]) {
      expect(
        codeOf(() => encodeMessage(FetchRequestSchema, version, {})),
        `${version}`,
      ).toBe('unsupported-version');
      expect(
        codeOf(() => decodeMessage(FetchRequestSchema, version, Buffer.alloc(100))),
        `${version}`,
      ).toBe('unsupported-version');
    }
  });

  it('say where null is allowed', () => {
    expect(
      decodeMessage(MetadataRequestSchema, 1, encodeMessage(MetadataRequestSchema, 1, { topics: null })).topics,
    ).toBeNull();
    expect(codeOf(() => encodeMessage(MetadataRequestSchema, 0, { topics: null }))).toBe('unsupported-version');
    expect(codeOf(() => encodeMessage(MetadataRequestSchema, 1, { topics: [{ name: null }] }))).toBe(
      'unsupported-version',
    );
    expect(codeOf(() => decodeMessage(MetadataRequestSchema, 0, Buffer.from('ffffffff', 'hex')))).toBe('malformed');
  });
});

describe('values that do not fit', () => {
  const partition = (fields: object) => () =>
    encodeMessage(FetchRequestSchema, 12, { topics: [{ topic: 't', partitions: [fields] }] });
  const cases: [string, () => unknown, string][] = [
    ['an int32 too large', partition({ partition: 2 ** 31 }), 'malformed'],
    ['a fraction', partition({ partition: 0.5 }), 'malformed'],
    ['not a number', partition({ partition: Number.NaN }), 'malformed'],
    ['an int64 too large', partition({ fetchOffset: 2n ** 63n }), 'malformed'],
    ['a number for an int64', partition({ fetchOffset: 5 as unknown as bigint }), 'malformed'],
    ['an int8 too small', () => encodeMessage(FetchRequestSchema, 12, { isolationLevel: -129 }), 'malformed'],
    [
      'a string of more than 32767 bytes',
      () => encodeMessage(FetchRequestSchema, 12, { rackId: 'ä'.repeat(16384) }),
      'too-large',
    ],
    [
      'a uuid with hyphens',
      () => encodeMessage(FetchRequestSchema, 13, { topics: [{ topicId: '0191-ab' }] }),
      'malformed',
    ],
    [
      'text for bytes',
      () =>
        encodeMessage(FetchResponseSchema, 12, {
          responses: [{ partitions: [{ records: 'x' as unknown as Buffer }] }],
        }),
      'malformed',
    ],
    [
      'one object for an array',
      () => encodeMessage(FetchRequestSchema, 12, { topics: {} as unknown as [] }),
      'malformed',
    ],
  ];
  it.each(cases)('are refused: %s', (_what, work, code) => {
    expect(codeOf(work)).toBe(code);
  });

  it('are told with the field they are in', () => {
    expect(partition({ partition: 2 ** 31 })).toThrow(
      'FetchRequest v12.topics.partitions.partition: expected int32, got 2147483648',
    );
    const cut = encodeMessage(FetchRequestSchema, 12, { topics: [{ topic: 'long topic name' }] }).subarray(0, 30);
    expect(() => decodeMessage(FetchRequestSchema, 12, cut)).toThrow(
      /^FetchRequest v12\.topics\.topic: needs 15 bytes/,
    );
  });
});

describe('the API table', () => {
  it('finds schemas and names by key', () => {
    for (const [name, key] of Object.entries(apiKeys)) {
      expect(apiName(key)).toBe(name);
      expect([requestSchema(key)!.name, responseSchema(key)!.name]).toEqual([`${name}Request`, `${name}Response`]);
      expect(requestSchema(key)!.validVersions).toEqual(responseSchema(key)!.validVersions);
    }
    expect([requestSchema(999), responseSchema(-1), apiName(999)]).toEqual([undefined, undefined, 'api 999']);
  });
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}
