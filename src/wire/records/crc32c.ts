import { crc32c as nativeCrc32c } from '@node-rs/crc32';

/** Below this a table in JavaScript is faster than the call into native code (measured: 83 against 267 ns for 20 bytes). */
const NATIVE_FROM_BYTES = 100;

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  table[byte] = value;
}

/** CRC-32C (Castagnoli), as an unsigned 32-bit number; `initial` is the checksum of the bytes before. */
export function crc32c(buffer: Buffer, initial = 0): number {
  if (buffer.length >= NATIVE_FROM_BYTES) return nativeCrc32c(buffer, initial);
  let value = ~initial;
  for (let i = 0; i < buffer.length; i++) value = table[(value ^ buffer[i]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
