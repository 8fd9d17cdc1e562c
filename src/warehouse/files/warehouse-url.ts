import { fileURLToPath } from 'node:url';
import { BadInputError } from '../../shared/index.ts';

/** Where a warehouse is, as the user named it. `basePath` has no `/` at its end, except for the root itself. */
export type WarehouseAddress =
  | { kind: 'local'; url: string; basePath: string }
  | { kind: 'webhdfs'; url: string; basePath: string; nameNodes: NameNodeAddress[] };

export interface NameNodeAddress {
  host: string;
  port: number;
}

/** Port of a NameNode's web server in Hadoop 3 (`dfs.namenode.http-address`). */
const defaultNameNodePort = 9870;

const examples = 'file:///var/lib/sluice/warehouse or webhdfs://namenode1:9870,namenode2:9870/warehouse';

/** Understands `file:///DIR` and `webhdfs://NN1[:PORT][,NN2[:PORT]]/PATH`; anything else is a BadInputError. */
export function parseWarehouseUrl(url: string): WarehouseAddress {
  const [, scheme, authority, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)$/i.exec(url) ?? [];
  if (scheme === undefined || authority === undefined) throw badUrl(url, `a URL such as ${examples}`);
  if (authority.includes('@')) throw badUrl(redact(url), 'no user in the URL; name it with --user');
  if (!path) throw badUrl(url, `a path after the host, such as ${examples}`);
  if (scheme === 'file') return parseFile(url);
  if (scheme === 'webhdfs') return parseWebHdfs(url, authority, path);
  throw badUrl(url, `file:// or webhdfs://, such as ${examples}`);
}

function parseFile(url: string): WarehouseAddress {
  try {
    return { kind: 'local', url, basePath: withoutEndSlash(fileURLToPath(url)) };
  } catch (cause) {
    throw badUrl(url, 'file:/// and an absolute path, such as file:///var/lib/sluice/warehouse', cause);
  }
}

function parseWebHdfs(url: string, authority: string, path: string): WarehouseAddress {
  const nameNodes = authority.split(',').map((text) => parseNameNode(url, text));
  const basePath = withoutEndSlash(decodePath(url, path));
  const components = basePath === '/' ? [] : basePath.slice(1).split('/');
  if (components.some((name) => name === '' || name === '.' || name === '..')) {
    throw badUrl(url, 'a path without empty, "." and ".." components');
  }
  return { kind: 'webhdfs', url, basePath, nameNodes };
}

function parseNameNode(url: string, text: string): NameNodeAddress {
  const [, ipv6, host, port] = /^(?:\[([0-9a-f:.]+)\]|([^[\]:\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const name = ipv6 ?? host;
  const number = port === undefined ? defaultNameNodePort : Number(port);
  if (!name || number < 1 || number > 65_535) {
    throw badUrl(url, `NameNodes as host or host:port between commas (got "${text}"), such as ${examples}`);
  }
  return { host: name, port: number };
}

function decodePath(url: string, path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw badUrl(url, 'a path in which % is followed by two hex digits', cause);
  }
}

function withoutEndSlash(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}

function redact(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}

function badUrl(url: string, expected: string, cause?: unknown): BadInputError {
  return new BadInputError(`warehouse URL: expected ${expected}; got "${url}"`, cause === undefined ? {} : { cause });
}
