import { describe, expect, it } from 'vitest';
import type { PartitionLog } from '../../../../src/log/storage/index.ts';
import { encodeBatch, RecordCursor, validateBatch } from '../../../../src/wire/index.ts';
import { appendValues, batchOf, newDisk, openWithTopic, readAll, readHeaders, startMs } from './log-fixture.ts';

async function newLog(defaults = {}): Promise<PartitionLog> {
  return (await openWithTopic(newDisk(), { defaults })).log;
}

function kafkaError(kafkaName: string): unknown {
  return expect.objectContaining({ kafkaName });
}

describe('an append', () => {
  it('gives dense offsets in the order of the calls, whatever the sizes of the batches', async () => {
    const log = await newLog();
    const sizes = [1, 3, 2, 10, 1];
    const results = sizes.map((size) => log.append(batchOf({ values: Array.from({ length: size }, () => 'v') })));
    await Promise.all(results.map((result) => result.durable));
    expect(results.map((result) => [result.baseOffset, result.lastOffset])).toEqual([
      [0n, 0n],
      [1n, 3n],
      [4n, 5n],
      [6n, 15n],
      [16n, 16n],
    ]);
    expect(log.logEndOffset).toBe(17n);
    expect(log.highWatermark).toBe(17n);
  });

  it('takes several batches at once, all or nothing', async () => {
    const log = await newLog();
    const two = Buffer.concat([batchOf({ values: ['a', 'b'] }), batchOf({ values: ['c'] })]);
    expect(log.append(two)).toMatchObject({ baseOffset: 0n, lastOffset: 2n });
    const bad = Buffer.concat([batchOf({ values: ['d'] }), batchOf({ values: ['e'] })]);
    bad[bad.length - 1] = bad[bad.length - 1]! ^ 1;
    expect(() => log.append(bad)).toThrow(kafkaError('CORRUPT_MESSAGE'));
    expect(log.logEndOffset).toBe(3n);
  });

  it('stores the bytes as they came, but for the offset and the leader epoch', async () => {
    const log = await newLog();
    await appendValues(log, ['first']);
    const batch = encodeBatch([{ key: 'k', value: 'v', headers: [{ name: 'h', value: Buffer.from('x') }] }], {
      timestampMs: 5n,
      compression: 'gzip',
    });
    const sent = Buffer.from(batch);
    await log.append(batch).durable;
    const stored = (await readAll(log))[1]!;
    expect(stored.subarray(16).equals(sent.subarray(16))).toBe(true);
    expect(validateBatch(stored, 0)).toMatchObject({ baseOffset: 1n, leaderEpoch: 0, lastOffset: 1n });
  });

  const refused: [string, string, (batch: Buffer) => Buffer][] = [
    ['nothing', 'INVALID_RECORD', () => Buffer.alloc(0)],
    ['half a batch', 'CORRUPT_MESSAGE', (batch) => batch.subarray(0, batch.length - 10)],
    ['a flipped bit', 'CORRUPT_MESSAGE', (batch) => flipped(batch, 65)],
    ['an old format', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', (batch) => patched(batch, 16, 1)],
    ['a negative length', 'CORRUPT_MESSAGE', (batch) => patched(batch, 8, 0xff)],
    ['bytes behind the last batch', 'CORRUPT_MESSAGE', (batch) => Buffer.concat([batch, Buffer.alloc(5)])],
  ];

  it.each(refused)('of %s is refused with %s and changes nothing', async (_what, error, spoil) => {
    const log = await newLog();
    expect(() => log.append(spoil(batchOf({ values: ['v'] })))).toThrow(kafkaError(error));
    expect(log.logEndOffset).toBe(0n);
  });

  it('is refused when it is too large, transactional, or a control batch', async () => {
    const log = await newLog({ maxMessageBytes: 500 });
    expect(() => log.append(batchOf({ values: ['x'.repeat(500)] }))).toThrow(kafkaError('MESSAGE_TOO_LARGE'));
    const producer = { timestampMs: 0n, producerId: 1n, producerEpoch: 0, baseSequence: 0 };
    const transactional = encodeBatch([{ value: 'v' }], { ...producer, isTransactional: true });
    expect(() => log.append(transactional)).toThrow(kafkaError('INVALID_TXN_STATE'));
    const control = encodeBatch([{ key: Buffer.alloc(4), value: Buffer.alloc(6) }], { ...producer, isControl: true });
    expect(() => log.append(control)).toThrow(kafkaError('INVALID_RECORD'));
    const many = Buffer.concat(Array.from({ length: 30 }, () => batchOf({ values: ['x'.repeat(200)] })));
    expect(() => log.append(many)).toThrow(kafkaError('RECORD_LIST_TOO_LARGE'));
  });

  it('stamps every record with the time of the append when the topic asks for it', async () => {
    const log = await newLog({ messageTimestampType: 'LogAppendTime' });
    const result = log.append(batchOf({ values: ['a', 'b'], timestampMs: 17n }));
    await result.durable;
    expect(result.logAppendTimeMs).toBe(BigInt(startMs));
    const [stored] = await readAll(log);
    expect(validateBatch(stored!, 0)).toMatchObject({ timestampType: 'LogAppendTime', maxTimestamp: BigInt(startMs) });
    const cursor = new RecordCursor(stored!);
    while (cursor.next()) expect(cursor.timestamp).toBe(BigInt(startMs));
    expect(await log.offsetForTimestamp(BigInt(startMs))).toEqual({ offset: 0n, timestampMs: BigInt(startMs) });
  });
});

describe('an idempotent producer', () => {
  const sent = (baseSequence: number, options: { epoch?: number; count?: number; id?: bigint } = {}): Buffer =>
    batchOf({
      values: Array.from({ length: options.count ?? 1 }, () => 'v'),
      producerId: options.id ?? 9n,
      producerEpoch: options.epoch ?? 0,
      baseSequence,
    });

  it('may retry any of its last five batches and is told their first offsets', async () => {
    const log = await newLog();
    for (let sequence = 0; sequence < 14; sequence += 2) await log.append(sent(sequence, { count: 2 })).durable;
    for (let sequence = 4; sequence < 14; sequence += 2) {
      const retry = log.append(sent(sequence, { count: 2 }));
      expect(retry).toMatchObject({
        isDuplicate: true,
        baseOffset: BigInt(sequence),
        lastOffset: BigInt(sequence + 1),
      });
      await retry.durable;
    }
    expect(() => log.append(sent(2, { count: 2 }))).toThrow(kafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(log.logEndOffset).toBe(14n);
  });

  it('is told that a retry is durable only when the original is', async () => {
    const log = await newLog();
    const original = log.append(sent(0));
    const retry = log.append(sent(0));
    expect(retry.isDuplicate).toBe(true);
    expect(log.highWatermark).toBe(0n);
    await retry.durable;
    expect(log.highWatermark).toBe(1n);
    await original.durable;
  });

  it('is stopped at a gap and at an older epoch, and goes on with a newer one from sequence 0', async () => {
    const log = await newLog();
    await log.append(sent(0, { epoch: 1 })).durable;
    expect(() => log.append(sent(2, { epoch: 1 }))).toThrow(kafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(() => log.append(sent(1, { epoch: 0 }))).toThrow(kafkaError('INVALID_PRODUCER_EPOCH'));
    expect(() => log.append(sent(1, { epoch: 2 }))).toThrow(kafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(log.append(sent(0, { epoch: 2 }))).toMatchObject({ isDuplicate: false, baseOffset: 1n });
  });

  it('may begin anywhere when the log does not know it, and wraps from 2^31-1 to 0', async () => {
    const log = await newLog();
    await log.append(sent(0x7fff_fffe, { count: 3 })).durable;
    expect(log.append(sent(1))).toMatchObject({ isDuplicate: false, baseOffset: 3n });
    expect(log.append(sent(0x7fff_fffe, { count: 3 }))).toMatchObject({ isDuplicate: true, baseOffset: 0n });
  });

  it('is remembered over a clean restart, a crash, and the removal of its records', async () => {
    const disk = newDisk();
    const first = await openWithTopic(disk);
    for (let sequence = 0; sequence < 40; sequence++) first.log.append(sent(sequence));
    await first.log.append(sent(0, { id: 10n })).durable;
    await first.manager.close();
    const second = await openWithTopic(disk);
    expect(second.log.append(sent(36))).toMatchObject({ isDuplicate: true, baseOffset: 36n });
    await appendValues(
      second.log,
      Array.from({ length: 5 }, () => 'x'.repeat(2000)),
    );
    await second.log.advanceLogStart(second.log.highWatermark);
    const third = await openWithTopic(disk.afterPowerLoss(() => 0));
    expect(third.log.append(sent(38))).toMatchObject({ isDuplicate: true, baseOffset: 38n });
    expect(() => third.log.append(sent(41))).toThrow(kafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(third.log.append(sent(0, { id: 10n })).isDuplicate).toBe(true);
  });

  it('is forgotten when it wrote nothing for a day', async () => {
    const { manager, log } = await openWithTopic(newDisk());
    await log.append(sent(0)).durable;
    await manager.applyRetention(startMs + 23 * 3_600_000);
    expect(() => log.append(sent(5))).toThrow(kafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    await manager.applyRetention(startMs + 25 * 3_600_000);
    expect(log.append(sent(5)).isDuplicate).toBe(false);
  });

  it('is not confused by another one, nor by producers without an id', async () => {
    const log = await newLog();
    log.append(sent(0, { id: 1n }));
    log.append(sent(0, { id: 2n }));
    log.append(batchOf({ values: ['plain'] }));
    log.append(batchOf({ values: ['plain'] }));
    await log.append(sent(1, { id: 1n })).durable;
    expect((await readHeaders(log)).map((header) => header.producerId)).toEqual([1n, 2n, -1n, -1n, 1n]);
  });
});

function flipped(batch: Buffer, position: number): Buffer {
  return patched(batch, position, batch[position]! ^ 1);
}

function patched(batch: Buffer, position: number, byte: number): Buffer {
  const copy = Buffer.from(batch);
  copy[position] = byte;
  return copy;
}
