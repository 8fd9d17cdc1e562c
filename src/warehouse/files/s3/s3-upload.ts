import { randomUUID } from 'node:crypto';
import { readSource, sourceSize } from '../source-file.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { FileSource } from '../warehouse-files.ts';
import { isLost, type S3Client } from './s3-client.ts';
import { toS3Error } from './s3-errors.ts';
import { abortUpload, beginUpload, completeUpload, headObject, identityHeaders } from './s3-objects.ts';

type Signal = AbortSignal | undefined;

/** Larger files go up in parts of this size, one at a time: what one upload holds in memory. At most 10,000 parts, so 80 GB. */
export const partBytes = 8 * 1024 * 1024;
const abortMs = 10_000;

/**
 * Creates an object under a key that must be free. A lost answer is settled by one look: the object carries an id. When it is
 * not there, the same key is not tried again (the request may still be carried out): it ends as `uncertain`.
 */
export async function uploadObject(client: S3Client, key: string, source: FileSource, signal: Signal): Promise<void> {
  const id = randomUUID();
  const outcome =
    sourceSize(source) <= partBytes
      ? await putWhole(client, key, await wholeOf(source), id, signal)
      : await putParts(client, key, source, id, signal);
  if (outcome === 'done') return;
  const found = await headObject(client, key, signal);
  if (found?.id === id) return;
  if (outcome === 'taken') throw new WarehouseError('already-exists', `${key} exists`);
  const message = `${key}: the answer to the upload was lost (${outcome.unclear.message}); a new name is needed`;
  throw new WarehouseError('uncertain', message, { isRetriable: true, cause: outcome.unclear });
}

type PutOutcome = 'done' | 'taken' | { unclear: WarehouseError };

/** One PUT, refused when the key is taken. */
export async function putWhole(
  client: S3Client,
  key: string,
  body: Buffer,
  id: string,
  signal: Signal,
  from: string | null = null,
): Promise<PutOutcome> {
  const headers = { ...identityHeaders(id, from), 'If-None-Match': '*' };
  const answer = await client.call({ method: 'PUT', key, headers, body, isOnce: true, signal });
  if (isLost(answer)) return { unclear: answer.lost };
  if (!answer.refusal) return 'done';
  const { status, code, message } = answer.refusal;
  if (status === 412) return 'taken';
  // Another request for this key was under way: which of them came first is seen by looking.
  if (status !== 409) throw toS3Error(answer.refusal, `PUT ${key}`);
  return { unclear: new WarehouseError('unavailable', `PUT ${key}: ${code}: ${message}`, { isRetriable: true }) };
}

async function putParts(
  client: S3Client,
  key: string,
  source: FileSource,
  id: string,
  signal: Signal,
): Promise<PutOutcome> {
  const upload = await beginUpload(client, key, identityHeaders(id, null), signal);
  let outcome: PutOutcome | 'gone' | null = null;
  try {
    const etags: string[] = [];
    for await (const body of partsOf(source)) {
      const query = { partNumber: String(etags.length + 1), uploadId: upload };
      const { headers } = await client.mustCall({ method: 'PUT', key, query, body, signal });
      etags.push(headers.etag ?? '');
    }
    outcome = await completeUpload(client, { key, id: upload, etags }, signal);
  } finally {
    if (outcome !== 'done') await abandon(client, key, upload);
  }
  return outcome === 'gone' ? { unclear: new WarehouseError('uncertain', `${key}: the upload was ended`) } : outcome;
}

/** Also when the caller has stopped: parts that nobody names cost money until somebody aborts their upload. */
export async function abandon(client: S3Client, key: string, upload: string): Promise<void> {
  try {
    await abortUpload(client, key, upload, AbortSignal.timeout(abortMs));
  } catch {
    // a rule of the bucket for incomplete uploads sweeps them
  }
}

/** The content in pieces of `partBytes`, the last one shorter. */
async function* partsOf(source: FileSource): AsyncGenerator<Buffer> {
  if ('bytes' in source) {
    for (let at = 0; at < source.bytes.length; at += partBytes) yield source.bytes.subarray(at, at + partBytes);
    return;
  }
  let [part, filled] = [Buffer.allocUnsafe(partBytes), 0];
  for await (const chunk of readSource(source, 1024 * 1024)) {
    const taken = chunk.copy(part, filled);
    filled += taken;
    if (filled < partBytes) continue;
    yield part;
    part = Buffer.allocUnsafe(partBytes);
    filled = chunk.copy(part, 0, taken);
  }
  if (filled > 0) yield part.subarray(0, filled);
}

async function wholeOf(source: FileSource): Promise<Buffer> {
  if ('bytes' in source) return source.bytes;
  const chunks: Buffer[] = [];
  for await (const chunk of readSource(source, 1024 * 1024)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
