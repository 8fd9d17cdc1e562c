/**
 * A LogFileSystem in memory that can lose power, lose its process, run full and fail to sync, all decided by a seed. Operations
 * take a few turns of the event loop, so that they interleave as on a real disk. `onChange` is called whenever the state of the disk
 * has changed: the place to take a crash.
 */
import { basename, dirname } from 'node:path';
import type {
  DirectoryLock,
  FileStatus,
  LogFile,
  LogFileSystem,
  OpenMode,
} from '../../src/log/storage/log-file-system.ts';
import { type Random, SimulatedFileNode, SimulatedFolderNode, type SimulatedNode } from './simulated-disk-nodes.ts';

export class SimulatedLogFileSystem implements LogFileSystem {
  readonly random: Random;
  #root: SimulatedFolderNode;
  #isLocked = false;
  nowMs = 1_700_000_000_000;
  /** Space that is left for all files; writes beyond it end short and fail with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** That many syncs succeed, the next fails with EIO. */
  syncsUntilFailure = Number.POSITIVE_INFINITY;
  syncCount = 0;
  onChange: () => void = () => {};

  constructor(random: Random, root = new SimulatedFolderNode()) {
    this.random = random;
    this.#root = root;
  }

  /** The disk as the next boot finds it. */
  afterPowerLoss(random: Random): SimulatedLogFileSystem {
    return this.#heir(this.#root.afterPowerLoss(random, new Map()), random);
  }

  /** The disk as the next process finds it: the machine has not noticed anything. */
  afterKill(random: Random): SimulatedLogFileSystem {
    return this.#heir(this.#root.copy(new Map()), random);
  }

  async open(path: string, mode: OpenMode): Promise<LogFile> {
    await this.#turn();
    const folder = this.#folderOf(path);
    const found = folder.entries.get(basename(path));
    if (found?.isDirectory) throw errno('EISDIR', path);
    if (found && mode === 'create-new') throw errno('EEXIST', path);
    if (!found && (mode === 'read' || mode === 'write')) throw errno('ENOENT', path);
    if (found && mode === 'create' && found.content.length > 0) found.truncate(0);
    const node = found ?? this.#createFile(folder, path);
    this.onChange();
    return new SimulatedLogFile(this, node);
  }

  async stat(path: string): Promise<FileStatus | null> {
    await this.#turn();
    const node = this.#find(path);
    if (!node) return null;
    if (node.isDirectory) return { isDirectory: true, sizeBytes: 0, modifiedMs: 0 };
    return { isDirectory: false, sizeBytes: node.content.length, modifiedMs: node.modifiedMs };
  }

  async list(path: string): Promise<string[]> {
    await this.#turn();
    return [...this.#folder(path).entries.keys()];
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#turn();
    const folder = this.#folderOf(path);
    if (folder.entries.has(basename(path))) throw errno('EEXIST', path);
    if (this.freeBytes <= 0) throw errno('ENOSPC', path);
    folder.set(basename(path), new SimulatedFolderNode());
    this.onChange();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turn();
    if (dirname(from) !== dirname(to)) throw new Error(`expected a rename within one folder, got ${from} to ${to}`);
    const folder = this.#folderOf(from);
    if (!folder.entries.has(basename(from))) throw errno('ENOENT', from);
    folder.rename(basename(from), basename(to));
    this.onChange();
  }

  async removeFile(path: string): Promise<void> {
    await this.#turn();
    const folder = this.#folderOf(path);
    if (!folder.entries.has(basename(path))) throw errno('ENOENT', path);
    folder.delete(basename(path));
    this.onChange();
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#turn();
    if (this.#folder(path).entries.size > 0) throw errno('ENOTEMPTY', path);
    this.#folderOf(path).delete(basename(path));
    this.onChange();
  }

  async syncDirectory(path: string): Promise<void> {
    const folder = this.#folder(path);
    await this.sync(folder, path);
  }

  async lockDirectory(directory: string): Promise<DirectoryLock> {
    if (this.#isLocked) throw errno('EBUSY', directory);
    this.#isLocked = true;
    return {
      release: async () => {
        this.#isLocked = false;
      },
    };
  }

  get freeBytes(): number {
    return this.capacityBytes - sizeOf(this.#root);
  }

  /** Changes the bytes of a file behind everybody's back. */
  corrupt(path: string, change: (bytes: Buffer) => Buffer): void {
    const node = this.#find(path);
    if (!node || node.isDirectory) throw errno('ENOENT', path);
    node.corrupt(change);
  }

  bytesOf(path: string): Buffer | null {
    const node = this.#find(path);
    return node && !node.isDirectory ? Buffer.from(node.content) : null;
  }

  /** Every file below the folder. */
  filesBelow(path: string): string[] {
    return [...this.#folder(path).entries].flatMap(([name, node]) =>
      node.isDirectory ? this.filesBelow(`${path}/${name}`) : [`${path}/${name}`],
    );
  }

  async sync(node: SimulatedNode, path: string): Promise<void> {
    const { changeCount } = node;
    await this.#turn();
    if (this.syncCount++ >= this.syncsUntilFailure) {
      this.syncsUntilFailure = Number.POSITIVE_INFINITY;
      if (!node.isDirectory) node.loseChanges();
      throw errno('EIO', path);
    }
    node.sync(changeCount);
    this.onChange();
  }

  async write(node: SimulatedFileNode, position: number, bytes: Buffer): Promise<void> {
    const growth = Math.max(0, position + bytes.length - node.content.length);
    const missing = Math.max(0, growth - this.freeBytes);
    node.write(position, bytes.subarray(0, bytes.length - missing));
    node.modifiedMs = this.nowMs;
    this.onChange();
    await this.#turn();
    if (missing > 0) throw errno('ENOSPC', 'write');
  }

  async truncate(node: SimulatedFileNode, sizeBytes: number): Promise<void> {
    await this.#turn();
    node.truncate(sizeBytes);
    this.onChange();
  }

  async #turn(): Promise<void> {
    const turns = Math.floor(this.random() * 4);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    if (turns === 3) await new Promise((resolve) => setImmediate(resolve));
  }

  #createFile(folder: SimulatedFolderNode, path: string): SimulatedFileNode {
    if (this.freeBytes <= 0) throw errno('ENOSPC', path);
    const node = new SimulatedFileNode();
    node.modifiedMs = this.nowMs;
    folder.set(basename(path), node);
    return node;
  }

  #heir(root: SimulatedFolderNode, random: Random): SimulatedLogFileSystem {
    const heir = new SimulatedLogFileSystem(random, root);
    heir.nowMs = this.nowMs;
    heir.capacityBytes = this.capacityBytes;
    return heir;
  }

  #folderOf(path: string): SimulatedFolderNode {
    return this.#folder(dirname(path));
  }

  #folder(path: string): SimulatedFolderNode {
    const node = this.#find(path);
    if (!node) throw errno('ENOENT', path);
    if (!node.isDirectory) throw errno('ENOTDIR', path);
    return node;
  }

  #find(path: string): SimulatedNode | undefined {
    let node: SimulatedNode | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node?.isDirectory ? node.entries.get(name) : undefined;
    }
    return node;
  }
}

class SimulatedLogFile implements LogFile {
  readonly #disk: SimulatedLogFileSystem;
  readonly #node: SimulatedFileNode;
  #isClosed = false;

  constructor(disk: SimulatedLogFileSystem, node: SimulatedFileNode) {
    this.#disk = disk;
    this.#node = node;
  }

  async read(target: Buffer, position: number): Promise<number> {
    this.#assertOpen();
    return this.#node.content.copy(target, 0, Math.min(position, this.#node.content.length));
  }

  write(buffers: Buffer[], position: number): Promise<void> {
    this.#assertOpen();
    return this.#disk.write(this.#node, position, Buffer.concat(buffers));
  }

  truncate(sizeBytes: number): Promise<void> {
    this.#assertOpen();
    return this.#disk.truncate(this.#node, sizeBytes);
  }

  datasync(): Promise<void> {
    this.#assertOpen();
    return this.#disk.sync(this.#node, 'a file');
  }

  async close(): Promise<void> {
    this.#assertOpen();
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw errno('EBADF', 'a closed file');
  }
}

function sizeOf(node: SimulatedNode): number {
  if (!node.isDirectory) return node.content.length;
  let total = 0;
  for (const child of node.entries.values()) total += sizeOf(child);
  return total;
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
