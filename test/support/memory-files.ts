import { readFileSync } from 'node:fs';
import { WarehouseError } from '../../src/warehouse/files/warehouse-error.ts';
import type {
  FileSource,
  FileStatus,
  PublishOutcome,
  WarehouseFiles,
} from '../../src/warehouse/files/warehouse-files.ts';

/** One call of a `MemoryFiles`, as a fault plan sees it. */
export interface FileCall {
  /** Counts from 1 over all calls of this client. */
  number: number;
  method: 'create' | 'publishIfAbsent' | 'stat' | 'list' | 'read' | 'delete' | 'mkdirs' | 'nowMs';
  path: string;
  /** Target of a publish. */
  to: string | null;
}

/**
 * What happens to a call.
 * - `none`: carried out and answered.
 * - `lost-before`, `lost-after`: not carried out, carried out; the answer is an error either way.
 * - `delayed`: the answer is an error now, the call is carried out at some later `MemoryDisk.runDelayed`.
 * - `partial`: a create leaves a truncated file, the answer is an error (like `lost-before` for other methods).
 * - `crash-before`, `crash-after`: the client is dead from here on; the call was not, was carried out.
 */
export type CallFault = 'none' | 'lost-before' | 'lost-after' | 'delayed' | 'partial' | 'crash-before' | 'crash-after';

/** What a dead client's calls end with. */
export class CrashedError extends Error {}

interface Node {
  /** Null: a folder. */
  bytes: Buffer | null;
  modifiedMs: number;
}

/** What several clients share: files and folders by path, a clock, and calls that are still on their way. */
export class MemoryDisk {
  readonly nodes = new Map<string, Node>([['', { bytes: null, modifiedMs: 0 }]]);
  readonly #delayed: (() => void)[] = [];
  /** Every rename that was carried out, in order. */
  readonly published: { from: string; to: string }[] = [];
  nowMs = 1_700_000_000_000;

  get delayedCount(): number {
    return this.#delayed.length;
  }

  delay(call: () => void): void {
    this.#delayed.push(call);
  }

  /** Carries out one call that was still on its way. */
  runDelayed(index = 0): void {
    const [call] = this.#delayed.splice(index, 1);
    try {
      call?.();
    } catch {
      // nobody waits for the answer any more
    }
  }

  paths(prefix = '/'): string[] {
    return [...this.nodes].flatMap(([path, { bytes }]) => (bytes && path.startsWith(prefix) ? [path] : [])).sort();
  }

  bytes(path: string): Buffer {
    const node = this.nodes.get(path);
    if (!node?.bytes) throw new WarehouseError('not-found', `${path}: no such file`);
    return node.bytes;
  }

  makeFolders(path: string): void {
    const parts = path.split('/').slice(1);
    for (let i = 1; i <= parts.length; i++) {
      const folder = `/${parts.slice(0, i).join('/')}`;
      const node = this.nodes.get(folder);
      if (node?.bytes) throw new WarehouseError('not-a-folder', `${folder}: a file`);
      if (!node) this.nodes.set(folder, { bytes: null, modifiedMs: this.nowMs });
    }
  }

  write(path: string, bytes: Buffer): void {
    if (this.nodes.has(path)) throw new WarehouseError('already-exists', `${path}: taken`);
    this.makeFolders(parentOf(path));
    this.nodes.set(path, { bytes, modifiedMs: this.nowMs });
  }

  /** As HDFS does it: never replaces, never makes a parent, moves into a folder that stands at the target. */
  rename(from: string, to: string): PublishOutcome {
    const source = this.nodes.get(from);
    const parent = this.nodes.get(parentOf(to));
    if (!source?.bytes || !parent || parent.bytes) return 'refused';
    const target = this.nodes.get(to);
    if (target?.bytes) return 'refused';
    const name = target ? `${to}/${from.slice(from.lastIndexOf('/') + 1)}` : to;
    if (this.nodes.has(name)) return 'refused';
    this.nodes.delete(from);
    this.nodes.set(name, source);
    this.published.push({ from, to: name });
    return 'published';
  }

  remove(path: string, recursive: boolean): boolean {
    if (!this.nodes.has(path)) return false;
    const below = [...this.nodes.keys()].filter((other) => other.startsWith(`${path}/`));
    if (below.length > 0 && !recursive) throw new WarehouseError('folder-not-empty', `${path}: not empty`);
    for (const other of [path, ...below]) this.nodes.delete(other);
    return true;
  }
}

export interface MemoryFilesOptions {
  /** Called before each call is carried out; lets a scheduler decide who goes next. */
  turn?: (call: FileCall) => Promise<void>;
  /** Decides what happens to a call. */
  fault?: (call: FileCall) => CallFault;
}

/** One client of a `MemoryDisk`: the whole `WarehouseFiles` interface with scripted faults. It does not retry by itself. */
export class MemoryFiles implements WarehouseFiles {
  readonly url = 'memory:///';
  readonly disk: MemoryDisk;
  readonly calls: FileCall[] = [];
  readonly #options: MemoryFilesOptions;
  #isDead = false;

  constructor(disk = new MemoryDisk(), options: MemoryFilesOptions = {}) {
    this.disk = disk;
    this.#options = options;
  }

  async create(path: string, source: FileSource): Promise<void> {
    const bytes = 'bytes' in source ? Buffer.from(source.bytes) : readFileSync(source.localPath);
    const cut = (): void => this.disk.write(path, bytes.subarray(0, bytes.length >> 1));
    await this.#call('create', path, null, () => this.disk.write(path, bytes), cut);
  }

  async publishIfAbsent(from: string, to: string): Promise<PublishOutcome> {
    return await this.#call('publishIfAbsent', from, to, () => this.disk.rename(from, to));
  }

  async stat(path: string): Promise<FileStatus | null> {
    return await this.#call('stat', path, null, () => this.#status(path));
  }

  async list(path: string): Promise<FileStatus[]> {
    return await this.#call('list', path, null, () => {
      const prefix = `${path === '/' ? '' : path}/`;
      const children = [...this.disk.nodes.keys()].filter(
        (other) => other.length > prefix.length && other.startsWith(prefix) && !other.includes('/', prefix.length),
      );
      return children.sort().map((child) => this.#status(child)!);
    });
  }

  async read(path: string, options: { offset?: number; length?: number } = {}): Promise<Buffer> {
    return await this.#call('read', path, null, () => {
      const offset = options.offset ?? 0;
      return Buffer.from(this.disk.bytes(path).subarray(offset, offset + (options.length ?? Number.MAX_SAFE_INTEGER)));
    });
  }

  async delete(path: string, options: { recursive?: boolean } = {}): Promise<boolean> {
    return await this.#call('delete', path, null, () => this.disk.remove(path, options.recursive ?? false));
  }

  async mkdirs(path: string): Promise<void> {
    await this.#call('mkdirs', path, null, () => this.disk.makeFolders(path));
  }

  async nowMs(): Promise<number> {
    return await this.#call('nowMs', '/', null, () => this.disk.nowMs);
  }

  async close(): Promise<void> {}

  #status(path: string): FileStatus | null {
    const node = this.disk.nodes.get(path);
    if (!node) return null;
    const type = node.bytes ? 'file' : 'directory';
    return {
      name: path.slice(path.lastIndexOf('/') + 1),
      type,
      size: node.bytes?.length ?? 0,
      modifiedMs: node.modifiedMs,
    };
  }

  async #call<T>(
    method: FileCall['method'],
    path: string,
    to: string | null,
    carryOut: () => T,
    carryOutHalf?: () => void,
  ): Promise<T> {
    if (this.#isDead) throw new CrashedError('this client has crashed');
    const call: FileCall = { number: this.calls.length + 1, method, path, to };
    this.calls.push(call);
    await this.#options.turn?.(call);
    const fault = this.#options.fault?.(call) ?? 'none';
    if (fault === 'none') return carryOut();
    if (fault === 'delayed') this.disk.delay(carryOut);
    if (fault === 'partial') carryOutHalf?.();
    if (fault === 'lost-after' || fault === 'crash-after') carryOut();
    if (fault.startsWith('crash')) {
      this.#isDead = true;
      throw new CrashedError(`crashed at call ${call.number}: ${method} ${path}`);
    }
    throw new WarehouseError('uncertain', `${method} ${path}: the answer got lost`, { isRetriable: true });
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
