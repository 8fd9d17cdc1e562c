import { HdfsException, type HdfsTree, type TreeNode } from './hdfs-tree.ts';

/** One request, as both kinds of servers see it. */
export interface WebHdfsCall {
  op: string;
  /** Path in HDFS, decoded. */
  path: string;
  query: URLSearchParams;
  /** As it came, for redirects. */
  search: string;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface NameNodeSettings {
  tree: HdfsTree;
  dataNodePort: number;
  isInSafeMode: boolean;
  isHttpFs: boolean;
  listLimit: number;
}

/** Carries out what a NameNode is asked for. Throws the HdfsException that the real one would answer with. */
export function nameNodeReply(call: WebHdfsCall, settings: NameNodeSettings): Reply {
  const { op, path, query } = call;
  const { tree } = settings;
  if (settings.isInSafeMode && ['RENAME', 'DELETE', 'MKDIRS'].includes(op)) throw safeMode(call);
  switch (op) {
    case 'GETFILESTATUS':
      return json({ FileStatus: status('', existing(tree, path, 'File does not exist: '), settings) });
    case 'LISTSTATUS_BATCH':
      return listing(call, settings);
    case 'MKDIRS':
      tree.mkdirs(path);
      return json({ boolean: true });
    case 'DELETE':
      return json({ boolean: tree.delete(path, query.get('recursive') === 'true') });
    case 'RENAME':
      return rename(call, settings);
    case 'CREATE':
      return redirect(call, settings.dataNodePort);
    case 'OPEN':
      return open(call, settings);
    case 'CHECKACCESS':
      existing(tree, path, 'Path not found: ');
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    default:
      throw new HdfsException('IllegalArgumentException', `Invalid value for webhdfs parameter "op": ${op}`);
  }
}

/** The bytes that a DataNode sends for OPEN. */
export function fileContent(call: WebHdfsCall, tree: HdfsTree): Reply {
  const node = existing(tree, call.path, 'File does not exist: ');
  if (node.type === 'DIRECTORY') throw new HdfsException('FileNotFoundException', `Path is not a file: ${call.path}`);
  const offset = Number(call.query.get('offset') ?? 0);
  const length = call.query.has('length') ? Number(call.query.get('length')) : node.bytes.length;
  const body = node.bytes.subarray(offset, offset + length);
  return { status: 200, headers: { 'Content-Type': 'application/octet-stream' }, body };
}

/** Nearly everything is a 403; the message carries Java's stack trace. */
export function exceptionReply({ exception, message }: HdfsException): Reply {
  const statuses: Record<string, number> = { FileNotFoundException: 404, IllegalArgumentException: 400 };
  const trace = '\n\tat org.apache.hadoop.hdfs.server.namenode.FSNamesystem.call(FSNamesystem.java:1)\n';
  const javaClassName = `org.apache.hadoop.hdfs.${exception}`;
  const body = { RemoteException: { exception, javaClassName, message: message + trace } };
  return { ...json(body), status: statuses[exception] ?? 403 };
}

/** To a DataNode; a path is encoded anew, the query passed on as it came. */
export function redirect(call: WebHdfsCall, port: number): Reply {
  const path = call.path.split('/').map(encodeURIComponent).join('/');
  const Location = `http://127.0.0.1:${port}/webhdfs/v1${path}${call.search}`;
  return { status: 307, headers: { Location }, body: Buffer.alloc(0) };
}

export function safeMode({ op, path }: WebHdfsCall): HdfsException {
  return new HdfsException('SafeModeException', `Cannot ${op.toLowerCase()} ${path}. Name node is in safe mode.`);
}

function listing({ path, query }: WebHdfsCall, settings: NameNodeSettings): Reply {
  const after = Buffer.from(query.get('startAfter') ?? '');
  const isNext = ({ name }: { name: string }) => after.length === 0 || Buffer.compare(Buffer.from(name), after) > 0;
  const rest = settings.tree.children(path).filter(isNext);
  const FileStatus = rest.slice(0, settings.listLimit).map(({ name, node }) => status(name, node, settings));
  const remainingEntries = rest.length - FileStatus.length;
  return json({ DirectoryListing: { partialListing: { FileStatuses: { FileStatus } }, remainingEntries } });
}

function rename({ path, query }: WebHdfsCall, { tree, isHttpFs }: NameNodeSettings): Reply {
  const to = query.get('destination') ?? '';
  if (isHttpFs || !query.has('renameoptions')) return json({ boolean: tree.rename(path, to) });
  tree.renameWithOptions(path, to);
  return { status: 200, headers: {}, body: Buffer.alloc(0) };
}

function open(call: WebHdfsCall, { tree, dataNodePort, isHttpFs }: NameNodeSettings): Reply {
  const { length } = existing(tree, call.path, 'File not found: ').bytes;
  const offset = Number(call.query.get('offset') ?? 0);
  if (isHttpFs && offset > length) return eofPage(length);
  if (isHttpFs) return fileContent(call, tree);
  if (offset >= length && length > 0) {
    throw new HdfsException('IOException', `Offset=${offset} out of the range [0, ${length}); OPEN, path=${call.path}`);
  }
  return redirect(call, dataNodePort);
}

/** HttpFS notices too late to answer with JSON. */
function eofPage(skipped: number): Reply {
  const title = `Error 500 java.io.EOFException: Premature EOF from inputStream after skipping ${skipped} byte(s).`;
  return {
    status: 500,
    headers: { 'Content-Type': 'text/html' },
    body: Buffer.from(`<html><title>${title}</title></html>`),
  };
}

function existing(tree: HdfsTree, path: string, otherwise: string): TreeNode {
  const node = tree.get(path);
  if (!node) throw new HdfsException('FileNotFoundException', otherwise + path);
  return node;
}

/** An older HttpFS leaves the file's id out. The length of a file that is being written does not show. */
function status(pathSuffix: string, node: TreeNode, { isHttpFs }: NameNodeSettings): object {
  const length = node.isOpen ? 0 : node.bytes.length;
  const shown = { pathSuffix, type: node.type, length, modificationTime: node.modifiedMs, permission: '644' };
  return isHttpFs ? shown : { ...shown, fileId: node.id };
}

function json(body: object): Reply {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}
