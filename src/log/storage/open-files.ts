/** Keeps files of segments open for reading, at most `capacity` of them that nobody is reading from, least recently used first out. */
import type { LogFile, LogFileSystem } from './log-file-system.ts';

interface OpenFile {
  file: Promise<LogFile>;
  userCount: number;
  /** Its path was removed or renamed: close it with the last reader. */
  isForgotten: boolean;
}

export class OpenFiles {
  readonly #fileSystem: LogFileSystem;
  readonly #capacity: number;
  readonly #open = new Map<string, OpenFile>();

  constructor(fileSystem: LogFileSystem, capacity = 256) {
    this.#fileSystem = fileSystem;
    this.#capacity = capacity;
  }

  async use<T>(path: string, task: (file: LogFile) => Promise<T>): Promise<T> {
    const entry = this.#open.get(path) ?? {
      file: this.#fileSystem.open(path, 'read'),
      userCount: 0,
      isForgotten: false,
    };
    this.#open.delete(path);
    this.#open.set(path, entry);
    entry.userCount++;
    try {
      return await task(await this.#opened(path, entry));
    } finally {
      entry.userCount--;
      if (entry.isForgotten && entry.userCount === 0) await closeQuietly(entry);
      else await this.#closeSurplus();
    }
  }

  /** To be called when the path is about to mean another file or none. Readers that have it go on with the old file. */
  async forget(path: string): Promise<void> {
    const entry = this.#open.get(path);
    if (!entry) return;
    this.#open.delete(path);
    entry.isForgotten = true;
    if (entry.userCount === 0) await closeQuietly(entry);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((path) => this.forget(path)));
  }

  async #opened(path: string, entry: OpenFile): Promise<LogFile> {
    try {
      return await entry.file;
    } catch (error) {
      if (this.#open.get(path) === entry) this.#open.delete(path);
      throw error;
    }
  }

  async #closeSurplus(): Promise<void> {
    if (this.#open.size <= this.#capacity) return;
    for (const [path, entry] of this.#open) {
      if (this.#open.size <= this.#capacity) return;
      if (entry.userCount > 0) continue;
      this.#open.delete(path);
      await closeQuietly(entry);
    }
  }
}

/** A file that was only read has nothing to lose when closing it fails. */
async function closeQuietly(entry: OpenFile): Promise<void> {
  try {
    await (await entry.file).close();
  } catch {
    // See above.
  }
}
