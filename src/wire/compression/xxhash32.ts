const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** xxHash with 32 bits and seed 0, which the LZ4 frame format uses; unsigned. */
export function xxhash32(buffer: Buffer): number {
  const end = buffer.length;
  let position = 0;
  let hash: number;
  if (end >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0;
    let b = PRIME_2;
    let c = 0;
    let d = -PRIME_1 | 0;
    for (; position <= end - 16; position += 16) {
      a = round(a, read32(buffer, position));
      b = round(b, read32(buffer, position + 4));
      c = round(c, read32(buffer, position + 8));
      d = round(d, read32(buffer, position + 12));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else {
    hash = PRIME_5;
  }
  hash = (hash + end) | 0;
  for (; position <= end - 4; position += 4) {
    hash = Math.imul(rotate((hash + Math.imul(read32(buffer, position), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; position < end; position++) {
    hash = Math.imul(rotate((hash + Math.imul(buffer[position]!, PRIME_5)) | 0, 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(accumulator: number, lane: number): number {
  return Math.imul(rotate((accumulator + Math.imul(lane, PRIME_2)) | 0, 13), PRIME_1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function read32(buffer: Buffer, position: number): number {
  return (
    buffer[position]! | (buffer[position + 1]! << 8) | (buffer[position + 2]! << 16) | (buffer[position + 3]! << 24)
  );
}
