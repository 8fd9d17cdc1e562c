import { createHash } from 'node:crypto';

/**
 * One text per value: keys sorted, no white space, bigint as decimal strings, undefined members left out. The same record
 * always gives the same bytes, so hashes can be compared.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return `"${value}"`;
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`cannot write ${value} as JSON`);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

export function sha256Hex(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * One line of canonical JSON that carries its own checksum: member `checksum` is the SHA-256 of the canonical JSON of all
 * other members. A cut, empty or altered file is told from a whole one without any other file.
 */
export function encodeSealedJson(value: object): Buffer {
  return Buffer.from(`${canonicalJson({ ...value, checksum: sha256Hex(canonicalJson(value)) })}\n`);
}

/** The members of a sealed JSON line without the checksum. Throws an Error that says what is wrong with the bytes. */
export function decodeSealedJson(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) throw new Error('the file is empty');
  const text = bytes.toString('utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON (${bytes.length} bytes)`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('not a JSON object');
  const { checksum, ...members } = parsed as Record<string, unknown>;
  if (typeof checksum !== 'string') throw new Error('no checksum');
  const actual = sha256Hex(canonicalJson(members));
  if (actual !== checksum) throw new Error(`its checksum says ${checksum}, its content has ${actual}`);
  if (`${canonicalJson(parsed)}\n` !== text) throw new Error('not in canonical form');
  return members;
}
