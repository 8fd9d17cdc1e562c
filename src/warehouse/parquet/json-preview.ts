import { openBrace, openBracket } from './json-reader.ts';
import { quote } from './json-scanner.ts';

/** Words for what came instead of what was expected. */

const maxPreviewBytes = 60;

/** The first bytes of a value, for a message. */
export function preview(bytes: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, start + maxPreviewBytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start).toString('utf8');
  return stop < end ? `${text}...` : text;
}

/** What kind of value begins with that byte. */
export function describeKind(first: number): string {
  if (first === quote) return 'the string';
  if (first === openBrace) return 'the object';
  if (first === openBracket) return 'the array';
  return first === 0x74 || first === 0x66 ? 'the boolean' : 'the number';
}

export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
