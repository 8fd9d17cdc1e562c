/**
 * The name space of a small HDFS in memory, with the rules and the exceptions of the real NameNode (checked against Hadoop
 * 3.4.3 by test/real). A file has an id that stays with it over renames; while it is being written its length counts as 0.
 */
export interface TreeNode {
  id: number;
  type: 'FILE' | 'DIRECTORY';
  bytes: Buffer;
  /** Being written: the name is taken, the content does not show yet. */
  isOpen: boolean;
  modifiedMs: number;
}

/** What the real one throws, by simple class name. */
export class HdfsException extends Error {
  readonly exception: string;

  constructor(exception: string, message: string) {
    super(message);
    this.exception = exception;
  }
}

export class HdfsTree {
  readonly #nodes = new Map<string, TreeNode>();
  #nextId = 16_386; // as in a fresh HDFS
  /** Every file that was ever created, by id: what became of it shows even after a rename. */
  readonly createdPaths = new Map<number, string>();
  /** Every rename that was carried out, in order. */
  readonly renames: { from: string; to: string; id: number }[] = [];

  constructor() {
    this.#nodes.set('/', this.#newNode('DIRECTORY'));
  }

  get(path: string): TreeNode | undefined {
    return this.#nodes.get(path);
  }

  /** Paths of all files below a folder, in order. */
  files(folder = '/'): string[] {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    return [...this.#nodes]
      .filter(([path, node]) => node.type === 'FILE' && path.startsWith(prefix))
      .map(([path]) => path)
      .sort(compareBytes);
  }

  children(path: string): { name: string; node: TreeNode }[] {
    const folder = this.#existing(path);
    if (folder.type === 'FILE') return [{ name: '', node: folder }];
    const prefix = path === '/' ? '/' : `${path}/`;
    const found: { name: string; node: TreeNode }[] = [];
    for (const [at, node] of this.#nodes) {
      if (at !== '/' && at.startsWith(prefix) && !at.slice(prefix.length).includes('/')) {
        found.push({ name: at.slice(prefix.length), node });
      }
    }
    return found.sort((a, b) => compareBytes(a.name, b.name));
  }

  /** Begins a file (its parents too) and never replaces one. */
  create(path: string): TreeNode {
    if (this.#nodes.has(path))
      throw new HdfsException('FileAlreadyExistsException', `${path} for client already exists`);
    this.#makeParents(path);
    const node = this.#newNode('FILE');
    node.isOpen = true;
    this.#nodes.set(path, node);
    this.createdPaths.set(node.id, path);
    return node;
  }

  /** Ends a file with what has arrived of it, by id: a writer whose file was renamed or removed meanwhile hits no other. */
  complete(id: number, bytes: Buffer): void {
    for (const node of this.#nodes.values()) {
      if (node.id !== id) continue;
      node.bytes = bytes;
      node.isOpen = false;
      node.modifiedMs = Date.now();
    }
  }

  mkdirs(path: string): void {
    if (path === '/') return;
    const node = this.#nodes.get(path);
    if (node?.type === 'FILE')
      throw new HdfsException('FileAlreadyExistsException', `Path is not a directory: ${path}`);
    if (node) return;
    this.#makeParents(path);
    this.#nodes.set(path, this.#newNode('DIRECTORY'));
  }

  /** With `renameoptions=NONE`: refusals are exceptions, and a folder at the target is one. */
  renameWithOptions(from: string, to: string): void {
    const source = this.#nodes.get(from);
    if (!source) throw new HdfsException('FileNotFoundException', `rename source ${from} is not found.`);
    if (from === to) {
      throw new HdfsException('FileAlreadyExistsException', `The source ${from} and destination ${to} are the same`);
    }
    const target = this.#nodes.get(to);
    if (target && target.type !== source.type) {
      throw new HdfsException('IOException', `Source ${from} and destination ${to} must both be directories`);
    }
    if (target) throw new HdfsException('FileAlreadyExistsException', `rename destination ${to} already exists`);
    const parent = this.#nodes.get(parentOf(to));
    if (!parent) throw new HdfsException('FileNotFoundException', `rename destination parent ${to} not found.`);
    if (parent.type === 'FILE') {
      throw new HdfsException('ParentNotDirectoryException', `${parentOf(to)} (is not a directory)`);
    }
    this.#move(from, to);
  }

  /** Without options: a boolean, and a folder at the target swallows the file. */
  rename(from: string, to: string): boolean {
    const into = this.#nodes.get(to)?.type === 'DIRECTORY' ? `${to}/${from.slice(from.lastIndexOf('/') + 1)}` : to;
    try {
      this.renameWithOptions(from, into);
      return true;
    } catch {
      return false;
    }
  }

  delete(path: string, isRecursive: boolean): boolean {
    const node = this.#nodes.get(path);
    if (!node) return false;
    if (!isRecursive && node.type === 'DIRECTORY' && this.children(path).length > 0) {
      throw new HdfsException('PathIsNotEmptyDirectoryException', `\`${path} is non empty': Directory is not empty`);
    }
    for (const at of [...this.#nodes.keys()]) if (at === path || at.startsWith(`${path}/`)) this.#nodes.delete(at);
    return true;
  }

  #makeParents(path: string): void {
    const parent = parentOf(path);
    if (this.#nodes.get(parent)?.type === 'FILE') {
      throw new HdfsException('ParentNotDirectoryException', `${parent} (is not a directory)`);
    }
    if (Buffer.byteLength(path.slice(path.lastIndexOf('/') + 1)) > 255) {
      throw new HdfsException('RemoteException', 'The maximum path component name limit of x is exceeded');
    }
    this.mkdirs(parent);
  }

  #existing(path: string): TreeNode {
    const node = this.#nodes.get(path);
    if (!node) throw new HdfsException('FileNotFoundException', `File ${path} does not exist.`);
    return node;
  }

  #move(from: string, to: string): void {
    for (const [at, node] of [...this.#nodes]) {
      if (at !== from && !at.startsWith(`${from}/`)) continue;
      this.#nodes.delete(at);
      this.#nodes.set(to + at.slice(from.length), node);
      if (at === from) this.renames.push({ from, to, id: node.id });
    }
  }

  #newNode(type: TreeNode['type']): TreeNode {
    return { id: this.#nextId++, type, bytes: Buffer.alloc(0), isOpen: false, modifiedMs: Date.now() };
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
