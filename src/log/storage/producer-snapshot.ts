/**
 * `<offset, 20 digits>.producers`: the producer state of all records below that offset, so that start-up need not read the whole
 * log for it. Written at each roll and at a clean shutdown. Our own format, because Kafka's `.snapshot` keeps one batch per
 * producer, and then a client with five requests in flight cannot retry them over a restart. Big-endian:
 *
 *   int16 version (1)   uint32 CRC32C of all that follows   int64 offset   int32 producer count
 *   per producer: int64 producer id   int16 epoch   int64 wall clock of the last append (epoch ms)   int8 batch count
 *   per batch, oldest first: int32 first sequence   int32 last sequence   int64 first offset   int64 last offset
 *                            int64 log append time or -1
 */
import { crc32c } from '../../wire/index.ts';
import { readFileIfThere } from './durable-file.ts';
import type { LogFileSystem } from './log-file-system.ts';
import { type ProducerBatch, ProducerState, rememberedBatchCount } from './producer-state.ts';

const version = 1;
const headerBytes = 18;
const checksummedFrom = 6;
const producerBytes = 19;
const batchBytes = 32;

export function encodeProducerSnapshot(offset: bigint, state: ProducerState): Buffer {
  let batchCount = 0;
  for (const [, entry] of state.entries()) batchCount += entry.batches.length;
  const bytes = Buffer.alloc(headerBytes + state.size * producerBytes + batchCount * batchBytes);
  bytes.writeInt16BE(version, 0);
  bytes.writeBigInt64BE(offset, 6);
  bytes.writeInt32BE(state.size, 14);
  let at = headerBytes;
  for (const [producerId, entry] of state.entries()) {
    at = bytes.writeBigInt64BE(producerId, at);
    at = bytes.writeInt16BE(entry.epoch, at);
    at = bytes.writeBigInt64BE(BigInt(Math.trunc(entry.lastAppendMs)), at);
    at = bytes.writeInt8(entry.batches.length, at);
    for (const batch of entry.batches) at = writeBatch(bytes, at, batch);
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(checksummedFrom)), 2);
  return bytes;
}

/** null when the file is missing, damaged, or not of that offset. */
export async function readProducerSnapshot(
  fileSystem: LogFileSystem,
  path: string,
  offset: bigint,
): Promise<ProducerState | null> {
  const bytes = await readFileIfThere(fileSystem, path);
  if (!bytes || bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return null;
  if (bytes.readUInt32BE(2) !== crc32c(bytes.subarray(checksummedFrom))) return null;
  return bytes.readBigInt64BE(6) === offset ? decodeProducers(bytes) : null;
}

function decodeProducers(bytes: Buffer): ProducerState | null {
  const state = new ProducerState();
  let at = headerBytes;
  for (let left = bytes.readInt32BE(14); left > 0; left--) {
    if (at + producerBytes > bytes.length) return null;
    const producerId = bytes.readBigInt64BE(at);
    const epoch = bytes.readInt16BE(at + 8);
    const lastAppendMs = Number(bytes.readBigInt64BE(at + 10));
    const batchCount = bytes.readInt8(at + 18);
    at += producerBytes;
    if (batchCount < 1 || batchCount > rememberedBatchCount || at + batchCount * batchBytes > bytes.length) return null;
    const batches = Array.from({ length: batchCount }, (_, index) => readBatch(bytes, at + index * batchBytes));
    at += batchCount * batchBytes;
    state.set(producerId, { epoch, batches, lastAppendMs });
  }
  return at === bytes.length ? state : null;
}

function writeBatch(bytes: Buffer, position: number, batch: ProducerBatch): number {
  let at = bytes.writeInt32BE(batch.baseSequence, position);
  at = bytes.writeInt32BE(batch.lastSequence, at);
  at = bytes.writeBigInt64BE(batch.baseOffset, at);
  at = bytes.writeBigInt64BE(batch.lastOffset, at);
  return bytes.writeBigInt64BE(batch.logAppendTimeMs, at);
}

function readBatch(bytes: Buffer, at: number): ProducerBatch {
  return {
    baseSequence: bytes.readInt32BE(at),
    lastSequence: bytes.readInt32BE(at + 4),
    baseOffset: bytes.readBigInt64BE(at + 8),
    lastOffset: bytes.readBigInt64BE(at + 16),
    logAppendTimeMs: bytes.readBigInt64BE(at + 24),
  };
}
