/**
 * A folder of small files named `<number, 10 digits>.json`, from 1 on without holes, each of them final: number n+1 is
 * written by whoever renames a file to it first. The folder is never removed. Two writers of the very same bytes both count
 * as the writer, so a lost answer is settled by reading.
 */
import { randomBytes } from 'node:crypto';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { isNotFound, signalOption } from './chain-reader.ts';
import { LedgerError } from './ledger-error.ts';

const maxAttempts = 5;

export interface NumberedFile {
  number: number;
  bytes: Buffer;
  path: string;
}

export class NumberedFiles {
  readonly #files: WarehouseFiles;
  readonly #folder: string;
  readonly #temporary: string;

  /** `temporary`: a folder on the same file system for files on their way. */
  constructor(files: WarehouseFiles, place: { folder: string; temporary: string }) {
    this.#files = files;
    this.#folder = place.folder;
    this.#temporary = place.temporary;
  }

  async latest(signal?: AbortSignal): Promise<NumberedFile | null> {
    const entries = await this.#files.list(this.#folder, signalOption(signal));
    const numbers = entries.flatMap(({ name }) => (/^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : []));
    return numbers.length === 0 ? null : await this.read(Math.max(...numbers), signal);
  }

  async read(number: number, signal?: AbortSignal): Promise<NumberedFile> {
    const path = this.#path(number);
    return { number, path, bytes: await this.#files.read(path, signalOption(signal)) };
  }

  /** False: the number is taken by other bytes. */
  async publish(number: number, bytes: Buffer, signal?: AbortSignal): Promise<boolean> {
    const target = this.#path(number);
    await this.#files.mkdirs(this.#folder, signalOption(signal));
    let lastError: unknown;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const temporary = `${this.#temporary}/${number}-${randomBytes(8).toString('hex')}.json`;
      try {
        await this.#files.create(temporary, { bytes }, signalOption(signal));
        if (!(await this.#files.read(temporary, signalOption(signal))).equals(bytes)) continue;
        if ((await this.#files.publishIfAbsent(temporary, target, signalOption(signal))) === 'published') return true;
        const taken = await this.read(number, signal);
        await this.#files.delete(temporary, signalOption(signal));
        return taken.bytes.equals(bytes);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (!isNotFound(error)) lastError = error;
      }
    }
    throw lastError ?? new LedgerError('contended', `could not write ${target}`, { isRetriable: true, path: target });
  }

  #path(number: number): string {
    return `${this.#folder}/${String(number).padStart(10, '0')}.json`;
  }
}
