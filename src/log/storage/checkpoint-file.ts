/**
 * `checkpoints.json`: what must be known about a partition and is not in its segments. One file for all partitions, replaced
 * atomically, with a checksum:
 *
 *   {"checksum":"...", "version":0, "partitions":{"<topic>-<partition>":
 *      {"topicId":"<32 hex>", "logStartOffset":"<decimal>", "recoveryPoint":"<decimal>", "leaderEpoch":0,
 *       "cleanedTo":"<decimal>"}}}                                                cleanedTo: of compacted topics only
 *
 * logStartOffset: records below it are gone, even those whose segment is still there. Durable before anybody sees it.
 * recoveryPoint: everything below it was synced, its segments and their indexes too; after a crash only segments from there on
 *   are scanned. May be behind, never ahead.
 * cleanedTo: compaction has seen everything below it. May be behind: then it looks again.
 * leaderEpoch: raised when recovery had to cut records that were synced (a damaged disk), so that readers notice (KIP-320).
 * The topic id keeps the entry of a deleted topic from being taken for its successor's. A damaged file counts as none.
 */
import { join } from 'node:path';
import type { Logger } from '../../shared/index.ts';
import { readJson, writeJsonDurably } from './durable-file.ts';
import type { LogFileSystem } from './log-file-system.ts';
import { Serial } from './serial.ts';

export interface PartitionCheckpoint {
  topicId: string;
  logStartOffset: bigint;
  recoveryPoint: bigint;
  leaderEpoch: number;
  /** 0 when nothing was compacted. */
  cleanedTo: bigint;
}

interface StoredCheckpoint {
  topicId: string;
  logStartOffset: string;
  recoveryPoint: string;
  leaderEpoch: number;
  cleanedTo?: string;
}

export class CheckpointFile {
  readonly #fileSystem: LogFileSystem;
  readonly #path: string;
  readonly #serial = new Serial();
  readonly #entries = new Map<string, PartitionCheckpoint>();
  /** A write that has not begun and will carry every change made before it does. */
  #nextWrite: Promise<void> | null = null;
  /** What the file holds for certain. */
  #writtenText: string | null = null;

  constructor(fileSystem: LogFileSystem, dataDirectory: string) {
    this.#fileSystem = fileSystem;
    this.#path = join(dataDirectory, 'checkpoints.json');
  }

  async load(logger: Logger): Promise<void> {
    const content = await readJson(this.#fileSystem, this.#path);
    if (content === null) return;
    const partitions = content === 'damaged' ? null : parse(content);
    if (!partitions) {
      logger.error({ path: this.#path }, 'CheckpointFileDamaged');
      return;
    }
    for (const [directory, entry] of partitions) this.#entries.set(directory, entry);
  }

  get(directoryName: string, topicId: string): PartitionCheckpoint | null {
    const entry = this.#entries.get(directoryName);
    return entry && entry.topicId === topicId ? entry : null;
  }

  set(directoryName: string, entry: PartitionCheckpoint): void {
    this.#entries.set(directoryName, entry);
  }

  delete(directoryName: string): void {
    this.#entries.delete(directoryName);
  }

  keepOnly(directoryNames: Set<string>): void {
    for (const name of this.#entries.keys()) if (!directoryNames.has(name)) this.#entries.delete(name);
  }

  /** Durable, with every `set` before this call, when it resolves. Calls while a write runs share the next one. */
  write(): Promise<void> {
    this.#nextWrite ??= this.#serial.run(() => {
      this.#nextWrite = null;
      return this.#write();
    });
    return this.#nextWrite;
  }

  /** An idle broker leaves the disk alone. */
  async #write(): Promise<void> {
    const partitions = this.#stored();
    const text = JSON.stringify(partitions);
    if (text === this.#writtenText) return;
    this.#writtenText = null;
    await writeJsonDurably(this.#fileSystem, this.#path, { version: 0, partitions });
    this.#writtenText = text;
  }

  #stored(): Record<string, StoredCheckpoint> {
    const stored: Record<string, StoredCheckpoint> = {};
    for (const [directory, entry] of this.#entries) {
      const { topicId, logStartOffset, recoveryPoint, leaderEpoch, cleanedTo } = entry;
      stored[directory] = {
        topicId,
        logStartOffset: `${logStartOffset}`,
        recoveryPoint: `${recoveryPoint}`,
        leaderEpoch,
        ...(cleanedTo > 0n ? { cleanedTo: `${cleanedTo}` } : {}),
      };
    }
    return stored;
  }
}

/** null when it is not what we write. */
function parse(content: Record<string, unknown>): [string, PartitionCheckpoint][] | null {
  if (content['version'] !== 0 || typeof content['partitions'] !== 'object' || !content['partitions']) return null;
  try {
    return Object.entries(content['partitions'] as Record<string, StoredCheckpoint>).map(([directory, stored]) => [
      directory,
      {
        topicId: stored.topicId,
        logStartOffset: BigInt(stored.logStartOffset),
        recoveryPoint: BigInt(stored.recoveryPoint),
        leaderEpoch: stored.leaderEpoch,
        cleanedTo: BigInt(stored.cleanedTo ?? '0'),
      },
    ]);
  } catch {
    return null;
  }
}
