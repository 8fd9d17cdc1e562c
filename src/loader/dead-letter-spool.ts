import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OffsetRun } from '../offsets/index.ts';
import type { RefusedRecord } from '../warehouse/index.ts';
import { OffsetRuns } from './offset-runs.ts';

/** A finished local dead-letter file; the caller owns and deletes it. */
export interface SealedDeadLetters {
  localPath: string;
  size: number;
  count: number;
  /** Inclusive. */
  firstOffset: bigint;
  lastOffset: bigint;
}

/**
 * The dead letters of one open roll, kept on the local disk so that a topic full of poison costs no memory.
 *
 * One JSON object a line, in offset order:
 *   {"topic","partition","offset":"17","timestamp":"1795219200000","code":"not-json","reason":"...",
 *    "key":base64|null,"value":base64|null,"headers":[{"name","value":base64|null}]}
 * Offset and timestamp (epoch ms) are decimal strings; key, value and headers are the record's bytes as they were in the log.
 */
export class DeadLetterSpool {
  readonly #directory: string;
  readonly #topic: string;
  readonly #partition: number;
  #file: FileHandle | null = null;
  #path = '';
  #size = 0;
  #firstOffset = 0n;
  #lastOffset = 0n;
  #serial = 0;
  #runs = new OffsetRuns();

  constructor(options: { directory: string; topic: string; partition: number }) {
    this.#directory = options.directory;
    this.#topic = options.topic;
    this.#partition = options.partition;
  }

  get count(): bigint {
    return this.#runs.count;
  }

  get runCount(): number {
    return this.#runs.runCount;
  }

  /** Appends records in rising offset order. */
  async add(refused: readonly RefusedRecord[]): Promise<void> {
    if (refused.length === 0) return;
    if (!this.#file) {
      this.#path = join(this.#directory, `dead-${this.#serial++}.jsonl`);
      this.#file = await open(this.#path, 'w');
      this.#size = 0;
      this.#firstOffset = refused[0]!.offset;
    }
    // One line at a time: a line may be a few megabytes, a batch of them together more than a string can hold.
    for (const record of refused) {
      this.#runs.add(record.offset, record.offset + 1n);
      const line = Buffer.from(`${deadLetterLine(this.#topic, this.#partition, record)}\n`);
      await this.#file.writeFile(line);
      this.#size += line.length;
      this.#lastOffset = record.offset;
    }
  }

  /** Syncs and closes the file and hands it over with the offsets in it; starts anew. Null when nothing was refused. */
  async seal(): Promise<{ file: SealedDeadLetters | null; runs: OffsetRun[] }> {
    if (!this.#file) return { file: null, runs: [] };
    const file = this.#file;
    this.#file = null;
    await file.datasync();
    await file.close();
    const sealed: SealedDeadLetters = {
      localPath: this.#path,
      size: this.#size,
      count: Number(this.#runs.count),
      firstOffset: this.#firstOffset,
      lastOffset: this.#lastOffset,
    };
    return { file: sealed, runs: this.#runs.take() };
  }

  /** Forgets what is open and deletes its file. */
  async discard(): Promise<void> {
    this.#runs.take();
    if (!this.#file) return;
    const file = this.#file;
    this.#file = null;
    await file.close();
    await rm(this.#path, { force: true });
  }
}

function deadLetterLine(topic: string, partition: number, record: RefusedRecord): string {
  return JSON.stringify({
    topic,
    partition,
    offset: record.offset.toString(),
    timestamp: record.timestamp.toString(),
    code: record.code,
    reason: record.reason,
    key: record.key?.toString('base64') ?? null,
    value: record.value?.toString('base64') ?? null,
    headers: record.headers.map((header) => ({ name: header.name, value: header.value?.toString('base64') ?? null })),
  });
}
