import { createHash, randomUUID } from 'node:crypto';
import type { S3Answer, S3Request } from './s3-fault-server.ts';

/** A refusal as S3 writes it. */
export class S3Error extends Error implements S3Answer {
  readonly status: number;
  readonly headers = {};

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
  }

  get body(): string {
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${this.message}</Code><Message>as asked for</Message></Error>`;
  }
}

interface StoredObject {
  bytes: Buffer;
  metadata: Record<string, string>;
  modifiedMs: number;
}

interface Upload {
  key: string;
  metadata: Record<string, string>;
  parts: Map<number, Buffer>;
}

/** What the faults are left out of: one bucket in memory whose every call is carried out at once, as a whole. */
export class S3Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  /** False: a store that takes `If-None-Match` for any other header. */
  knowsConditions = true;
  /** Entries of one page. */
  pageSize = 1000;
  /** Every object that came to be, in order: key and metadata id. */
  readonly created: { key: string; id: string | undefined }[] = [];

  carryOut(request: S3Request): S3Answer {
    const { op, key, query, body, headers } = request;
    if (op === 'PutObject') return this.#put(request);
    if (op === 'HeadObject' || op === 'GetObject') return this.#get(request);
    if (op === 'DeleteObject') this.objects.delete(key);
    if (op === 'DeleteObject') return empty(204);
    if (op === 'ListObjectsV2') return xml(this.#list(query));
    if (op === 'ListMultipartUploads') return xml(this.#listUploads(query));
    if (op === 'CreateMultipartUpload') return xml(this.#begin(request));
    const upload = this.#upload(key, query);
    if (op === 'AbortMultipartUpload') this.uploads.delete(query.get('uploadId')!);
    if (op === 'AbortMultipartUpload') return empty(204);
    if (op === 'CompleteMultipartUpload') return xml(this.#complete(upload, request));
    const part = op === 'UploadPartCopy' ? this.#source(headers['x-amz-copy-source'] as string) : body;
    upload.parts.set(Number(query.get('partNumber')), part);
    if (op === 'UploadPart') return { status: 200, headers: { ETag: etagOf(part) }, body: '' };
    return xml(`<CopyPartResult><ETag>${etagOf(part)}</ETag></CopyPartResult>`);
  }

  /** Content by key, markers left out. */
  files(prefix = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && !key.endsWith('/')).sort();
  }

  #put({ key, headers, body }: S3Request): S3Answer {
    const sum = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== sum) throw new S3Error(400, 'XAmzContentSHA256Mismatch');
    this.#store(key, body, metadataOf(headers), headers['if-none-match']);
    return { status: 200, headers: { ETag: etagOf(body) }, body: '' };
  }

  #store(key: string, bytes: Buffer, metadata: Record<string, string>, condition: string | undefined): void {
    if (condition === '*' && this.knowsConditions && this.objects.has(key))
      throw new S3Error(412, 'PreconditionFailed');
    this.objects.set(key, { bytes, metadata, modifiedMs: Date.now() });
    this.created.push({ key, id: metadata['x-amz-meta-sluice-id'] });
  }

  #get({ op, key, headers }: S3Request): S3Answer {
    const found = this.objects.get(key);
    if (!found) throw new S3Error(404, 'NoSuchKey');
    const shared = {
      ...found.metadata,
      ETag: etagOf(found.bytes),
      'Last-Modified': new Date(found.modifiedMs).toUTCString(),
    };
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(String(headers.range ?? '')) ?? [];
    if (op === 'HeadObject' || first === undefined) return { status: 200, headers: shared, body: found.bytes };
    if (Number(first) >= found.bytes.length) throw new S3Error(416, 'InvalidRange');
    const end = last ? Number(last) + 1 : found.bytes.length;
    return { status: 206, headers: shared, body: found.bytes.subarray(Number(first), end) };
  }

  #list(query: URLSearchParams): string {
    const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter')];
    const after = query.get('continuation-token');
    const entries = new Map<string, StoredObject | null>();
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      if (cut < 0) entries.set(key, this.objects.get(key)!);
      else entries.set(key.slice(0, cut + 1), null);
    }
    const rest = [...entries].slice(after ? Number(after) : 0);
    const page = rest.slice(0, Math.min(this.pageSize, Number(query.get('max-keys') ?? this.pageSize)));
    const isTruncated = page.length < rest.length;
    const next = isTruncated
      ? `<NextContinuationToken>${Number(after ?? 0) + page.length}</NextContinuationToken>`
      : '';
    const items = page.map(([key, object]) => {
      const name = encodeURIComponent(key);
      if (!object) return `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`;
      const time = new Date(object.modifiedMs).toISOString();
      return `<Contents><Key>${name}</Key><LastModified>${time}</LastModified><Size>${object.bytes.length}</Size></Contents>`;
    });
    const head = `<EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}`;
    return `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${head}${items.join('')}</ListBucketResult>`;
  }

  #listUploads(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? '';
    const found = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix));
    const items = found.map(([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
    return `<ListMultipartUploadsResult>${items.join('')}</ListMultipartUploadsResult>`;
  }

  #begin({ key, headers }: S3Request): string {
    const id = randomUUID();
    this.uploads.set(id, { key, metadata: metadataOf(headers), parts: new Map() });
    return `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
  }

  #upload(key: string, query: URLSearchParams): Upload {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload?.key === key) return upload;
    throw new S3Error(404, 'NoSuchUpload');
  }

  #complete(upload: Upload, { key, query, headers, body }: S3Request): string {
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g)];
    const parts = named.map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      if (part && etagOf(part) === etag) return part;
      throw new S3Error(400, 'InvalidPart');
    });
    if (parts.length === 0) throw new S3Error(400, 'MalformedXML');
    this.#store(key, Buffer.concat(parts), upload.metadata, headers['if-none-match']);
    this.uploads.delete(query.get('uploadId')!);
    return '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>';
  }

  #source(copySource: string): Buffer {
    const found = this.objects.get(decodeURIComponent(copySource).replace(/^\/lab\//, ''));
    if (found && found.bytes.length > 0) return found.bytes;
    throw new S3Error(found ? 400 : 404, found ? 'InvalidRequest' : 'NoSuchKey');
  }
}

function metadataOf(headers: S3Request['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [])),
  );
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function xml(text: string): S3Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${text}`,
  };
}

function empty(status: number): S3Answer {
  return { status, headers: {}, body: '' };
}
