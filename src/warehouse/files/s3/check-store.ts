import { randomUUID } from 'node:crypto';
import { RetryRun } from '../retry-run.ts';
import { isWarehouseError, WarehouseError } from '../warehouse-error.ts';
import type { S3Client } from './s3-client.ts';
import { abortUpload, beginUpload, completeUpload, deleteObject, headObject, openUploads } from './s3-objects.ts';
import { abandon, putWhole } from './s3-upload.ts';
import { parseXml, textOf } from './s3-xml.ts';

type Signal = AbortSignal | undefined;

/**
 * Puts to the test what `publishObject` rests on, with two small objects: a store that does not know `If-None-Match` takes it
 * for any other header, and two loads would overwrite each other's records. Throws WarehouseError `unsupported` by the name of what is missing.
 */
export async function checkStore(client: S3Client, prefix: string, signal: Signal): Promise<void> {
  const run = new RetryRun(client.connection, 'the look at conditional writes');
  for (;;) {
    try {
      return await checkOnce(client, `${prefix === '' ? '' : `${prefix}/`}_sluice-probe-${randomUUID()}`, signal);
    } catch (error) {
      if (!isWarehouseError(error) || !error.isRetriable) throw error;
      await run.pause({ error }, signal);
    }
  }
}

async function checkOnce(client: S3Client, base: string, signal: Signal): Promise<void> {
  const [taken, source, free] = [`${base}-a`, `${base}-b`, `${base}-c`];
  try {
    await checkPut(client, taken, signal);
    const outcome = await putWhole(client, source, Buffer.from('source'), randomUUID(), signal);
    if (typeof outcome === 'object') throw outcome.unclear;
    await checkComplete(client, taken, source, signal);
    await checkAbort(client, free, source, signal);
  } finally {
    await Promise.allSettled([taken, source, free].map((key) => deleteObject(client, key, undefined)));
  }
}

async function checkPut(client: S3Client, key: string, signal: Signal): Promise<void> {
  const first = await putWhole(client, key, Buffer.from('first'), randomUUID(), signal);
  if (typeof first === 'object') throw first.unclear;
  const second = await putWhole(client, key, Buffer.from('second'), randomUUID(), signal);
  if (typeof second === 'object') throw second.unclear;
  if (second !== 'taken') throw refused('PutObject with If-None-Match replaced an object');
}

async function checkComplete(client: S3Client, taken: string, source: string, signal: Signal): Promise<void> {
  const { upload, etag } = await copyIntoUpload(client, taken, source, signal);
  try {
    if (!(await openUploads(client, taken, signal)).includes(upload)) {
      throw refused('ListMultipartUploads does not show an upload that was begun');
    }
    const outcome = await completeUpload(client, { key: taken, id: upload, etags: [etag] }, signal);
    if (typeof outcome === 'object') throw outcome.unclear;
    if (outcome !== 'taken') throw refused('CompleteMultipartUpload with If-None-Match replaced an object');
  } finally {
    await abandon(client, taken, upload);
  }
}

async function checkAbort(client: S3Client, key: string, source: string, signal: Signal): Promise<void> {
  const { upload, etag } = await copyIntoUpload(client, key, source, signal);
  await abortUpload(client, key, upload, signal);
  await completeUpload(client, { key, id: upload, etags: [etag] }, signal); // stores refuse this in many ways
  if (await headObject(client, key, signal)) throw refused('an upload could be completed after AbortMultipartUpload');
}

async function copyIntoUpload(client: S3Client, key: string, source: string, signal: Signal) {
  const upload = await beginUpload(client, key, {}, signal);
  const query = { partNumber: '1', uploadId: upload };
  const headers = { 'x-amz-copy-source': client.sourceOf(source) };
  const { body } = await client.mustCall({ method: 'PUT', key, query, headers, mayFailLate: true, signal });
  return { upload, etag: textOf(parseXml(body), 'ETag') ?? '' };
}

function refused(what: string): WarehouseError {
  const rest = 'exactly-once rests on it; use a store whose conditional writes are real, or HDFS';
  return new WarehouseError('unsupported', `this store cannot hold a warehouse: ${what}; ${rest}`);
}
