import { createHash } from 'node:crypto';
import { appendFileSync, existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError } from '../../shared/index.ts';
import { type EngineState, parseRecord } from './engine-state.ts';
import { type CheckpointHead, checkpointLines, linesOfFile, recordsOf } from './state-lines.ts';

const formatVersion = 4;
/** Beginnings of a rule that only counts had all their events; more than is needed does no harm. */
const olderVersion = 3;

/** So much is written at a time: the process stays able to act while much is remembered. */
const pieceLength = 1 << 20;

/**
 * What a running program remembers, in a folder of its own: `checkpoint.json` (offsets and engine state, replaced as a whole)
 * and `matches.ndjson`, whose length the checkpoint names. After a kill the file is cut back to that length, so
 * it holds every match once, however often the process died.
 */
export class RulesCheckpoint {
  readonly #folder: string;
  readonly #program: string;
  #matchesBytes = 0;

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  /** `state` is null in a new folder. Throws BadInputError when the folder belongs to another program. */
  static async open(
    folder: string,
    programText: string,
  ): Promise<{ checkpoint: RulesCheckpoint; state: EngineState | null }> {
    await mkdir(folder, { recursive: true });
    const checkpoint = new RulesCheckpoint(folder, createHash('sha256').update(programText).digest('hex'));
    const state = checkpoint.#load();
    await (await open(checkpoint.matchesPath, 'a')).close();
    await truncate(checkpoint.matchesPath, checkpoint.#matchesBytes);
    return { checkpoint, state };
  }

  get matchesPath(): string {
    return join(this.#folder, 'matches.ndjson');
  }

  get #path(): string {
    return join(this.#folder, 'checkpoint.json');
  }

  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    appendFileSync(this.matchesPath, bytes);
    this.#matchesBytes += bytes.length;
  }

  /** Both files are on stable storage when it returns. */
  async save(state: EngineState): Promise<void> {
    await sync(this.matchesPath);
    const file = await open(`${this.#path}.tmp`, 'w');
    try {
      const about = { formatVersion, program: this.#program, matchesBytes: this.#matchesBytes };
      await writeLines(file, checkpointLines(state, about));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.tmp`, this.#path);
    await sync(this.#folder);
  }

  #load(): EngineState | null {
    if (!existsSync(this.#path)) return null;
    const lines = linesOfFile(this.#path);
    const { partitions, counts, ...about } = parseRecord(lines.next().value ?? '{}') as CheckpointHead;
    if (about.formatVersion !== formatVersion && about.formatVersion !== olderVersion) {
      throw new BadInputError(
        `expected format ${formatVersion} in ${this.#path}, found ${about.formatVersion}: another version of sluice wrote it; name a new folder, or remove this one to begin again`,
      );
    }
    if (about.program !== this.#program) {
      throw new BadInputError(
        `expected the state of this program in ${this.#folder}, found that of another; name a new folder, or remove this one to begin again`,
      );
    }
    this.#matchesBytes = about.matchesBytes;
    return { partitions, counts, records: recordsOf(lines) };
  }
}

async function writeLines(file: FileHandle, lines: Iterable<string>): Promise<void> {
  let piece = '';
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < pieceLength) continue;
    await file.writeFile(piece);
    piece = '';
  }
  await file.writeFile(piece);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
