import { fileURLToPath } from 'node:url';
import { BadInputError, withoutPassword } from '../../shared/index.ts';
import { parseS3Url, type S3Address } from './s3/s3-url.ts';

/** Where a warehouse is, as the user named it. `basePath` has no `/` at its end, except for the root itself. */
export type WarehouseAddress =
  | { kind: 'local'; url: string; basePath: string }
  | { kind: 'webhdfs'; url: string; basePath: string; service: WebHdfsService }
  | S3Address;

/** Who answers to WebHDFS requests, and how one speaks to them. */
export interface WebHdfsService {
  /**
   * - `name-nodes`: redirect to DataNodes for content; credentials are for them alone.
   * - `httpfs`: an HttpFS server, which moves the content itself.
   * - `gateway`: a proxy such as Apache Knox, whose redirects lead back to itself.
   */
  kind: 'name-nodes' | 'httpfs' | 'gateway';
  isTls: boolean;
  /** What stands before the path in HDFS: `/webhdfs/v1`, or a gateway's `/gateway/default/webhdfs/v1`. */
  prefix: string;
  /** Of one file system; a gateway is one. */
  servers: readonly NameNodeAddress[];
}

export interface NameNodeAddress {
  host: string;
  port: number;
}

interface Scheme {
  kind: WebHdfsService['kind'];
  isTls: boolean;
  defaultPort: number;
}

/** Ports as in Hadoop 3: `dfs.namenode.http-address`, `dfs.namenode.https-address`, `httpfs.http.port`. */
const schemes: Record<string, Scheme> = {
  webhdfs: { kind: 'name-nodes', isTls: false, defaultPort: 9870 },
  swebhdfs: { kind: 'name-nodes', isTls: true, defaultPort: 9871 },
  httpfs: { kind: 'httpfs', isTls: false, defaultPort: 14_000 },
  'httpfs+https': { kind: 'httpfs', isTls: true, defaultPort: 14_000 },
  'webhdfs+http': { kind: 'gateway', isTls: false, defaultPort: 80 },
  'webhdfs+https': { kind: 'gateway', isTls: true, defaultPort: 443 },
};

const webHdfsPrefix = '/webhdfs/v1';
const examples = 'file:///var/lib/sluice/warehouse or webhdfs://namenode1:9870,namenode2:9870/warehouse';
const gatewayExample = 'webhdfs+https://knox:8443/gateway/default/webhdfs/v1/warehouse';

/**
 * Understands `file:///DIR`, `webhdfs://NN1[:PORT][,NN2[:PORT]]/PATH` and `swebhdfs://` (the same over TLS), `httpfs://` and
 * `httpfs+https://HOST[:PORT]/PATH`, and the address of a gateway with `webhdfs+` before it:
 * `webhdfs+https://HOST[:PORT]/PREFIX/webhdfs/v1/PATH`; and `s3://BUCKET/PREFIX` (`parseS3Url`). Anything else is a BadInputError.
 */
export function parseWarehouseUrl(url: string): WarehouseAddress {
  if (/^s3:\/\//i.test(url)) return parseS3Url(url);
  const [, scheme, authority, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)$/i.exec(url) ?? [];
  if (scheme === undefined || authority === undefined) throw badUrl(url, `a URL such as ${examples}`);
  if (authority.includes('@')) throw badUrl(withoutPassword(url), 'no user in the URL; name it with --user');
  if (!path) throw badUrl(url, `a path after the host, such as ${examples}`);
  if (scheme === 'file') return parseFile(url);
  const known = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (known) return parseWebHdfs(url, known, authority, path);
  if (/^s3[an]$/i.test(scheme)) throw badUrl(url, 's3://BUCKET/PREFIX, whatever client the readers use');
  if (/^(gs|abfss?|wasbs?)$/i.test(scheme)) {
    throw badUrl(url, `a store that refuses a taken name, such as ${examples}, or s3://; this one is not spoken to`);
  }
  const others = 'swebhdfs://, httpfs://, webhdfs+https:// in front of a gateway, or s3://BUCKET/PREFIX';
  throw badUrl(url, `file:// or webhdfs://, such as ${examples} (also ${others})`);
}

function parseFile(url: string): WarehouseAddress {
  try {
    return { kind: 'local', url, basePath: withoutEndSlash(fileURLToPath(url)) };
  } catch (cause) {
    throw badUrl(url, 'file:/// and an absolute path, such as file:///var/lib/sluice/warehouse', cause);
  }
}

function parseWebHdfs(url: string, scheme: Scheme, authority: string, path: string): WarehouseAddress {
  const { kind, isTls } = scheme;
  const servers = authority.split(',').map((text) => parseServer(url, text, scheme.defaultPort));
  const decoded = withoutEndSlash(decodePath(url, path));
  const { prefix, basePath } =
    kind === 'gateway' ? splitGatewayPath(url, decoded) : { prefix: webHdfsPrefix, basePath: decoded };
  const components = basePath === '/' ? [] : basePath.slice(1).split('/');
  if (components.some((name) => name === '' || name === '.' || name === '..')) {
    throw badUrl(url, 'a path without empty, "." and ".." components');
  }
  if (kind !== 'name-nodes' && servers.length > 1) throw badUrl(url, 'one host of an HttpFS server or gateway');
  return { kind: 'webhdfs', url, basePath, service: { kind, isTls, prefix, servers } };
}

/** `/gateway/default/webhdfs/v1/warehouse`: what comes after the first `/webhdfs/v1` is the path in HDFS. */
function splitGatewayPath(url: string, path: string): { prefix: string; basePath: string } {
  const [, prefix, basePath] = /^(.*?\/webhdfs\/v1)(\/.+)$/.exec(path) ?? [];
  if (prefix === undefined || basePath === undefined) {
    throw badUrl(url, `a gateway's path up to /webhdfs/v1 and the path in HDFS behind it, such as ${gatewayExample}`);
  }
  return { prefix, basePath };
}

function parseServer(url: string, text: string, defaultPort: number): NameNodeAddress {
  const [, ipv6, host, port] = /^(?:\[([0-9a-f:.]+)\]|([^[\]:\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const name = ipv6 ?? host;
  const number = port === undefined ? defaultPort : Number(port);
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

function badUrl(url: string, expected: string, cause?: unknown): BadInputError {
  return new BadInputError(`warehouse URL: expected ${expected}; got "${url}"`, cause === undefined ? {} : { cause });
}
