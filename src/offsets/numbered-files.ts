/**
 * A folder of small records named `<number, 10 digits>.json`, from 1 on without holes, each of them final: number n+1 is
 * written by whoever renames a file to it first. The folder is never removed. Bytes: sealed JSON (canonical-json.ts).
 */
import { randomBytes } from 'node:crypto';
import { describeError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { decodeSealedJson, encodeSealedJson } from './canonical-json.ts';
import { isNotFound, signalOption } from './chain-reader.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';

const attempts = 5;

export interface NumberedRecord {
  number: number;
  members: Record<string, unknown>;
}

export class NumberedFiles {
  readonly #files: WarehouseFiles;
  readonly #folder: string;
  readonly #temporary: string;
  readonly #kind: string;

  /** `temporary`: a folder on the same file system for files on their way. */
  constructor(files: WarehouseFiles, place: { folder: string; temporary: string; kind: string }) {
    this.#files = files;
    this.#folder = place.folder;
    this.#temporary = place.temporary;
    this.#kind = place.kind;
  }

  async latest(signal?: AbortSignal): Promise<NumberedRecord | null> {
    const entries = await this.#files.list(this.#folder, signalOption(signal));
    const numbers = entries.flatMap(({ name }) => (/^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : []));
    return numbers.length === 0 ? null : await this.read(Math.max(...numbers), signal);
  }

  async read(number: number, signal?: AbortSignal): Promise<NumberedRecord> {
    const path = this.#path(number);
    const bytes = await this.#files.read(path, signalOption(signal));
    let members: Record<string, unknown>;
    try {
      members = decodeSealedJson(bytes);
    } catch (error) {
      throw unreadableRecord(path, describeError(error), error);
    }
    if (members['kind'] === this.#kind && members['formatVersion'] === 1) return { number, members };
    const found = `${String(members['kind'])} of format ${String(members['formatVersion'])}`;
    throw new LedgerError('unsupported-format', `${path}: expected ${this.#kind} of format 1, got ${found}`, { path });
  }

  /** False: the number is taken by somebody else's record. */
  async publish(number: number, value: object, signal?: AbortSignal): Promise<boolean> {
    const attempt = randomBytes(8).toString('hex');
    const bytes = encodeSealedJson({ ...value, kind: this.#kind, formatVersion: 1, number, attempt });
    const target = this.#path(number);
    await this.#files.mkdirs(this.#folder, signalOption(signal));
    let lastError: unknown;
    for (let i = 0; i < attempts; i++) {
      try {
        const temporary = `${this.#temporary}/${this.#kind}-${randomBytes(8).toString('hex')}.json`;
        await this.#files.create(temporary, { bytes }, signalOption(signal));
        if (!(await this.#files.read(temporary, signalOption(signal))).equals(bytes)) continue;
        if ((await this.#files.publishIfAbsent(temporary, target, signalOption(signal))) === 'published') return true;
        await this.#files.delete(temporary, signalOption(signal));
        return (await this.read(number, signal)).members['attempt'] === attempt;
      } catch (error) {
        if (error instanceof LedgerError || signal?.aborted) throw error;
        if (!isNotFound(error)) lastError = error; // an answer got lost; the attempt in the record tells whose it is
      }
    }
    throw lastError ?? new LedgerError('contended', `could not write ${target}`, { isRetriable: true, path: target });
  }

  #path(number: number): string {
    return `${this.#folder}/${String(number).padStart(10, '0')}.json`;
  }
}
