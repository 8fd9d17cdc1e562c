import { WarehouseError } from '../warehouse-error.ts';
import type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from '../warehouse-files.ts';
import { compareNames, parentPath, pathComponents } from '../warehouse-path.ts';
import { S3Client, type S3Connection } from './s3-client.ts';
import { toS3Error } from './s3-errors.ts';
import { S3Folders } from './s3-folders.ts';
import { deleteObject, headObject, listPage, timeOf } from './s3-objects.ts';
import { publishObject } from './s3-publish.ts';
import { uploadObject } from './s3-upload.ts';

export interface S3Options extends S3Connection {
  url: string;
  /** Of all keys, without slashes around it; '' is the whole bucket. */
  prefix: string;
}

type Signal = { signal?: AbortSignal };

const looksUnderWay = 16;
/** What one Buffer may sensibly hold. */
const maxReadBytes = 2 ** 31 - 1;

/**
 * A warehouse in a bucket of S3, or of a store that speaks its protocol and keeps its word on `If-None-Match` (`checkStore`).
 *
 * - Objects appear whole or not at all, and listings are true at once: S3 promises both.
 * - Folders are marker objects (`S3Folders`).
 * - `publishIfAbsent` copies within the store and deletes then (`publishObject`). Who dies in between leaves the file under both
 *   names; asked again, by anybody, the same file counts as published.
 */
export class S3Files implements WarehouseFiles {
  readonly url: string;
  readonly #options: S3Options;
  readonly #client: S3Client;
  readonly #folders: S3Folders;

  constructor(options: S3Options) {
    this.url = options.url;
    this.#options = options;
    this.#client = new S3Client(options);
    this.#folders = new S3Folders(this.#client, options.prefix);
  }

  get client(): S3Client {
    return this.#client;
  }

  async create(path: string, source: FileSource, options: Signal = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const key = this.#folders.keyOf(path);
    if (path === '/') throw new WarehouseError('already-exists', 'the warehouse itself is a folder');
    await this.#folders.ensure(parentPath(path), { signal: options.signal });
    if (await headObject(this.#client, `${key}/`, options.signal)) {
      throw new WarehouseError('already-exists', `${path} is a folder`);
    }
    await uploadObject(this.#client, key, source, options.signal);
  }

  async publishIfAbsent(from: string, to: string, options: Signal = {}): Promise<PublishOutcome> {
    options.signal?.throwIfAborted();
    const keys = { from: this.#folders.keyOf(from), to: this.#folders.keyOf(to) };
    if (keys.from === keys.to || from === '/' || to === '/') return 'refused';
    return await publishObject(
      this.#client,
      { ...keys, folder: this.#folders.markerOf(parentPath(to)) },
      options.signal,
    );
  }

  /** The age of a folder is that of its newest file, or its own: of up to 1,000 files, the first by their names. */
  async stat(path: string, options: Signal = {}): Promise<FileStatus | null> {
    options.signal?.throwIfAborted();
    const name = pathComponents(path).at(-1) ?? '';
    const key = this.#folders.keyOf(path);
    const file = path === '/' ? null : await headObject(this.#client, key, options.signal);
    if (file) return { name, type: 'file', size: file.size, modifiedMs: file.modifiedMs };
    const marker = this.#folders.markerOf(path);
    const { objects, nowMs } = await listPage(this.#client, marker ?? '', { delimiter: '/', ...options });
    if (marker !== null && objects[0]?.key !== marker) return null;
    const modifiedMs = Math.max(...objects.map((object) => object.modifiedMs));
    return { name, type: 'directory', size: 0, modifiedMs: Number.isFinite(modifiedMs) ? modifiedMs : nowMs };
  }

  async list(path: string, options: Signal = {}): Promise<FileStatus[]> {
    options.signal?.throwIfAborted();
    const marker = this.#folders.markerOf(path) ?? '';
    const children: FileStatus[] = [];
    let isFolder = marker === '';
    for (let after: string | null = null; ; ) {
      const page = await listPage(this.#client, marker, { delimiter: '/', after, ...options });
      for (const { key, size, modifiedMs } of page.objects) {
        if (key === marker) isFolder = true;
        else children.push({ name: key.slice(marker.length), type: 'file', size, modifiedMs });
      }
      children.push(...(await this.#folderStatuses(page.prefixes, marker, page.nowMs, options.signal)));
      after = page.next;
      if (after === null) break;
    }
    if (children.length > 0 || isFolder) return children.sort(compareNames);
    if (await headObject(this.#client, marker.slice(0, -1), options.signal)) {
      throw new WarehouseError('not-a-folder', `${path} is a file`);
    }
    return [];
  }

  async read(path: string, options: { offset?: number; length?: number } & Signal = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    const { offset = 0, length = maxReadBytes, signal } = options;
    const key = this.#folders.keyOf(path);
    if (path === '/') throw new WarehouseError('is-a-folder', 'the warehouse itself is a folder');
    if (length === 0) return await this.#nothingOf(path, key, signal);
    const isPart = offset > 0 || options.length !== undefined;
    const headers: Record<string, string> = isPart ? { Range: `bytes=${offset}-${offset + length - 1}` } : {};
    const answer = await this.#client.call({ method: 'GET', key, headers, maxAnswerBytes: maxReadBytes, signal });
    if (!answer.refusal) return answer.status === 206 ? answer.body : answer.body.subarray(offset, offset + length);
    if (answer.refusal.status === 416) return Buffer.alloc(0); // behind the end
    if (answer.refusal.code === 'NoSuchKey') throw await this.#missing(path, key, signal);
    throw toS3Error(answer.refusal, `GET ${key}`);
  }

  async delete(path: string, options: { recursive?: boolean } & Signal = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const key = this.#folders.keyOf(path);
    if (path === '/') throw new WarehouseError('bad-path', 'the warehouse itself cannot be deleted');
    if (await headObject(this.#client, key, options.signal)) {
      await deleteObject(this.#client, key, options.signal);
      return true;
    }
    return options.recursive
      ? await this.#folders.remove(path, options.signal)
      : await this.#folders.removeEmpty(path, options.signal);
  }

  async mkdirs(path: string, options: Signal = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#folders.ensure(path, { isSure: true, signal: options.signal });
  }

  async nowMs(options: Signal = {}): Promise<number> {
    const query = { 'list-type': '2', 'max-keys': '1', prefix: this.#folders.markerOf('/') ?? '' };
    return timeOf(
      (await this.#client.mustCall({ method: 'GET', key: '', query, signal: options.signal })).headers.date,
    );
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  /** The same warehouse over sockets of its own. */
  anotherConnection(): S3Files {
    return new S3Files(this.#options);
  }

  /** Removes the marker of the warehouse itself when nothing is in it. */
  async removeEmptyBase(): Promise<void> {
    if (this.#options.prefix !== '') await this.#folders.removeEmpty('/', undefined);
  }

  /** What lies below a prefix without a marker was put there by others; it counts as young, so that nobody sweeps it by its age. */
  async #folderStatuses(
    prefixes: readonly string[],
    marker: string,
    nowMs: number,
    signal: AbortSignal | undefined,
  ): Promise<FileStatus[]> {
    const found: FileStatus[] = [];
    const waiting = prefixes.filter((prefix) => prefix.length > marker.length + 1); // `a//b` has no name
    const lane = async (): Promise<void> => {
      for (let prefix = waiting.pop(); prefix !== undefined; prefix = waiting.pop()) {
        const own = await headObject(this.#client, prefix, signal);
        const name = prefix.slice(marker.length, -1);
        found.push({ name, type: 'directory', size: 0, modifiedMs: own?.modifiedMs ?? nowMs });
      }
    };
    await Promise.all(Array.from({ length: looksUnderWay }, lane));
    return found;
  }

  async #nothingOf(path: string, key: string, signal: AbortSignal | undefined): Promise<Buffer> {
    if (await headObject(this.#client, key, signal)) return Buffer.alloc(0);
    throw await this.#missing(path, key, signal);
  }

  async #missing(path: string, key: string, signal: AbortSignal | undefined): Promise<WarehouseError> {
    const folder = await headObject(this.#client, `${key}/`, signal);
    return folder
      ? new WarehouseError('is-a-folder', `${path} is a folder`)
      : new WarehouseError('not-found', `${path} does not exist`);
  }
}
