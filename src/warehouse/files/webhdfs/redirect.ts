import { WarehouseError } from '../warehouse-error.ts';
import type { WebHdfsService } from '../warehouse-url.ts';
import { redactSecrets } from './webhdfs-auth.ts';

/** Where the data of a file is sent to or fetched from: one DataNode, or the gateway again. */
export interface DataAddress {
  host: string;
  port: number;
  /** With the query, which may hold a delegation token: never log it. */
  path: string;
}

/**
 * Follows a redirect on paper: same scheme, no user in it, and
 * - from a NameNode: a WebHDFS path on a host of the allow-list when there is one (`datanode7.example.com`, or
 *   `.example.com` for all below it). Credentials of ours are never sent there;
 * - from a gateway or HttpFS: back to the server that answered, wherever there. Such a server gets our credentials again, so
 *   no other host will do.
 */
export function parseRedirect(
  location: string | undefined,
  service: Pick<WebHdfsService, 'kind' | 'isTls' | 'servers'>,
  allowedHosts: readonly string[] | undefined,
): DataAddress {
  const protocol = service.isTls ? 'https:' : 'http:';
  const url = parse(location);
  if (url?.protocol !== protocol) throw refused(location, `an ${protocol}// address`);
  if (url.username || url.password) throw refused(location, 'an address without a user');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: Number(url.port || (service.isTls ? 443 : 80)), path: url.pathname + url.search };
  if (service.kind === 'name-nodes') checkDataNode(url, host, location, allowedHosts);
  else checkReturn(address, location, service.servers[0]!);
  return address;
}

function checkDataNode(url: URL, host: string, location: string | undefined, allowed: readonly string[] | undefined) {
  if (!url.pathname.startsWith('/webhdfs/v1/')) throw refused(location, 'a path below /webhdfs/v1/');
  if (!allowed || allowed.some((name) => isAllowed(host, name.toLowerCase()))) return;
  throw refused(location, `a host among ${allowed.join(', ')}`);
}

function checkReturn(address: DataAddress, location: string | undefined, server: { host: string; port: number }): void {
  if (address.host === server.host.toLowerCase() && address.port === server.port) return;
  throw refused(
    location,
    `the gateway ${server.host}:${server.port} itself, which has to rewrite redirects to DataNodes`,
  );
}

function isAllowed(host: string, allowed: string): boolean {
  return allowed.startsWith('.') ? host.endsWith(allowed) : host === allowed;
}

function parse(location: string | undefined): URL | null {
  try {
    return new URL(location ?? '');
  } catch {
    return null;
  }
}

function refused(location: string | undefined, expected: string): WarehouseError {
  const got = location === undefined ? 'none' : `"${redactSecrets(location)}"`;
  return new WarehouseError('refused-redirect', `expected a redirect to ${expected}, got ${got}`);
}
