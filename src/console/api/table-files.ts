import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LiveFile, listTables, liveFiles } from '../../offsets/index.ts';
import { BadInputError, SluiceError } from '../../shared/index.ts';
import { copyToLocal, TablePaths } from '../../warehouse/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import { SharedLook } from '../live/shared-look.ts';

const maxAgeMs = 3000;
/** Copies of files of a warehouse that lies elsewhere are kept up to this, the oldest go. */
const copiesBytes = 1024 ** 3;
const maxLooks = 100;

/** The live files of the tables: who they are, and where SQL can read them. */
export class TableFiles {
  readonly #context: ConsoleContext;
  readonly #scratch: string;
  readonly #looks = new Map<string, SharedLook<LiveFile[]>>();
  readonly #copies = new Map<string, { size: number; done: Promise<void> }>();

  /** `scratch`: a folder of its own, removed by `close`. */
  constructor(context: ConsoleContext, scratch: string) {
    this.#context = context;
    this.#scratch = scratch;
  }

  async tables(signal: AbortSignal): Promise<string[]> {
    return await listTables(await this.#context.warehouse('read'), signal);
  }

  /** Newest rows first. Throws BadInputError when there is no such table. */
  async files(table: string, signal: AbortSignal): Promise<readonly LiveFile[]> {
    if (!(await this.tables(signal)).includes(table))
      throw new BadInputError(`expected an existing table, got "${table}"`);
    let look = this.#looks.get(table);
    if (!look) {
      const { clock } = this.#context;
      look = new SharedLook({ look: (at) => this.#list(table, at), clock, maxAgeMs, signal: this.#context.signal });
      if (this.#looks.size >= maxLooks) this.#looks.clear();
      this.#looks.set(table, look);
    }
    return await look.get();
  }

  /** Paths on the local disk, in the order of the files. What lies in HDFS is copied first. */
  async local(table: string, files: readonly LiveFile[], signal: AbortSignal): Promise<string[]> {
    const warehouse = await this.#context.warehouse('read');
    const root = new TablePaths(table).root;
    if (warehouse.url.startsWith('file:')) {
      const base = fileURLToPath(warehouse.url);
      return files.map(({ path, staged }) => {
        const visible = join(base, root, path);
        const isMoved = staged === null || statSync(visible, { throwIfNoEntry: false }) !== undefined;
        return isMoved ? visible : join(base, root, staged);
      });
    }
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    if (bytes > copiesBytes) {
      throw new BadInputError(
        `expected at most 1 GB of files of a warehouse that lies elsewhere, got ${bytes} bytes: ask for fewer hours`,
      );
    }
    const paths: string[] = [];
    for (const file of files) paths.push(await this.#copy(`${root}/${file.staged ?? file.path}`, file.size, signal));
    return paths;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#copies.values()].map(({ done }) => done));
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async #list(table: string, signal: AbortSignal): Promise<LiveFile[]> {
    const files: LiveFile[] = [];
    for await (const file of liveFiles(await this.#context.warehouse('read'), table, { signal })) files.push(file);
    return files.sort((a, b) => (a.maxTimeMs > b.maxTimeMs ? -1 : a.maxTimeMs < b.maxTimeMs ? 1 : 0));
  }

  async #copy(path: string, size: number, signal: AbortSignal): Promise<string> {
    const name = `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.parquet`;
    const local = join(this.#scratch, name);
    let copy = this.#copies.get(name);
    if (!copy) {
      await this.#makeRoom(size);
      const done = this.#download(path, local, size, signal);
      copy = { size, done };
      this.#copies.set(name, copy);
      done.catch(() => this.#copies.delete(name));
    }
    await copy.done;
    return local;
  }

  async #download(path: string, local: string, size: number, signal: AbortSignal): Promise<void> {
    try {
      await mkdir(this.#scratch, { recursive: true });
      await copyToLocal(await this.#context.warehouse('read'), path, local, size, signal);
    } catch (error) {
      await rm(local, { force: true });
      throw error instanceof SluiceError
        ? error
        : new SluiceError('copy-failed', `cannot copy ${path}`, { cause: error });
    }
  }

  async #makeRoom(size: number): Promise<void> {
    let total = size;
    for (const copy of this.#copies.values()) total += copy.size;
    for (const [name, copy] of this.#copies) {
      if (total <= copiesBytes) return;
      total -= copy.size;
      this.#copies.delete(name);
      await rm(join(this.#scratch, name), { force: true });
    }
  }
}
