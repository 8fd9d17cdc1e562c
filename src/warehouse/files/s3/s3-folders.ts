import { randomUUID } from 'node:crypto';
import { WarehouseError } from '../warehouse-error.ts';
import { parentPath, pathComponents } from '../warehouse-path.ts';
import type { S3Client } from './s3-client.ts';
import { deleteObject, headObject, listPage } from './s3-objects.ts';
import { putWhole } from './s3-upload.ts';

type Signal = AbortSignal | undefined;

const maxSettled = 10_000;
const maxNameBytes = 255; // as HDFS and disks have it: a warehouse can be copied there
const maxKeyBytes = 1_024; // S3's own
const deletesUnderWay = 16;
const putAttempts = 5;

/**
 * Keys, and the folders that S3 does not have: an empty object whose key ends with `/`, as Hadoop and S3's own console make
 * them. A folder exists while its marker does; it is what keeps a removed one closed to late publishes.
 */
export class S3Folders {
  readonly #client: S3Client;
  readonly #prefix: string;
  /** Folders whose marker we have seen. One that somebody removed since is made again by `mkdirs`, not by `create`. */
  readonly #settled = new Set<string>();

  constructor(client: S3Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Throws WarehouseError `bad-path`. The key of the warehouse itself is its prefix, '' for a whole bucket. */
  keyOf(path: string): string {
    const components = pathComponents(path);
    const key = [this.#prefix, ...components].filter((part) => part !== '').join('/');
    const isLong = components.some((name) => Buffer.byteLength(name) > maxNameBytes);
    if (!isLong && Buffer.byteLength(key) < maxKeyBytes) return key;
    const expected = `names of up to ${maxNameBytes} bytes and paths of less than ${maxKeyBytes}`;
    throw new WarehouseError('bad-path', `expected ${expected}, got ${JSON.stringify(path)}`);
  }

  /** Key of a folder's marker; null for a whole bucket, which needs none. */
  markerOf(path: string): string | null {
    const key = this.keyOf(path);
    return key === '' ? null : `${key}/`;
  }

  /** Makes the folder and those above it that we have not seen yet. `isSure`: looks even when we have seen it. */
  async ensure(path: string, { isSure = false, signal }: { isSure?: boolean; signal: Signal }): Promise<void> {
    const marker = this.markerOf(path);
    if (marker === null || (this.#settled.has(marker) && !isSure)) return;
    if (!(await headObject(this.#client, marker, signal))) {
      if (path !== '/') await this.ensure(parentPath(path), { signal });
      if (await headObject(this.#client, marker.slice(0, -1), signal)) {
        throw new WarehouseError('not-a-folder', `${path} is a file`);
      }
      await this.#put(marker, signal);
    }
    if (this.#settled.size >= maxSettled) this.#settled.clear();
    this.#settled.add(marker);
  }

  /** Removes what lies in a folder, and it. The markers go first: a publish that looks for one afterwards knows that it came too late. */
  async remove(path: string, signal: Signal): Promise<boolean> {
    const marker = this.markerOf(path) ?? '';
    for (let round = 0; ; round++) {
      const { objects } = await listPage(this.#client, marker, { signal });
      if (objects.length === 0) return round > 0;
      const keys = objects.map(({ key }) => key);
      await this.#deleteAll(
        keys.filter((key) => key.endsWith('/')),
        signal,
      );
      await this.#deleteAll(
        keys.filter((key) => !key.endsWith('/')),
        signal,
      );
    }
  }

  /** Removes a folder that holds nothing but its marker. False: there is none. */
  async removeEmpty(path: string, signal: Signal): Promise<boolean> {
    const marker = this.markerOf(path) ?? '';
    const { objects } = await listPage(this.#client, marker, { limit: 2, signal });
    if (objects.length === 0) return false;
    if (objects.some(({ key }) => key !== marker)) throw new WarehouseError('folder-not-empty', `${path} is not empty`);
    await this.#deleteAll([marker], signal);
    return true;
  }

  async #put(marker: string, signal: Signal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await putWhole(this.#client, marker, Buffer.alloc(0), randomUUID(), signal);
      if (outcome === 'done' || outcome === 'taken') return;
      if (attempt >= putAttempts) throw outcome.unclear;
      await this.#client.connection.clock.sleep(this.#client.connection.policy.firstDelayMs * attempt, signal);
    }
  }

  async #deleteAll(keys: readonly string[], signal: Signal): Promise<void> {
    const waiting = [...keys];
    const lane = async (): Promise<void> => {
      for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
        this.#settled.delete(key);
        await deleteObject(this.#client, key, signal);
      }
    };
    await Promise.all(Array.from({ length: Math.min(deletesUnderWay, keys.length) }, lane));
  }
}
