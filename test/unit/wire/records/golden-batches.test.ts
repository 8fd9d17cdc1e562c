// Pins: record batches built by Kafka's MemoryRecordsBuilder are read as Kafka reads them, and ours equal them.
import { describe, expect, it } from 'vitest';
import {
  encodeBatch,
  type ProducerRecord,
  RecordCursor,
  readBatchHeader,
  readControlBatch,
  splitBatches,
  validateBatch,
} from '../../../../src/wire/index.ts';
import { readGolden } from '../../../support/golden.ts';

interface GoldenRecord {
  offset: string;
  timestamp: string;
  key: string | null;
  value: string | null;
  headers: { name: string; value: string | null }[];
}

interface GoldenBatch {
  name: string;
  codec: string;
  header: Record<string, unknown>;
  records: GoldenRecord[];
  hex: string;
}

const batches = readGolden<GoldenBatch>('batches');
const title = ({ name, codec }: GoldenBatch) => `${name} (${codec})`;

describe('record batches built by Kafka', () => {
  it('are there for every codec', () => {
    expect([...new Set(batches.map((batch) => batch.codec))].sort()).toEqual(['gzip', 'lz4', 'none', 'snappy', 'zstd']);
    expect(batches.length).toBeGreaterThan(50);
  });

  it.each(batches.map((batch) => [title(batch), batch] as const))(
    'have the header that Kafka reads: %s',
    (_title, batch) => {
      const bytes = Buffer.from(batch.hex, 'hex');
      const header = validateBatch(bytes, 0);
      const { baseOffset, lastOffset, maxTimestamp, producerId, ...rest } = header;
      expect({
        ...rest,
        baseOffset: `${baseOffset}`,
        lastOffset: `${lastOffset}`,
        maxTimestamp: `${maxTimestamp}`,
        producerId: `${producerId}`,
      }).toMatchObject(batch.header);
      expect(header.compression).toBe(batch.codec);
      expect(
        [...splitBatches(Buffer.concat([bytes, bytes, bytes.subarray(0, 40)]))].map((part) => part.equals(bytes)),
      ).toEqual([true, true]);
    },
  );

  it.each(batches.map((batch) => [title(batch), batch] as const))(
    'hold the records that Kafka reads: %s',
    (_title, batch) => {
      const cursor = new RecordCursor(Buffer.from(batch.hex, 'hex'));
      expect(readAll(cursor)).toEqual(batch.records);
      expect(cursor.next()).toBe(false);
    },
  );

  const dense = batches.filter(
    ({ name, codec }) => codec === 'none' && !['gaps', 'log append time', 'commit', 'abort'].includes(name),
  );
  it.each(dense.map((batch) => [title(batch), batch] as const))('equal ours byte for byte: %s', (_title, batch) => {
    expect(encodeBatch(batch.records.map(producerRecord), encodingOptions(batch)).toString('hex')).toBe(batch.hex);
  });

  it.each(batches.filter(({ codec }) => codec !== 'none').map((batch) => [title(batch), batch] as const))(
    'round-trip through our compression: %s',
    (_title, batch) => {
      if (batch.name === 'gaps') return;
      const ours = encodeBatch(batch.records.map(producerRecord), encodingOptions(batch));
      validateBatch(ours, 0, { requireDense: true });
      expect(readAll(new RecordCursor(ours))).toEqual(batch.records);
    },
  );

  it('tell commit from abort', () => {
    const control = batches.filter(({ name }) => name === 'commit' || name === 'abort');
    expect(control.map(({ hex }) => readControlBatch(Buffer.from(hex, 'hex')))).toEqual([
      { type: 'commit', coordinatorEpoch: 12 },
      { type: 'abort', coordinatorEpoch: 13 },
    ]);
  });
});

function readAll(cursor: RecordCursor): GoldenRecord[] {
  const records: GoldenRecord[] = [];
  while (cursor.next()) {
    records.push({
      offset: `${cursor.offset}`,
      timestamp: `${cursor.timestamp}`,
      key: cursor.key()?.toString('base64') ?? null,
      value: cursor.value()?.toString('base64') ?? null,
      headers: cursor.headers().map(({ name, value }) => ({ name, value: value?.toString('base64') ?? null })),
    });
  }
  return records;
}

function producerRecord({ key, value, timestamp, headers }: GoldenRecord): ProducerRecord {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));
  return {
    key: bytes(key),
    value: bytes(value),
    timestamp: BigInt(timestamp),
    headers: headers.map((header) => ({ name: header.name, value: bytes(header.value) })),
  };
}

function encodingOptions({ hex }: GoldenBatch) {
  const { compression, baseOffset, producerId, producerEpoch, baseSequence, isTransactional, leaderEpoch } =
    readBatchHeader(Buffer.from(hex, 'hex'));
  return {
    compression,
    baseOffset,
    producerId,
    producerEpoch,
    baseSequence,
    isTransactional,
    leaderEpoch,
    timestampMs: 0n,
  };
}
