// Pins: what encodeBatch writes RecordCursor reads; forged batches give a WireError, never a wrong record or a crash.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BatchOptions,
  batchOverheadBytes,
  batchPositions,
  compress,
  crc32c,
  encodeBatch,
  encodeEndTxnMarkerBatch,
  estimateRecordBytes,
  type ProducerRecord,
  patchBatch,
  RecordCursor,
  readBatchHeader,
  readControlBatch,
  splitBatches,
  validateBatch,
  WireError,
} from '../../../../src/wire/index.ts';
import { varintSize, varlongSize, writeVarint, writeVarlong } from '../../../../src/wire/records/varint.ts';

const nullableBytes = fc.option(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  { freq: 5 },
);
const anyRecord = fc.record({
  key: nullableBytes,
  value: nullableBytes,
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  headers: fc.array(fc.record({ name: fc.string({ unit: 'grapheme', maxLength: 8 }), value: nullableBytes }), {
    maxLength: 3,
  }),
});
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const plain: ProducerRecord[] = [
  { key: 'k', value: 'one' },
  { value: 'two', headers: [{ name: 'h', value: null }] },
  { value: null },
];

describe('encodeBatch and RecordCursor', () => {
  it('carry any records through every codec', () => {
    const property = fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(...compressions),
      (records, compression) => {
        const batch = encodeBatch(records, { compression, timestampMs: 0n, baseOffset: 2n ** 40n, leaderEpoch: 3 });
        const header = validateBatch(batch, 0, { requireDense: true });
        expect(header).toMatchObject({
          recordCount: records.length,
          lastOffset: 2n ** 40n + BigInt(records.length) - 1n,
          compression,
          leaderEpoch: 3,
        });
        expect(header.maxTimestamp).toBe(records.map(({ timestamp }) => timestamp).sort((a, b) => (a < b ? 1 : -1))[0]);
        const cursor = new RecordCursor(batch);
        for (const [index, record] of records.entries()) {
          expect(cursor.next()).toBe(true);
          expect([cursor.offset, cursor.timestamp, cursor.headerCount]).toEqual([
            2n ** 40n + BigInt(index),
            record.timestamp,
            record.headers.length,
          ]);
          expect([cursor.key(), cursor.value(), cursor.headers()]).toEqual([record.key, record.value, record.headers]);
        }
        expect([cursor.next(), cursor.next()]).toEqual([false, false]);
      },
    );
    fc.assert(property, { numRuns: 300, verbose: 1 });
  });

  it('write text as UTF-8 and stamp records without a time', () => {
    const batch = encodeBatch([{ key: 'ключ', value: 'värde 🎮' }], { timestampMs: 5n });
    const cursor = new RecordCursor(batch);
    expect(cursor.next()).toBe(true);
    expect([cursor.key()?.toString(), cursor.value()?.toString(), cursor.timestamp]).toEqual(['ключ', 'värde 🎮', 5n]);
    expect(batch.length).toBeLessThanOrEqual(
      batchOverheadBytes + estimateRecordBytes({ key: 'ключ', value: 'värde 🎮' }),
    );
  });

  it('keep headers readable after the cursor moved on and back to the fields', () => {
    const cursor = new RecordCursor(encodeBatch(plain, { timestampMs: 0n }));
    cursor.next();
    cursor.next();
    expect([cursor.headers(), cursor.headers(), cursor.value()?.toString()]).toEqual([
      [{ name: 'h', value: null }],
      [{ name: 'h', value: null }],
      'two',
    ]);
    expect(cursor.next()).toBe(true);
    expect([cursor.key(), cursor.value(), cursor.headers()]).toEqual([null, null, []]);
  });

  it('refuse to write a batch without records', () => {
    expect(() => encodeBatch([], { timestampMs: 0n })).toThrow(WireError);
  });

  it('mark the end of transactions', () => {
    const options = { producerId: 5n, producerEpoch: 2, coordinatorEpoch: 9, timestampMs: 1n, baseOffset: 70n };
    const batch = encodeEndTxnMarkerBatch({ type: 'abort', ...options });
    expect(validateBatch(batch, 0)).toMatchObject({
      isControl: true,
      isTransactional: true,
      producerId: 5n,
      baseSequence: -1,
    });
    expect(readControlBatch(batch)).toEqual({ type: 'abort', coordinatorEpoch: 9 });
    expect(() => readControlBatch(encodeBatch(plain, { timestampMs: 0n }))).toThrow(WireError);
  });
});

describe('patchBatch', () => {
  it('sets offset and epoch without breaking the checksum', () => {
    const batch = Buffer.concat([Buffer.alloc(10), encodeBatch(plain, { timestampMs: 0n })]);
    patchBatch(batch, 10, { baseOffset: 2n ** 62n, leaderEpoch: 17 });
    expect(validateBatch(batch, 10)).toMatchObject({
      baseOffset: 2n ** 62n,
      lastOffset: 2n ** 62n + 2n,
      leaderEpoch: 17,
    });
    patchBatch(batch, 10, { baseOffset: 3n });
    expect(readBatchHeader(batch, 10)).toMatchObject({ baseOffset: 3n, leaderEpoch: 17 });
  });
});

describe('validateBatch', () => {
  const at = batchPositions;
  const cases: [string, (batch: Buffer) => void, string][] = [
    ['magic 1', (batch) => batch.writeInt8(1, at.magic), 'unsupported-version'],
    ['a length below the header', (batch) => batch.writeInt32BE(48, at.batchLength), 'malformed'],
    ['a negative length', (batch) => batch.writeInt32BE(-1, at.batchLength), 'malformed'],
    ['a length beyond the buffer', (batch) => batch.writeInt32BE(0x7fffffff, at.batchLength), 'truncated'],
    ['compression 5', (batch) => batch.writeInt16BE(5, at.attributes), 'unsupported-compression'],
    ['a changed byte', (batch) => batch.writeUInt8(batch[batch.length - 1]! ^ 1, batch.length - 1), 'corrupt'],
    ['a negative record count', (batch) => withCrc(batch, () => batch.writeInt32BE(-1, at.recordCount)), 'malformed'],
    [
      'more records than bytes',
      (batch) => withCrc(batch, () => batch.writeInt32BE(0x7fffffff, at.recordCount)),
      'malformed',
    ],
    [
      'a negative last offset delta',
      (batch) => withCrc(batch, () => batch.writeInt32BE(-1, at.lastOffsetDelta)),
      'malformed',
    ],
    [
      'a last offset delta that does not fit the count',
      (batch) => withCrc(batch, () => batch.writeInt32BE(7, at.lastOffsetDelta)),
      'malformed',
    ],
    ['offsets beyond an int64', (batch) => batch.writeBigInt64BE(2n ** 63n - 1n, at.baseOffset), 'malformed'],
    ['a negative offset', (batch) => batch.writeBigInt64BE(-5n, at.baseOffset), 'malformed'],
  ];
  it.each(cases)('refuses %s', (_what, change, code) => {
    const batch = encodeBatch(plain, { timestampMs: 0n });
    change(batch);
    expect(codeOf(() => validateBatch(batch, 0, { requireDense: true }))).toBe(code);
  });

  it('refuses a batch that is cut off, at every byte', () => {
    const batch = encodeBatch(plain, { timestampMs: 0n });
    for (let length = 0; length < batch.length; length++)
      expect(
        codeOf(() => validateBatch(batch.subarray(0, length), 0)),
        `${length}`,
      ).toBe('truncated');
  });

  it('lets compacted batches have fewer records than offsets', () => {
    const batch = encodeBatch(plain, { timestampMs: 0n });
    withCrc(batch, () => batch.writeInt32BE(40, at.lastOffsetDelta));
    expect(validateBatch(batch, 0).lastOffset).toBe(40n);
  });
});

describe('splitBatches', () => {
  it('gives whole batches and leaves out a partial one, wherever the buffer is cut', () => {
    const batch = encodeBatch(plain, { timestampMs: 0n });
    const two = Buffer.concat([batch, batch]);
    for (let length = 0; length <= two.length; length++) {
      expect([...splitBatches(two.subarray(0, length))].length).toBe(Math.floor(length / batch.length));
    }
  });

  it('refuses what is no batch, instead of walking on', () => {
    const batch = encodeBatch(plain, { timestampMs: 0n });
    for (const length of [-1, 0, 48, -2147483648]) {
      const forged = Buffer.concat([batch, batch]);
      forged.writeInt32BE(length, batch.length + batchPositions.batchLength);
      expect(codeOf(() => [...splitBatches(forged)])).toBe('malformed');
    }
    expect(codeOf(() => [...splitBatches(Buffer.alloc(100))])).toBe('unsupported-version');
  });
});

describe('RecordCursor on forged records', () => {
  const varint = (value: number) => {
    const buffer = Buffer.alloc(5);
    return buffer.subarray(0, writeVarint(buffer, 0, value));
  };
  const record = (parts: {
    length?: number;
    timestampDelta?: Buffer;
    offsetDelta?: number;
    keyLength?: number;
    valueLength?: number;
    headers?: Buffer;
  }) => {
    const body = Buffer.concat([
      Buffer.from([0]),
      parts.timestampDelta ?? varint(0),
      varint(parts.offsetDelta ?? 0),
      varint(parts.keyLength ?? 1),
      Buffer.from('k'),
      varint(parts.valueLength ?? 1),
      Buffer.from('v'),
      parts.headers ?? varint(0),
    ]);
    return Buffer.concat([varint(parts.length ?? body.length), body]);
  };
  const sound = record({});
  const cases: [string, Buffer[], number?][] = [
    ['a negative length', [record({ length: -1 })]],
    ['a length of 2^31 - 1', [record({ length: 0x7fffffff })]],
    ['a length too small for its fields', [record({ length: 3 })]],
    ['a length larger than its fields', [record({ length: 10 }), Buffer.alloc(20)]],
    ['a key length of -2', [record({ keyLength: -2 })]],
    ['a key longer than the record', [record({ keyLength: 100 })]],
    ['a value length of -5', [record({ valueLength: -5 })]],
    ['a value of 2^31 - 1 bytes', [record({ valueLength: 0x7fffffff })]],
    ['a negative header count', [record({ headers: varint(-1) })]],
    ['2^31 - 1 headers', [record({ headers: varint(0x7fffffff) })]],
    ['a negative offset delta', [record({ offsetDelta: -1 })]],
    ['an offset delta beyond the batch', [record({ offsetDelta: 1 })]],
    ['an offset delta of 2^31 - 1', [record({ offsetDelta: 0x7fffffff })]],
    ['the same offset twice', [sound, sound], 2],
    ['a number of more than 32 bits', [Buffer.from('ffffffffff', 'hex'), sound]],
    [
      'a timestamp delta of more than 64 bits',
      [record({ timestampDelta: Buffer.from('ffffffffffffffffff7f', 'hex') })],
    ],
    ['fewer records than it says', [sound], 3],
    ['more records than it says', [sound, sound], 1],
    ['nothing but continuation bytes', [Buffer.alloc(40, 0x80)]],
  ];
  it.each(cases)('refuses %s', (_what, parts, count = 1) => {
    for (const compression of compressions) {
      const batch = forgedBatch(Buffer.concat(parts), count, { compression });
      expect(
        codeOf(() => readAll(batch)),
        compression,
      ).toBe('malformed');
    }
  });

  it('refuses headers that do not fit their record, when they are read', () => {
    const headers = [
      Buffer.concat([varint(1), varint(-1), varint(0)]),
      Buffer.concat([varint(1), varint(50), Buffer.from('n')]),
      Buffer.concat([varint(1), varint(1), Buffer.from('n'), varint(-9)]),
      Buffer.concat([varint(1), varint(1), Buffer.from('n'), varint(0), Buffer.from('rest')]),
    ];
    for (const bytes of headers)
      expect(
        codeOf(() => readAll(forgedBatch(record({ headers: bytes }), 1))),
        bytes.toString('hex'),
      ).toBe('malformed');
  });

  it('caps what a batch may decompress to', () => {
    const batch = encodeBatch([{ value: Buffer.alloc(1_000_000) }], { compression: 'zstd', timestampMs: 0n });
    expect(codeOf(() => new RecordCursor(batch, { maxDecompressedBytes: 999_999 }))).toBe('too-large');
    expect(new RecordCursor(batch, { maxDecompressedBytes: 1_000_100 }).next()).toBe(true);
  });

  it('gives only WireErrors for changed bytes', () => {
    const records = Array.from({ length: 20 }, (_, i) => ({
      key: `k${i}`,
      value: 'v'.repeat(i),
      headers: [{ name: 'h', value: Buffer.from('x') }],
    }));
    const property = fc.property(fc.constantFrom(...compressions), fc.nat(), fc.nat(255), (compression, at, value) => {
      const batch = encodeBatch(records, { compression, timestampMs: 0n });
      batch[batchOverheadBytes + (at % (batch.length - batchOverheadBytes))] = value;
      try {
        readAll(batch);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    });
    fc.assert(property, { numRuns: 3000, verbose: 1 });
  });

  function forgedBatch(records: Buffer, recordCount: number, options: Partial<BatchOptions> = {}): Buffer {
    const compression = options.compression ?? 'none';
    // The records are somebody's; only the header is made by us: so encode one value and take its place.
    const carrier = encodeBatch([{ value: 'x' }], { timestampMs: 0n, compression });
    const body = compression === 'none' ? records : compress(compression, records);
    const batch = Buffer.concat([carrier.subarray(0, batchOverheadBytes), body]);
    batch.writeInt32BE(batch.length - 12, batchPositions.batchLength);
    withCrc(batch, () => {
      batch.writeInt32BE(recordCount, batchPositions.recordCount);
      batch.writeInt32BE(Math.max(0, recordCount - 1), batchPositions.lastOffsetDelta);
    });
    return batch;
  }
});

describe('varints', () => {
  it('take the size that is announced and hold any number', () => {
    const buffer = Buffer.alloc(10);
    fc.assert(fc.property(fc.integer(), (value) => writeVarint(buffer, 0, value) === varintSize(value)));
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (value) => writeVarlong(buffer, 0, value) === varlongSize(value),
      ),
    );
    expect([
      varintSize(-(2 ** 31)),
      varlongSize(-(2n ** 63n)),
      varintSize(63),
      varintSize(64),
      varintSize(-64),
      varintSize(-65),
    ]).toEqual([5, 10, 1, 2, 1, 2]);
  });
});

describe('crc32c', () => {
  it('knows the standard check value, for short and long input and in pieces', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    for (const length of [0, 1, 50, 99, 100, 101, 5000]) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 0xff));
      const half = length >> 1;
      expect(crc32c(bytes.subarray(half), crc32c(bytes.subarray(0, half)))).toBe(crc32c(bytes));
      expect(crc32c(bytes)).toBe([...bytes].reduce((crc, byte) => crc32c(Buffer.from([byte]), crc), 0));
    }
  });
});

function withCrc(batch: Buffer, change: () => unknown): void {
  change();
  batch.writeUInt32BE(crc32c(batch.subarray(batchPositions.attributes)), batchPositions.crc);
}

function readAll(batch: Buffer): void {
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    cursor.key();
    cursor.value();
    cursor.headers();
  }
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}
