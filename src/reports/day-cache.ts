import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError, describeError, type Logger } from '../shared/index.ts';

export interface DayCacheOptions {
  /** Local; made when it is missing. */
  folder: string;
  /** What the files may have together; those not used for longest go first. */
  maxBytes: number;
  logger: Logger;
}

/** Raised whenever the rows of a file, or what they mean, change. */
const formatVersion = 1;
const suffix = '.parquet';
/** What a process that died has left. */
const staleMs = 86_400_000;

/**
 * What a day came to, kept from one report to the next. The name of a file is a hash of everything that it was made from, the hours' manifests and their
 * revisions among it: so a day whose rows have changed has another name, and what is found is never stale.
 */
export class DayCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #logger: Logger;

  private constructor({ folder, maxBytes, logger }: DayCacheOptions) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#logger = logger;
  }

  /** Throws BadInputError when the folder cannot be made. */
  static async open(options: DayCacheOptions): Promise<DayCache> {
    try {
      await mkdir(options.folder, { recursive: true });
    } catch (cause) {
      throw new BadInputError(`cannot keep days of reports in ${options.folder}: ${describeError(cause)}`, { cause });
    }
    return new DayCache(options);
  }

  /** `facts`: all that the day's rows depend on, as JSON values. */
  static keyOf(facts: readonly unknown[]): string {
    return createHash('sha256')
      .update(JSON.stringify([formatVersion, ...facts]))
      .digest('hex')
      .slice(0, 40);
  }

  /** Reads a day that was kept. False: there is none, or none that can be read. */
  async restore(key: string, read: (path: string) => Promise<void>): Promise<boolean> {
    const path = this.#pathOf(key);
    try {
      await utimes(path, new Date(), new Date());
    } catch {
      return false;
    }
    try {
      await read(path);
      return true;
    } catch (error) {
      this.#logger.warn({ path, reason: describeError(error) }, 'ReportCacheUnreadable');
      await rm(path, { force: true });
      return false;
    }
  }

  /** Keeps what `write` writes to the path that it is given. A cache that is full or broken never costs the report. */
  async keep(key: string, write: (path: string) => Promise<void>): Promise<void> {
    const temporary = join(this.#folder, `${key}.${randomUUID()}.tmp`);
    try {
      await write(temporary);
      await rename(temporary, this.#pathOf(key));
      await this.#prune();
    } catch (error) {
      this.#logger.warn({ folder: this.#folder, reason: describeError(error) }, 'ReportCacheNotWritten');
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  async #prune(): Promise<void> {
    const files = await this.#list();
    const old = files.filter(({ path, usedMs }) => path.endsWith('.tmp') && usedMs < Date.now() - staleMs);
    const kept = files.filter(({ path }) => path.endsWith(suffix)).sort((a, b) => a.usedMs - b.usedMs);
    let bytes = kept.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of kept) {
      if (bytes <= this.#maxBytes) break;
      bytes -= size;
      old.push({ path, size, usedMs: 0 });
    }
    for (const { path } of old) await rm(path, { force: true });
  }

  /** Only what has a name of ours: the folder may be somebody else's. */
  async #list(): Promise<{ path: string; size: number; usedMs: number }[]> {
    const files = [];
    for (const name of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{40}(\.parquet|\.[0-9a-f-]{36}\.tmp)$/.test(name)) continue;
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => null); // another process may have taken it out
      if (found?.isFile()) files.push({ path, size: found.size, usedMs: found.mtimeMs });
    }
    return files;
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${key}${suffix}`);
  }
}
