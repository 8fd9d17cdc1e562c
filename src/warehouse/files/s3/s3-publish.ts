/**
 * `publishIfAbsent` on S3, which has no rename. docs/decisions/0009-s3-warehouses.md says why each step is as it is.
 *
 *  1 look at both names and at the folder of the target    2 close the way back: the name before `from` goes
 *  3 an upload to the target, whose parts the store copies from `from`    4 complete it if the name is free: that is the moment
 *  5 look at the folder again    6 delete `from`
 *
 * What this rests on: of all completions for one name exactly one is carried out; an upload is completed once or aborted;
 * and parts are copied from a name only while it exists. So a request that comes late finds its source gone, its upload ended or
 * its target taken, and an object does not get a name a second time.
 */
import { faultPoint } from '../../../shared/index.ts';
import { RetryRun } from '../retry-run.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { PublishOutcome } from '../warehouse-files.ts';
import type { S3Client } from './s3-client.ts';
import { toS3Error } from './s3-errors.ts';
import {
  abortUpload,
  beginUpload,
  completeUpload,
  deleteObject,
  headObject,
  identityHeaders,
  openUploads,
  type S3Object,
} from './s3-objects.ts';
import { abandon, putWhole } from './s3-upload.ts';
import { parseXml, textOf } from './s3-xml.ts';

type Signal = AbortSignal | undefined;

/** Of one part; the store's own limit is 5 GiB. */
const copyPartBytes = 1024 ** 3;

/** Keys of a publish. `folder`: the marker of the folder that the target lies in; null: the bucket, which is always there. */
export interface PublishKeys {
  from: string;
  to: string;
  folder: string | null;
}

export async function publishObject(client: S3Client, keys: PublishKeys, signal: Signal): Promise<PublishOutcome> {
  const run = new RetryRun(client.connection, `publish ${keys.to}`);
  let id: string | null = null;
  for (;;) {
    const [source, target, nested, hasFolder] = await look(client, keys, signal);
    // A late answer to ourselves, or somebody who made the same move: the object is there, under its id.
    if (!source) return id !== null && target?.id === id ? 'published' : 'refused';
    id ??= source.id;
    if (nested || (!target && !hasFolder)) return 'refused';
    if (target && target.id !== source.id) return 'refused';
    const outcome = target ? 'done' : await copy(client, keys, source, signal);
    if (outcome === 'done') return await finish(client, keys, signal);
    if (outcome === 'source-gone') return 'refused';
    if (outcome !== 'taken') await run.pause({ error: outcome.unclear }, signal);
  }
}

async function look(
  client: S3Client,
  { from, to, folder }: PublishKeys,
  signal: Signal,
): Promise<[S3Object | null, S3Object | null, S3Object | null, boolean]> {
  const [source, target, nested, parent] = await Promise.all([
    headObject(client, from, signal),
    headObject(client, to, signal),
    headObject(client, `${to}/`, signal),
    folder === null ? true : headObject(client, folder, signal),
  ]);
  return [source, target, nested, parent !== null];
}

type CopyOutcome = 'done' | 'taken' | 'source-gone' | { unclear: WarehouseError };

async function copy(client: S3Client, keys: PublishKeys, source: S3Object, signal: Signal): Promise<CopyOutcome> {
  await closeWayBack(client, keys.from, source, signal);
  // There is no part without bytes to copy, and nothing of it could be lost on the way.
  if (source.size === 0) return await putWhole(client, keys.to, Buffer.alloc(0), source.id, signal, keys.from);
  const upload = await beginUpload(client, keys.to, identityHeaders(source.id, keys.from), signal);
  let outcome: CopyOutcome | 'gone' | null = null;
  try {
    const etags = await copyParts(client, keys, upload, source.size, signal);
    faultPoint('s3-part-copied');
    outcome = Array.isArray(etags) ? await completeUpload(client, { key: keys.to, id: upload, etags }, signal) : etags;
  } finally {
    if (outcome !== 'done') await abandon(client, keys.to, upload);
  }
  if (outcome !== 'gone') return outcome;
  return { unclear: new WarehouseError('unavailable', `${keys.to}: somebody ended the upload`, { isRetriable: true }) };
}

/**
 * Before an object leaves a name that it was published to, nothing may be left that could publish it there again: neither
 * the name before that (its mover may have died before it was deleted), nor an upload that was begun while that existed.
 */
async function closeWayBack(client: S3Client, key: string, object: S3Object, signal: Signal): Promise<void> {
  if (object.from === null) return;
  await deleteObject(client, object.from, signal);
  for (const upload of await openUploads(client, key, signal)) await abortUpload(client, key, upload, signal);
}

/** ETags of the parts; or why there are none. */
async function copyParts(
  client: S3Client,
  { from, to }: PublishKeys,
  upload: string,
  size: number,
  signal: Signal,
): Promise<string[] | 'source-gone' | 'gone'> {
  const etags: string[] = [];
  for (let at = 0; at < size; at += copyPartBytes) {
    const range = `bytes=${at}-${Math.min(size, at + copyPartBytes) - 1}`;
    const answer = await client.call({
      method: 'PUT',
      key: to,
      query: { partNumber: String(etags.length + 1), uploadId: upload },
      headers: {
        'x-amz-copy-source': client.sourceOf(from),
        ...(size > copyPartBytes && { 'x-amz-copy-source-range': range }),
      },
      mayFailLate: true,
      signal,
    });
    const { refusal } = answer;
    if (refusal?.code === 'NoSuchUpload') return 'gone';
    if (refusal?.status === 404) return 'source-gone';
    if (refusal) throw toS3Error(refusal, `UploadPartCopy ${from} to ${to}`);
    etags.push(textOf(parseXml(answer.body), 'ETag') ?? '');
  }
  return etags;
}

/**
 * The object stands under its new name. Who removes a folder takes its marker away before it lists what to delete: with the
 * marker still there, the name counts. Without it the folder was removed meanwhile, and we do not know whether we came before.
 */
async function finish(client: S3Client, { from, folder }: PublishKeys, signal: Signal): Promise<PublishOutcome> {
  if (folder !== null && !(await headObject(client, folder, signal))) return 'refused';
  faultPoint('s3-published');
  await deleteObject(client, from, signal);
  return 'published';
}
