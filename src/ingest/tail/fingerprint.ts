import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Of a run of bytes of a file. */
export interface Fingerprint {
  bytes: number;
  /** The first 16 hex digits of its SHA-256. */
  hash: string;
}

/** How many bytes at the beginning of a file, and before the position that was shipped, tell it from others. */
export const fingerprintBytes = 1024;

export function fingerprintOf(bytes: Buffer): Fingerprint {
  return { bytes: bytes.length, hash: createHash('sha256').update(bytes).digest('hex').slice(0, 16) };
}

/** Up to `length` bytes from `position`; fewer only at the end of the file. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.max(0, length));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Of the first bytes below `position`. */
export async function headOf(handle: FileHandle, position: number): Promise<Fingerprint> {
  return fingerprintOf(await readAt(handle, 0, Math.min(fingerprintBytes, position)));
}

/** Of the last bytes below `position`. */
export async function endOf(handle: FileHandle, position: number): Promise<Fingerprint> {
  const bytes = Math.min(fingerprintBytes, position);
  return fingerprintOf(await readAt(handle, position - bytes, bytes));
}

export interface ShippedPart {
  position: number;
  head: Fingerprint;
  end: Fingerprint;
}

/** Whether the file begins with what was shipped, judged by the head and by the bytes before the position. */
export async function beginsWith(handle: FileHandle, part: ShippedPart): Promise<boolean> {
  if ((await handle.stat()).size < part.position) return false;
  const head = fingerprintOf(await readAt(handle, 0, part.head.bytes));
  if (!isSame(head, part.head)) return false;
  const end = fingerprintOf(await readAt(handle, part.position - part.end.bytes, part.end.bytes));
  return isSame(end, part.end);
}

/** Whether two files agree in their first bytes and in the last ones below `position`. */
export async function agreeUpTo(a: FileHandle, b: FileHandle, position: number): Promise<boolean> {
  const same = async (of: typeof headOf): Promise<boolean> => isSame(await of(a, position), await of(b, position));
  return (await same(headOf)) && (await same(endOf));
}

function isSame(a: Fingerprint, b: Fingerprint): boolean {
  return a.bytes === b.bytes && a.hash === b.hash;
}
