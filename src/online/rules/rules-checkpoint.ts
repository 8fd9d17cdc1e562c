import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError } from '../../shared/index.ts';
import { type EngineState, parseState, stringifyState } from './engine-state.ts';

const formatVersion = 1;

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
    const state = await checkpoint.#load();
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
    const text = `{"formatVersion":${formatVersion},"program":"${this.#program}","matchesBytes":${this.#matchesBytes},"state":${stringifyState(state)}}\n`;
    const file = await open(`${this.#path}.tmp`, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.tmp`, this.#path);
    await sync(this.#folder);
  }

  async #load(): Promise<EngineState | null> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const found = parseState(text) as unknown as {
      formatVersion: number;
      program: string;
      matchesBytes: number;
      state: EngineState;
    };
    if (found.formatVersion !== formatVersion) {
      throw new BadInputError(`expected format ${formatVersion} in ${this.#path}, found ${found.formatVersion}`);
    }
    if (found.program !== this.#program) {
      throw new BadInputError(
        `expected the state of this program in ${this.#folder}, found that of another; name a new folder, or remove this one to begin again`,
      );
    }
    this.#matchesBytes = found.matchesBytes;
    return found.state;
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
