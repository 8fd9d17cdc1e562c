// Zig-zag varints of the record format (those of Protocol Buffers): 7 bits per byte, lowest first, sign in the lowest bit.

export const maxVarintBytes = 5;
export const maxVarlongBytes = 10;

/** How many bytes an int32 takes. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5;
}

/** Writes an int32; returns the position after it. */
export function writeVarint(buffer: Buffer, position: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = position;
  while (zigzag > 0x7f) {
    buffer[at++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  buffer[at++] = zigzag;
  return at;
}

/** Writes an int64; returns the position after it. Numbers of 32 bits look the same in both forms. */
export function writeVarlong(buffer: Buffer, position: number, value: bigint): number {
  const number = Number(value);
  if (number === number >> 0) return writeVarint(buffer, position, number);
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let at = position;
  while (zigzag > 0x7fn) {
    buffer[at++] = Number(zigzag & 0x7fn) | 0x80;
    zigzag >>= 7n;
  }
  buffer[at++] = Number(zigzag);
  return at;
}

export function varlongSize(value: bigint): number {
  const number = Number(value);
  if (number === number >> 0) return varintSize(number);
  const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let size = 1;
  for (let rest = zigzag >> 7n; rest > 0n; rest >>= 7n) size++;
  return size;
}

/** Reads an int64 of up to ten bytes, of which all must be there. Undefined: more than 64 bits, or cut off at `end`. */
export function readVarlong(
  buffer: Buffer,
  position: number,
  end: number,
): { value: bigint; next: number } | undefined {
  let zigzag = 0n;
  for (let i = 0; i < maxVarlongBytes && position + i < end; i++) {
    const byte = buffer[position + i]!;
    if (i === maxVarlongBytes - 1 && byte > 1) return undefined;
    zigzag |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value: (zigzag >> 1n) ^ -(zigzag & 1n), next: position + i + 1 };
  }
  return undefined;
}
