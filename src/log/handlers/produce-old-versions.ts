/**
 * Produce versions 0 to 2 carry message sets of old formats, which no current broker takes. We say so in their own layout:
 *
 *     request  = int16 acks, int32 timeout, [topic: string, [int32 partition, bytes records]]
 *     response = [topic: string, [int32 partition, int16 error, int64 base offset (-1), v2: int64 append time (-1)]]
 *                v1: int32 throttle time
 *
 * Arrays have an int32 count, strings an int16 length, bytes an int32 length.
 */
import { errorCodes, WireError } from '../../wire/index.ts';
import type { RequestContext } from './api-handler.ts';

/** The body of the answer; null when the client expects none, or sent something else. */
export function refuseOldProduce(frame: Buffer, { apiVersion }: RequestContext, bodyOffset: number): Buffer | null {
  if (apiVersion < 0 || apiVersion > 2) return null;
  const reader = new OldReader(frame, bodyOffset);
  const acks = reader.int16();
  reader.int32();
  if (acks === 0) return null;
  const out: Buffer[] = [];
  const topicCount = reader.count();
  out.push(int32(topicCount));
  for (let t = 0; t < topicCount; t++) {
    const name = reader.bytes(reader.int16());
    const partitionCount = reader.count();
    out.push(int16(name.length), name, int32(partitionCount));
    for (let p = 0; p < partitionCount; p++) {
      out.push(int32(reader.int32()), int16(errorCodes.UNSUPPORTED_VERSION), int64(-1n));
      if (apiVersion === 2) out.push(int64(-1n));
      reader.bytes(Math.max(0, reader.int32()));
    }
  }
  if (apiVersion >= 1) out.push(int32(0));
  return Buffer.concat(out);
}

class OldReader {
  readonly #buffer: Buffer;
  #position: number;

  constructor(buffer: Buffer, position: number) {
    this.#buffer = buffer;
    this.#position = position;
  }

  bytes(length: number): Buffer {
    const end = this.#position + length;
    if (length < 0 || end > this.#buffer.length) {
      throw new WireError(
        'truncated',
        `Produce: expected ${length} bytes, got ${this.#buffer.length - this.#position}`,
      );
    }
    const window = this.#buffer.subarray(this.#position, end);
    this.#position = end;
    return window;
  }

  int16(): number {
    return this.bytes(2).readInt16BE(0);
  }

  int32(): number {
    return this.bytes(4).readInt32BE(0);
  }

  /** Every element takes at least six bytes, so a larger count is a lie. */
  count(): number {
    const count = this.int32();
    if (count < 0 || count * 6 > this.#buffer.length - this.#position) {
      throw new WireError('malformed', `Produce: expected a count that fits the request, got ${count}`);
    }
    return count;
  }
}

function int16(value: number): Buffer {
  const out = Buffer.allocUnsafe(2);
  out.writeInt16BE(value);
  return out;
}

function int32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value);
  return out;
}

function int64(value: bigint): Buffer {
  const out = Buffer.allocUnsafe(8);
  out.writeBigInt64BE(value);
  return out;
}
