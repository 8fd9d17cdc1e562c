/**
 * Gives out producer ids, never one twice, also over crashes: ids are taken in blocks, and the block is durable as given before
 * its first id is. `producer-ids.json`: {"checksum":"...", "version":0, "nextBlockStart":"<decimal>"}.
 */
import { join } from 'node:path';
import type { Clock, Logger } from '../../shared/index.ts';
import { readJson, writeJsonDurably } from './durable-file.ts';
import type { LogFileSystem } from './log-file-system.ts';
import { Serial } from './serial.ts';

const blockSize = 1000n;

export class ProducerIds {
  readonly #fileSystem: LogFileSystem;
  readonly #path: string;
  readonly #serial = new Serial();
  #next = 0n;
  #blockEnd = 0n;

  constructor(fileSystem: LogFileSystem, dataDirectory: string) {
    this.#fileSystem = fileSystem;
    this.#path = join(dataDirectory, 'producer-ids.json');
  }

  async load(clock: Clock, logger: Logger): Promise<void> {
    const content = await readJson(this.#fileSystem, this.#path);
    if (content === null) return;
    const stored = content === 'damaged' ? undefined : content['nextBlockStart'];
    if (typeof stored === 'string' && /^\d{1,19}$/.test(stored)) {
      this.#next = BigInt(stored);
    } else {
      // Which ids were given is not known any more: go on far above any that can have been, a block per microsecond since 1970.
      this.#next = BigInt(clock.nowMs()) * 1000n * blockSize;
      logger.error({ path: this.#path, next: this.#next }, 'ProducerIdsFileDamaged');
    }
    this.#blockEnd = this.#next;
  }

  next(): Promise<bigint> {
    return this.#serial.run(async () => {
      if (this.#next === this.#blockEnd) {
        const end = this.#next + blockSize;
        await writeJsonDurably(this.#fileSystem, this.#path, { version: 0, nextBlockStart: end.toString() });
        this.#blockEnd = end;
      }
      return this.#next++;
    });
  }
}
