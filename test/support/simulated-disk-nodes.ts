/**
 * Files and folders of the simulated disk. Each keeps what is on stable storage and, in order, what was done since: after a
 * power loss any part of that may be there. A file operation may have reached the disk whole, in some of its 512-byte sectors, or not
 * at all; a folder operation (a rename is one) whole or not; all independently of each other, as real file systems do.
 */
export type Random = () => number;

export type SimulatedNode = SimulatedFileNode | SimulatedFolderNode;

const sectorBytes = 512;

type FileChange = { kind: 'write'; position: number; bytes: Buffer } | { kind: 'truncate'; sizeBytes: number };

export class SimulatedFileNode {
  readonly isDirectory = false;
  #content: Buffer = Buffer.alloc(0);
  #durable: Buffer = Buffer.alloc(0);
  #changes: FileChange[] = [];
  modifiedMs = 0;

  get content(): Buffer {
    return this.#content;
  }

  get changeCount(): number {
    return this.#changes.length;
  }

  write(position: number, bytes: Buffer): void {
    this.#apply({ kind: 'write', position, bytes: Buffer.from(bytes) });
  }

  truncate(sizeBytes: number): void {
    this.#apply({ kind: 'truncate', sizeBytes });
  }

  /** What was done before the sync began is durable. */
  sync(changeCount: number): void {
    for (const change of this.#changes.slice(0, changeCount)) this.#durable = applied(this.#durable, change);
    this.#changes = this.#changes.slice(changeCount);
  }

  /** A sync that failed: the kernel forgets what was dirty, and the next sync succeeds without it. */
  loseChanges(): void {
    this.#changes = [];
  }

  /** Changes its bytes behind everybody's back, on stable storage too. */
  corrupt(change: (bytes: Buffer) => Buffer): void {
    this.#durable = change(Buffer.from(this.#content));
    this.#content = Buffer.from(this.#durable);
    this.#changes = [];
  }

  afterPowerLoss(random: Random): SimulatedFileNode {
    const copy = new SimulatedFileNode();
    copy.modifiedMs = this.modifiedMs;
    copy.#durable = this.#durable;
    for (const change of surviving(this.#changes, random))
      copy.#durable = applied(copy.#durable, torn(change, random, copy.#durable));
    copy.#content = Buffer.from(copy.#durable);
    return copy;
  }

  /** As another process finds it while the machine runs on. */
  copy(): SimulatedFileNode {
    const copy = new SimulatedFileNode();
    copy.modifiedMs = this.modifiedMs;
    copy.#durable = this.#durable;
    copy.#content = Buffer.from(this.#content);
    copy.#changes = [...this.#changes];
    return copy;
  }

  #apply(change: FileChange): void {
    this.#content = applied(this.#content, change);
    this.#changes.push(change);
  }
}

type FolderChange = { remove: string | null; set: string | null; node: SimulatedNode | null };

export class SimulatedFolderNode {
  readonly isDirectory = true;
  readonly entries = new Map<string, SimulatedNode>();
  #durable = new Map<string, SimulatedNode>();
  #changes: FolderChange[] = [];

  set(name: string, node: SimulatedNode): void {
    this.#apply({ remove: null, set: name, node });
  }

  delete(name: string): void {
    this.#apply({ remove: name, set: null, node: null });
  }

  rename(from: string, to: string): void {
    this.#apply({ remove: from, set: to, node: this.entries.get(from)! });
  }

  get changeCount(): number {
    return this.#changes.length;
  }

  sync(changeCount: number): void {
    for (const change of this.#changes.slice(0, changeCount)) applyToEntries(this.#durable, change);
    this.#changes = this.#changes.slice(changeCount);
  }

  afterPowerLoss(random: Random, copied: Map<SimulatedNode, SimulatedNode>): SimulatedFolderNode {
    const entries = new Map(this.#durable);
    for (const change of surviving(this.#changes, random)) applyToEntries(entries, change);
    const copy = new SimulatedFolderNode();
    for (const [name, node] of entries) {
      if (!copied.has(node))
        copied.set(node, node.isDirectory ? node.afterPowerLoss(random, copied) : node.afterPowerLoss(random));
      copy.entries.set(name, copied.get(node)!);
      copy.#durable.set(name, copied.get(node)!);
    }
    return copy;
  }

  copy(copied: Map<SimulatedNode, SimulatedNode>): SimulatedFolderNode {
    const copy = new SimulatedFolderNode();
    const copyOf = (node: SimulatedNode): SimulatedNode => {
      if (!copied.has(node)) copied.set(node, node.isDirectory ? node.copy(copied) : node.copy());
      return copied.get(node)!;
    };
    for (const [name, node] of this.entries) copy.entries.set(name, copyOf(node));
    for (const [name, node] of this.#durable) copy.#durable.set(name, copyOf(node));
    copy.#changes = this.#changes.map((change) => ({ ...change, node: change.node && copyOf(change.node) }));
    return copy;
  }

  #apply(change: FolderChange): void {
    applyToEntries(this.entries, change);
    this.#changes.push(change);
  }
}

function applyToEntries(entries: Map<string, SimulatedNode>, change: FolderChange): void {
  if (change.remove !== null) entries.delete(change.remove);
  if (change.set !== null && change.node) entries.set(change.set, change.node);
}

function applied(content: Buffer, change: FileChange): Buffer {
  if (change.kind === 'truncate') {
    const next = Buffer.alloc(change.sizeBytes);
    content.copy(next, 0, 0, Math.min(content.length, change.sizeBytes));
    return next;
  }
  const next = Buffer.alloc(Math.max(content.length, change.position + change.bytes.length));
  content.copy(next);
  change.bytes.copy(next, change.position);
  return next;
}

/** Nothing, everything, a prefix, or any of them: each is a way in which machines have died. */
function surviving<T>(changes: T[], random: Random): T[] {
  const fate = random();
  if (fate < 0.2) return [];
  if (fate < 0.35) return [...changes];
  if (fate < 0.6) return changes.slice(0, Math.floor(random() * (changes.length + 1)));
  return changes.filter(() => random() < 0.5);
}

/** Some sectors of a write may be missing; the length may be there all the same, with zeros (or older bytes) in them. */
function torn(change: FileChange, random: Random, before: Buffer): FileChange {
  if (change.kind === 'truncate' || random() < 0.4) return change;
  const end = change.position + change.bytes.length;
  const keepsLength = random() < 0.5;
  const isPrefix = random() < 0.5;
  const cut = change.position + Math.floor(random() * change.bytes.length);
  const result = Buffer.alloc(change.bytes.length);
  before.copy(result, 0, Math.min(change.position, before.length), Math.min(end, before.length));
  let reached = 0;
  for (let at = change.position; at < end; ) {
    const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
    if (isPrefix ? next <= cut : random() < 0.5) {
      change.bytes.copy(result, at - change.position, at - change.position, next - change.position);
      reached = next - change.position;
    }
    at = next;
  }
  return { kind: 'write', position: change.position, bytes: keepsLength ? result : result.subarray(0, reached) };
}
