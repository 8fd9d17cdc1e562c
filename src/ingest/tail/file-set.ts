import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock, Logger } from '../../shared/index.ts';
import { type FoundFile, findByIdentity, findFiles } from './find-files.ts';
import { agreeUpTo, beginsWith, fingerprintBytes, fingerprintOf, readAt } from './fingerprint.ts';
import type { FileState, TailState } from './tail-state.ts';
import { TailedFile } from './tailed-file.ts';

export interface FileSetOptions {
  patterns: readonly string[];
  state: TailState;
  /** Begin with what is written from now on, of files that are there at the first start. */
  fromEnd: boolean;
  /** How long a file that was renamed away, or removed, is still watched for lines of a writer that has it open. */
  rotateWaitMs: number;
  partitionOf: (path: string) => number;
  /** Makes the state durable: a file's id must be known after a crash before any of its lines is in the log. */
  save: () => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** How many files that are done with are remembered, so that a copy or a new name of one is recognized. */
const retiredLimit = 256;
/** Two files that agree in less are no copies of each other: short beginnings are alike by chance. */
const leastCopyBytes = 256;
/** A new file that is shorter than a fingerprint may be a copy that is just being made: that long it must not have changed. */
const settleMs = 1000;
const noBytes = fingerprintOf(Buffer.alloc(0));

/**
 * The files that fit the patterns, and those that did until they were renamed. A file is known by device and inode and by its first bytes
 * and those before the position; its name is only where it was last seen.
 */
export class FileSet {
  readonly #options: FileSetOptions;
  readonly #files = new Map<string, TailedFile>();
  /** Files that may not be read; told once. */
  readonly #unreadable = new Set<string>();
  #isFirstLook: boolean;

  constructor(options: FileSetOptions) {
    this.#options = options;
    this.#isFirstLook = options.state.producer === null;
  }

  files(): IterableIterator<TailedFile> {
    return this.#files.values();
  }

  /** Files of which it is not known yet whether they are copies. */
  get hasUnsettled(): boolean {
    for (const file of this.#files.values()) if (!file.isSettled) return true;
    return false;
  }

  byId(id: string): TailedFile | undefined {
    for (const file of this.#files.values()) if (file.state.id === id) return file;
    return undefined;
  }

  /** Opens the files of the state that can be found, also under another name of the same folder. */
  async restore(): Promise<void> {
    const { state, patterns, logger } = this.#options;
    const found = await findFiles(patterns);
    for (const known of [...state.files]) {
      const identity = identityOf(known);
      let file = found.get(identity) ?? null;
      let isOpened = file !== null && (await this.#reopen(known, file));
      // It may be renamed at this very moment, so a name that led nowhere is looked for again.
      for (let attempt = 0; !isOpened && attempt < 3; attempt++) {
        file = await findByIdentity(known.path, identity);
        isOpened = file !== null && (await this.#reopen(known, file));
      }
      if (isOpened) continue;
      const fields = { file: known.path, position: known.position };
      if (file === null) logger.warn(fields, 'FileGone');
      else logger.info(fields, 'FileReplaced');
      this.#retire(known);
    }
  }

  /** Looks for new files, new names and truncations. */
  async refresh(): Promise<void> {
    const found = await findFiles(this.#options.patterns);
    const nowMs = this.#options.clock.monotonicMs();
    for (const file of [...this.#files.values()]) {
      this.#noteName(file, found.get(identityOf(file.state)), nowMs);
      found.delete(identityOf(file.state));
      if (!(await file.isIntact(nowMs))) await this.restart(file);
    }
    await this.#letGo(nowMs);
    await this.#settleCopies(nowMs);
    let addedCount = 0;
    for (const file of [...found.values()].sort(byAge)) if (await this.#add(file)) addedCount++;
    if (addedCount > 0) await this.#options.save();
    await this.#settleNew(nowMs);
    this.#isFirstLook = false;
  }

  /** The file was truncated, or written anew: what is in it now is another file. */
  async restart(file: TailedFile): Promise<void> {
    const { state } = file;
    this.#options.logger.info({ file: state.path, position: state.position }, 'FileTruncated');
    if (!(await this.#releaseCopies(state))) this.#remember(state);
    const { path, device, inode, partition } = state;
    Object.assign(state, newFileState({ path, device, inode }, partition));
    file.forget();
    await this.#options.save();
  }

  /** The log told more of files that are done with: one of which nothing was shipped yet may be the copy of one. */
  async matchRetired(): Promise<void> {
    for (const file of this.#files.values()) {
      if (file.state.position === 0 && !file.isHeld) await this.#continueRetired(file);
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
  }

  #noteName(file: TailedFile, found: FoundFile | undefined, nowMs: number): void {
    if (found) {
      if (file.state.path !== found.path) {
        this.#options.logger.info({ from: file.state.path, to: found.path }, 'FileRenamed');
        file.state.path = found.path;
      }
      file.goneSinceMs = null;
      file.isFinal = false;
    } else if (file.goneSinceMs === null) {
      this.#options.logger.info({ file: file.state.path }, 'FileRotatedAway');
      file.goneSinceMs = nowMs;
    }
  }

  /** Files that are gone by their name, quiet, and shipped to the end. */
  async #letGo(nowMs: number): Promise<void> {
    const { rotateWaitMs } = this.#options;
    for (const [identity, file] of this.#files) {
      if (file.goneSinceMs === null || nowMs - Math.max(file.goneSinceMs, file.changedAtMs) < rotateWaitMs) continue;
      file.isFinal = true;
      if (file.hasMore) continue;
      const hasHeir = await this.#releaseCopies(file.state);
      this.#files.delete(identity);
      this.#retire(file.state, { remember: !hasHeir });
      await file.close();
      await this.#options.save();
    }
  }

  async #reopen(known: FileState, { path, sizeBytes }: FoundFile): Promise<boolean> {
    const handle = await this.#open(path, identityOf(known));
    if (!handle) return false;
    if (!(await beginsWith(handle, known))) {
      await handle.close();
      return false;
    }
    known.path = path;
    const headBytes = await readAt(handle, 0, known.head.bytes);
    const nowMs = this.#options.clock.monotonicMs();
    this.#files.set(identityOf(known), new TailedFile(known, handle, headBytes, sizeBytes, nowMs));
    return true;
  }

  async #add(found: FoundFile): Promise<boolean> {
    const { state, partitionOf, clock, logger, fromEnd } = this.#options;
    const handle = await this.#open(found.path, found.identity);
    if (!handle) return false;
    const added = newFileState(found, partitionOf(found.path));
    const file = new TailedFile(added, handle, Buffer.alloc(0), found.sizeBytes, clock.monotonicMs());
    if (fromEnd && this.#isFirstLook) {
      await file.moveTo(found.sizeBytes);
      file.isSettled = true;
    }
    state.files.push(added);
    this.#files.set(found.identity, file);
    logger.info({ file: found.path }, 'FileFound');
    return true;
  }

  /** Says of new files whether they are copies, as soon as that can be said. */
  async #settleNew(nowMs: number): Promise<void> {
    let hasSettled = false;
    for (const file of this.#files.values()) {
      if (file.isSettled) continue;
      const isYoung = file.sizeBytes < fingerprintBytes && nowMs - file.changedAtMs < settleMs;
      if (isYoung && this.#hasElders(file)) continue;
      file.isSettled = (await this.#continueRetired(file)) || (await this.#isOfItsOwn(file, nowMs));
      if (!file.isSettled) continue;
      hasSettled = true;
      const { path, position, copyOf } = file.state;
      this.#options.logger.info({ file: path, position, copyOf: copyOf ?? undefined }, 'FileBegun');
    }
    if (hasSettled) await this.#options.save();
  }

  /** Whether there is anything that it could be a copy of. */
  #hasElders(file: TailedFile): boolean {
    const isElder = ({ position }: { position: number }): boolean => position >= leastCopyBytes;
    const others = [...this.#files.values()].filter((other) => other !== file).map(({ state }) => state);
    return others.some(isElder) || this.#options.state.retired.some(isElder);
  }

  /** Finds its original, or that it has none; false: one of the others was truncated just now, so nobody knows. */
  async #isOfItsOwn(file: TailedFile, nowMs: number): Promise<boolean> {
    file.state.copyOf = await this.#originalOf(file);
    if (file.isHeld) return true;
    for (const other of this.#files.values()) {
      if (other !== file && !(await other.isIntact(nowMs))) return false;
    }
    return true;
  }

  /** Null when the name is that of another file by now, or may not be read. */
  async #open(path: string, identity: string): Promise<FileHandle | null> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return null;
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      if (!this.#unreadable.has(path)) this.#options.logger.warn({ file: path, code }, 'FileNotReadable');
      this.#unreadable.add(path);
      return null;
    }
    const { dev, ino } = await handle.stat({ bigint: true });
    if (identity === `${dev}:${ino}`) return handle;
    await handle.close();
    return null;
  }

  /** A file that begins with all that was shipped of one that is done with is that one, or its copy: it goes on there. */
  async #continueRetired(file: TailedFile): Promise<boolean> {
    const { retired } = this.#options.state;
    for (let i = retired.length - 1; i >= 0; i--) {
      const former = retired[i]!;
      if (former.position < leastCopyBytes || !(await beginsWith(file.handle, former))) continue;
      retired.splice(i, 1);
      await file.moveTo(former.position);
      // By its old id it is found when the log tells more of it later.
      file.state.id = former.id;
      return true;
    }
    return false;
  }

  /** The file of which this one seems to be a copy, as `copytruncate` makes one before it truncates. */
  async #originalOf(file: TailedFile): Promise<string | null> {
    for (const other of this.#files.values()) {
      if (other !== file && !other.isHeld && (await isCopy(file, other))) return other.state.id;
    }
    return null;
  }

  /** A copy has been shipped as far as its original was. One that is none any more, or stays shorter than that from the beginning, is a file of its own. */
  async #settleCopies(nowMs: number): Promise<void> {
    for (const file of this.#files.values()) {
      if (!file.isHeld) continue;
      const original = this.byId(file.state.copyOf!);
      if (original && (await isCopy(file, original))) await this.#followOriginal(file, original, nowMs);
      else if (!original || (await original.isIntact(nowMs))) {
        file.state.copyOf = null;
        // Its original may have been truncated while nobody looked.
        if (!original) await this.#continueRetired(file);
      }
    }
  }

  async #followOriginal(file: TailedFile, original: TailedFile, nowMs: number): Promise<void> {
    const shipped = original.state.position;
    if (file.state.position > 0 || file.sizeBytes >= shipped) {
      const position = Math.min(file.sizeBytes, shipped);
      if (file.state.position !== position) await file.moveTo(position);
    } else if (nowMs - file.changedAtMs >= this.#options.rotateWaitMs) file.state.copyOf = null;
  }

  /** The original is done with at its position: its copies go on from there, the first of them by its id. False: there are none. */
  async #releaseCopies(original: FileState): Promise<boolean> {
    let heir: TailedFile | null = null;
    for (const file of this.#files.values()) {
      if (file.state.copyOf !== original.id) continue;
      file.state.copyOf = null;
      await file.moveTo(Math.min(original.position, (await file.handle.stat()).size));
      heir ??= file;
    }
    if (!heir) return false;
    heir.state.id = original.id;
    return true;
  }

  #retire(known: FileState, { remember = true } = {}): void {
    const { files } = this.#options.state;
    files.splice(files.indexOf(known), 1);
    if (remember) this.#remember(known);
  }

  #remember({ id, position, head, end, path }: FileState): void {
    const { retired } = this.#options.state;
    retired.push({ id, position, head, end, path });
    retired.splice(0, Math.max(0, retired.length - retiredLimit));
  }
}

function newFileState(
  { path, device, inode }: { path: string; device: string; inode: string },
  partition: number,
): FileState {
  const id = randomBytes(8).toString('hex');
  return { id, path, device, inode, position: 0, head: noBytes, end: noBytes, partition, copyOf: null };
}

function identityOf({ device, inode }: { device: string; inode: string }): string {
  return `${device}:${inode}`;
}

/** Older files first: what was rotated comes before what is written now. */
function byAge(a: FoundFile, b: FoundFile): number {
  return a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1);
}

/** Whether two files agree as far as the shorter of both goes, and that is far enough to mean something. */
async function isCopy(file: TailedFile, original: TailedFile): Promise<boolean> {
  const upTo = Math.min(file.sizeBytes, original.sizeBytes);
  return upTo >= leastCopyBytes && (await agreeUpTo(file.handle, original.handle, upTo));
}
