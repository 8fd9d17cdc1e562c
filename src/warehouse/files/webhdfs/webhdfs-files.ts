import type { CreateSettings } from '../hdfs-settings.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from '../warehouse-files.ts';
import { compareNames, parentPath, pathComponents } from '../warehouse-path.ts';
import { DataNodes } from './data-nodes.ts';
import { type HdfsStatus, parseBoolean, parseListing, parseStatus, serverTimeMs } from './hdfs-json.ts';
import { type NameNodeAnswer, type NameNodeCall, NameNodes, type WebHdfsConnection } from './name-nodes.ts';
import { isPastEnd, type RemoteException, toWarehouseError } from './remote-exception.ts';
import type { AuthFacts, WebHdfsAuth } from './webhdfs-auth.ts';

export interface WebHdfsOptions extends WebHdfsConnection {
  url: string;
  /** Absolute path in HDFS of the warehouse. */
  basePath: string;
  /** What files and folders get when they are created. WebHDFS applies no umask: left out it is 644 and 755. */
  created: CreateSettings;
  /** Hosts that a NameNode may redirect to (`.example.com`: all below it); any when left out. */
  redirectHosts?: readonly string[] | undefined;
}

type Signal = { signal?: AbortSignal };

/**
 * A warehouse in HDFS, over WebHDFS (or HttpFS).
 *
 * - Reads, listings, `mkdirs` and `delete` are simply asked for again when an answer is lost.
 * - `create` is not: a lost upload may still be running on a DataNode, so the same name must not be used again. It fails with
 *   `uncertain`, and the caller takes a new name, even when all the bytes seem to be there: a NameNode counts a block as soon as
 *   its writer has told the length, but the file is kept only once it is closed. One that is not is empty after a restart.
 * - `publishIfAbsent` is asked for again and then settled by the file's id, which a rename keeps: whatever the order in which
 *   the attempts arrive, only one of them can have moved the file.
 */
export class WebHdfsFiles implements WarehouseFiles {
  readonly url: string;
  readonly #basePath: string;
  readonly #options: WebHdfsOptions;
  readonly #nameNodes: NameNodes;
  readonly #dataNodes: DataNodes;
  /** Folders of which we know that they are as the settings want them. */
  readonly #settledFolders = new Set<string>();

  constructor(options: WebHdfsOptions) {
    this.url = options.url;
    this.#basePath = options.basePath;
    this.#options = options;
    this.#nameNodes = new NameNodes(options);
    this.#dataNodes = new DataNodes({ ...options, nameNodes: this.#nameNodes });
  }

  async create(path: string, source: FileSource, options: Signal = {}): Promise<void> {
    const target = this.#resolve(path);
    if (this.#settlesFolders) await this.#settleFolder(parentPath(target), options.signal);
    const outcome = await this.#dataNodes.upload(target, source, this.#fileSettings(), options.signal);
    if (outcome === 'created') return await this.#setOwner(target, options.signal);
    if ('refused' in outcome) throw toWarehouseError(outcome.refused, `CREATE ${target}`);
    const message = `${path}: the upload broke off (${outcome.lost}); a new name is needed`;
    throw new WarehouseError('uncertain', message, { isRetriable: true });
  }

  async publishIfAbsent(from: string, to: string, options: Signal = {}): Promise<PublishOutcome> {
    const [source, target] = [this.#resolve(from), this.#resolve(to)];
    const looks = [this.#status(source, options.signal), this.#status(target, options.signal)];
    const [file, taken] = await Promise.all(looks);
    if (file?.type !== 'file' || taken) return 'refused';
    // With options the NameNode never moves a file *into* a folder of that name. HttpFS ignores them and answers a boolean.
    const query = { destination: target, renameoptions: 'NONE' };
    const answer = await this.#nameNodes.call({ method: 'PUT', op: 'RENAME', path: source, query, ...options });
    const isRefused = answer.exception ? isRefusal(answer.exception) : parseBoolean(answer.body) === false;
    if (!isRefused && answer.exception === null) return 'published';
    if (!isRefused && !(await this.#status(target, options.signal))) throw refusal(answer, `RENAME ${source}`);
    return answer.wasUncertain ? await this.#settleRename(file, to, options.signal) : 'refused';
  }

  async stat(path: string, options: Signal = {}): Promise<FileStatus | null> {
    const name = pathComponents(path).at(-1) ?? '';
    const found = await this.#status(this.#resolve(path), options.signal);
    return found && { name, type: found.type, size: found.size, modifiedMs: found.modifiedMs };
  }

  async list(path: string, options: Signal = {}): Promise<FileStatus[]> {
    const folder = this.#resolve(path);
    const children: FileStatus[] = [];
    for (let after = ''; ; after = children.at(-1)!.name) {
      const query: Record<string, string> = after === '' ? {} : { startAfter: after };
      const answer = await this.#nameNodes.call({
        method: 'GET',
        op: 'LISTSTATUS_BATCH',
        path: folder,
        query,
        ...options,
      });
      if (answer.exception?.name === 'FileNotFoundException') return [];
      if (answer.exception) throw refusal(answer, `LISTSTATUS_BATCH ${folder}`);
      const page = parseListing(answer.body);
      if (page.children[0]?.name === '') throw new WarehouseError('not-a-folder', `${path} is a file`);
      for (const { name, type, size, modifiedMs } of page.children) children.push({ name, type, size, modifiedMs });
      if (page.remainingCount === 0 || page.children.length === 0) return children.sort(compareNames);
    }
  }

  async read(path: string, options: { offset?: number; length?: number } & Signal = {}): Promise<Buffer> {
    const target = this.#resolve(path);
    const { offset = 0, length, signal } = options;
    if (length === 0) {
      if (await this.#status(target, signal)) return Buffer.alloc(0);
      throw new WarehouseError('not-found', `${path} does not exist`);
    }
    const outcome = await this.#dataNodes.download(target, { offset, length }, signal);
    if (Buffer.isBuffer(outcome)) return outcome;
    const { refused } = outcome;
    if (isPastEnd(refused)) return Buffer.alloc(0);
    if (refused.message.startsWith('Path is not a file'))
      throw new WarehouseError('is-a-folder', `${path} is a folder`);
    throw toWarehouseError(refused, `OPEN ${target}`);
  }

  async delete(path: string, options: { recursive?: boolean } & Signal = {}): Promise<boolean> {
    const target = this.#resolve(path);
    if (target === this.#basePath) throw new WarehouseError('bad-path', 'the warehouse itself cannot be deleted');
    const query = { recursive: String(options.recursive ?? false) };
    const answer = await this.#call({ method: 'DELETE', op: 'DELETE', path: target, query, signal: options.signal });
    return parseBoolean(answer.body) === true || answer.wasUncertain; // gone: perhaps by our own earlier attempt
  }

  async mkdirs(path: string, options: Signal = {}): Promise<void> {
    const target = this.#resolve(path);
    if (this.#settlesFolders) await this.#settleFolder(target, options.signal, { isCheckedAgain: true });
    else await this.#mkdirs(target, options.signal);
  }

  async nowMs(options: Signal = {}): Promise<number> {
    return serverTimeMs(await this.#call({ method: 'GET', op: 'GETFILESTATUS', path: '/', signal: options.signal }));
  }

  /** Whether the user may create and rename in the warehouse's folder; fails with `permission-denied` when not. */
  async checkWritable(options: Signal = {}): Promise<void> {
    const call = { method: 'GET', op: 'CHECKACCESS', path: this.#basePath, query: { fsaction: '-wx' } } as const;
    const answer = await this.#nameNodes.call({ ...call, signal: options.signal });
    if (answer.exception?.name === 'AccessControlException') throw refusal(answer, `${this.#basePath}`);
  }

  /** How we are known to the file system. */
  async authFacts(options: Signal = {}): Promise<AuthFacts> {
    return await this.#options.auth.facts(options.signal);
  }

  /** The status as HDFS tells it: permission, owner and group among it. Null when there is nothing. */
  async rawStatus(path: string, options: Signal = {}): Promise<HdfsStatus | null> {
    return await this.#status(this.#resolve(path), options.signal);
  }

  /** In what a file and a folder that we made differ from what the settings ask for. */
  differencesFromSettings(file: HdfsStatus, folder: HdfsStatus): string[] {
    const { permission, folderPermission, owner, group, replication, blockSize } = this.#options.created;
    const wanted: [string, string | number | undefined, string | number][] = [
      ['permission', permission?.replace(/^0/, ''), file.permission],
      ['folderPermission', folderPermission?.replace(/^0/, ''), folder.permission],
      ['owner', owner, file.owner],
      ['group', group, file.group],
      ['replication', replication, file.replication],
      ['blockSize', blockSize, file.blockSize],
    ];
    return wanted.flatMap(([key, expected, found]) =>
      expected === undefined || expected === found ? [] : [`expected ${key} ${expected}, found ${found}`],
    );
  }

  /** The same warehouse and login over sockets of its own; closing it leaves the login alone. */
  anotherConnection(): WebHdfsFiles {
    return new WebHdfsFiles({ ...this.#options, auth: borrowed(this.#options.auth) });
  }

  /** Removes the warehouse's folder when nothing is in it. */
  async removeEmptyBase(): Promise<void> {
    await this.#call({ method: 'DELETE', op: 'DELETE', path: this.#basePath, query: { recursive: 'false' } });
  }

  async close(): Promise<void> {
    await this.#options.auth.close();
    this.#nameNodes.close();
  }

  get #settlesFolders(): boolean {
    const { folderPermission, owner, group } = this.#options.created;
    return folderPermission !== undefined || owner !== undefined || group !== undefined;
  }

  #fileSettings(): Record<string, string> {
    const { permission, replication, blockSize } = this.#options.created;
    return {
      ...(permission !== undefined && { permission }),
      ...(replication !== undefined && { replication: String(replication) }),
      ...(blockSize !== undefined && { blocksize: String(blockSize) }),
    };
  }

  /** One folder after the other from the top: a MKDIRS gives what it was told to the last component only. */
  async #settleFolder(folder: string, signal: AbortSignal | undefined, { isCheckedAgain = false } = {}): Promise<void> {
    if (this.#settledFolders.has(folder) && !isCheckedAgain) return;
    const missing: string[] = [];
    for (let at = folder; ; at = parentPath(at)) {
      const found = await this.#status(at, signal);
      if (found?.type === 'file') throw new WarehouseError('not-a-folder', `${at} is a file`);
      if (found || at === '/') break;
      missing.unshift(at);
    }
    for (const path of missing) {
      await this.#mkdirs(path, signal);
      await this.#setOwner(path, signal);
    }
    if (this.#settledFolders.size >= maxSettledFolders) this.#settledFolders.clear();
    this.#settledFolders.add(folder);
  }

  async #mkdirs(target: string, signal: AbortSignal | undefined): Promise<void> {
    const { folderPermission } = this.#options.created;
    const query: Record<string, string> = folderPermission === undefined ? {} : { permission: folderPermission };
    const answer = await this.#nameNodes.call({ method: 'PUT', op: 'MKDIRS', path: target, query, signal });
    if (answer.exception?.name === 'FileAlreadyExistsException') {
      throw new WarehouseError('not-a-folder', `${target} is a file`);
    }
    if (answer.exception) throw refusal(answer, `MKDIRS ${target}`);
    if (parseBoolean(answer.body) === false) {
      throw new WarehouseError('remote', `MKDIRS ${target}: refused without a reason`);
    }
  }

  async #setOwner(target: string, signal: AbortSignal | undefined): Promise<void> {
    const { owner, group } = this.#options.created;
    if (owner === undefined && group === undefined) return;
    const query = { ...(owner !== undefined && { owner }), ...(group !== undefined && { group }) };
    await this.#call({ method: 'PUT', op: 'SETOWNER', path: target, query, signal });
  }

  /**
   * The answer to one of our attempts was lost. HDFS keeps a file's id over a rename: the id at the target says whether one of
   * them moved it.
   */
  async #settleRename(file: HdfsStatus, to: string, signal: AbortSignal | undefined): Promise<PublishOutcome> {
    const found = await this.#status(this.#resolve(to), signal);
    if (found && file.fileId !== null && found.fileId !== null) {
      return found.fileId === file.fileId ? 'published' : 'refused';
    }
    const message = `${to}: the answer to the rename was lost, and what is there does not tell whose it is`;
    throw new WarehouseError('uncertain', message, { isRetriable: true });
  }

  async #status(target: string, signal: AbortSignal | undefined): Promise<HdfsStatus | null> {
    const answer = await this.#nameNodes.call({ method: 'GET', op: 'GETFILESTATUS', path: target, signal });
    if (answer.exception === null) return parseStatus(answer.body);
    const { name } = answer.exception;
    if (name === 'FileNotFoundException' || name === 'ParentNotDirectoryException') return null;
    throw refusal(answer, `GETFILESTATUS ${target}`);
  }

  async #call(call: NameNodeCall): Promise<NameNodeAnswer> {
    const answer = await this.#nameNodes.call(call);
    if (answer.exception) throw refusal(answer, `${call.op} ${call.path}`);
    return answer;
  }

  #resolve(path: string): string {
    const components = pathComponents(path);
    if (components.length === 0) return this.#basePath;
    return `${this.#basePath === '/' ? '' : this.#basePath}/${components.join('/')}`;
  }
}

/** A login that somebody else ends. */
function borrowed(auth: WebHdfsAuth): WebHdfsAuth {
  return {
    credentials: (server, signal) => auth.credentials(server, signal),
    noteAnswer: (server, answer) => auth.noteAnswer(server, answer),
    refuse: (server, refused) => auth.refuse(server, refused),
    facts: (signal) => auth.facts(signal),
    close: async () => {},
  };
}

const maxSettledFolders = 10_000;
const renameRefusals = ['FileAlreadyExistsException', 'FileNotFoundException', 'ParentNotDirectoryException'];

function isRefusal(exception: RemoteException): boolean {
  return renameRefusals.includes(exception.name);
}

function refusal(answer: NameNodeAnswer, call: string): WarehouseError {
  return toWarehouseError(answer.exception ?? { name: 'RemoteException', message: 'none given' }, call);
}
