import { WarehouseError } from '../warehouse-error.ts';
import { encode, isLost, type S3Answer, type S3Client } from './s3-client.ts';
import { toS3Error } from './s3-errors.ts';
import { childrenOf, parseXml, textOf } from './s3-xml.ts';

/** What a HEAD tells of an object. */
export interface S3Object {
  size: number;
  modifiedMs: number;
  /** Of a file: given when it is created and taken along by every publish, so that it can be known again. */
  id: string;
  /** Key that the object was published from; null when it was created here. */
  from: string | null;
}

/** One page of a listing. */
export interface S3Page {
  objects: { key: string; size: number; modifiedMs: number }[];
  /** Keys up to the next `/`, which they end with; only with a delimiter. */
  prefixes: string[];
  /** Null: the last page. */
  next: string | null;
  /** The store's clock when it answered. */
  nowMs: number;
}

type Signal = AbortSignal | undefined;

const idHeader = 'x-amz-meta-sluice-id';
const fromHeader = 'x-amz-meta-sluice-from';

/** Headers that give an object its identity. */
export function identityHeaders(id: string, from: string | null): Record<string, string> {
  return { [idHeader]: id, ...(from !== null && { [fromHeader]: encode(from) }) };
}

export async function headObject(client: S3Client, key: string, signal: Signal): Promise<S3Object | null> {
  const answer = await client.call({ method: 'HEAD', key, signal });
  if (answer.refusal?.status === 404) return null;
  if (answer.refusal) throw toS3Error(answer.refusal, `HEAD ${key}`);
  const { headers } = answer;
  const size = Number(headers['content-length']);
  const [given, from] = [headers[idHeader], headers[fromHeader]].map((value) => (value ? String(value) : null));
  return {
    size,
    modifiedMs: timeOf(headers['last-modified']),
    // Not written by us: what it is made of does as well.
    id: given ?? `${headers.etag}-${size}-${headers['last-modified']}`,
    from: from ? decodeURIComponent(from) : null,
  };
}

export async function deleteObject(client: S3Client, key: string, signal: Signal): Promise<void> {
  const answer = await client.call({ method: 'DELETE', key, signal });
  if (answer.refusal && answer.refusal.status !== 404) throw toS3Error(answer.refusal, `DELETE ${key}`);
}

/** Lists what begins with `prefix`, in the order of the bytes, up to 1,000 entries at a time. */
export async function listPage(
  client: S3Client,
  prefix: string,
  options: { delimiter?: string; after?: string | null; limit?: number; signal?: Signal },
): Promise<S3Page> {
  const { delimiter, after, limit, signal } = options;
  const query = {
    'list-type': '2',
    'encoding-type': 'url',
    prefix,
    ...(delimiter !== undefined && { delimiter }),
    ...(limit !== undefined && { 'max-keys': String(limit) }),
    ...(after && { 'continuation-token': after }),
  };
  const answer = await client.mustCall({ method: 'GET', key: '', query, signal });
  const root = parseXml(answer.body);
  if (root?.localName !== 'ListBucketResult') throw unexpected('a listing', answer);
  // Stores encode names when they are asked to, and say so; one that does not say so has not.
  const name = textOf(root, 'EncodingType') === 'url' ? decodeListed : (text: string) => text;
  const isTruncated = textOf(root, 'IsTruncated') === 'true';
  return {
    objects: childrenOf(root, 'Contents').map((entry) => ({
      key: name(textOf(entry, 'Key') ?? ''),
      size: Number(textOf(entry, 'Size')),
      modifiedMs: Date.parse(textOf(entry, 'LastModified') ?? ''),
    })),
    prefixes: childrenOf(root, 'CommonPrefixes').map((entry) => name(textOf(entry, 'Prefix') ?? '')),
    next: isTruncated ? textOf(root, 'NextContinuationToken') : null,
    nowMs: timeOf(answer.headers.date),
  };
}

/** Begins an upload in parts; gives its id. */
export async function beginUpload(
  client: S3Client,
  key: string,
  identity: Record<string, string>,
  signal: Signal,
): Promise<string> {
  const answer = await client.mustCall({ method: 'POST', key, query: { uploads: '' }, headers: identity, signal });
  const id = textOf(parseXml(answer.body), 'UploadId');
  if (id) return id;
  throw unexpected('the id of an upload', answer);
}

/**
 * Gives the object of an upload its name, unless that is taken.
 * - `taken`: it is. - `gone`: somebody ended the upload. - `unclear`: ask what stands there.
 */
export async function completeUpload(
  client: S3Client,
  upload: { key: string; id: string; etags: readonly string[] },
  signal: Signal,
): Promise<'done' | 'taken' | 'gone' | { unclear: WarehouseError }> {
  const parts = upload.etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
  const answer = await client.call({
    method: 'POST',
    key: upload.key,
    query: { uploadId: upload.id },
    headers: { 'If-None-Match': '*', 'Content-Type': 'application/xml' },
    body: Buffer.from(xml),
    isOnce: true,
    mayFailLate: true,
    signal,
  });
  if (isLost(answer)) return { unclear: answer.lost };
  if (!answer.refusal) return 'done';
  const { status, code, message } = answer.refusal;
  if (status === 412 || code === 'PreconditionFailed') return 'taken';
  if (code === 'NoSuchUpload') return 'gone';
  if (status === 409 || status === 404) {
    return {
      unclear: new WarehouseError('unavailable', `POST ${upload.key}: ${code}: ${message}`, { isRetriable: true }),
    };
  }
  throw toS3Error(answer.refusal, `CompleteMultipartUpload ${upload.key}`);
}

/** Ends an upload: whatever completes it later finds it gone. */
export async function abortUpload(client: S3Client, key: string, id: string, signal: Signal): Promise<void> {
  const answer = await client.call({ method: 'DELETE', key, query: { uploadId: id }, signal });
  if (answer.refusal && answer.refusal.status !== 404) throw toS3Error(answer.refusal, `AbortMultipartUpload ${key}`);
}

/** Ids of the uploads to exactly that key that are neither completed nor aborted. */
export async function openUploads(client: S3Client, key: string, signal: Signal): Promise<string[]> {
  const found: string[] = [];
  let after: Record<string, string> = {};
  for (;;) {
    const answer = await client.mustCall({
      method: 'GET',
      key: '',
      query: { uploads: '', prefix: key, ...after },
      signal,
    });
    const root = parseXml(answer.body);
    if (root?.localName !== 'ListMultipartUploadsResult') throw unexpected('a listing of uploads', answer);
    for (const upload of childrenOf(root, 'Upload')) {
      const id = textOf(upload, 'UploadId');
      if (textOf(upload, 'Key') === key && id) found.push(id);
    }
    const [nextKey, nextId] = [textOf(root, 'NextKeyMarker'), textOf(root, 'NextUploadIdMarker')];
    if (textOf(root, 'IsTruncated') !== 'true' || !nextKey) return found;
    after = { 'key-marker': nextKey, ...(nextId && { 'upload-id-marker': nextId }) };
  }
}

/** Of a header such as `Sat, 21 Nov 2026 21:45:36 GMT`, epoch milliseconds. */
export function timeOf(header: string | undefined): number {
  const ms = Date.parse(header ?? '');
  if (!Number.isNaN(ms)) return ms;
  throw new WarehouseError(
    'remote',
    `expected a time such as "Sat, 21 Nov 2026 21:45:36 GMT", got ${JSON.stringify(header)}`,
  );
}

/** Some stores write a space as `+`, and then a plus sign as `%2B`. */
function decodeListed(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function unexpected(what: string, answer: S3Answer): WarehouseError {
  const start = answer.body.toString('utf8', 0, 100);
  return new WarehouseError('remote', `expected ${what}, got status ${answer.status}: ${JSON.stringify(start)}`);
}
