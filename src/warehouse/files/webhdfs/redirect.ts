import { WarehouseError } from '../warehouse-error.ts';
import { redactSecrets } from './webhdfs-auth.ts';

/** Where the data of a file is sent to or fetched from: one DataNode (or the HttpFS gateway again). */
export interface DataAddress {
  host: string;
  port: number;
  /** With the query, which may hold a delegation token: never log it. */
  path: string;
}

/**
 * Follows a redirect of a NameNode on paper: same scheme, a WebHDFS path, no user in it, and a host of the allow-list when
 * there is one (`datanode7.example.com`, or `.example.com` for all below it). Credentials of ours are never sent there.
 */
export function parseRedirect(location: string | undefined, allowedHosts: readonly string[] | undefined): DataAddress {
  const url = parse(location);
  if (url?.protocol !== 'http:') throw refused(location, 'an http:// address');
  if (url.username || url.password) throw refused(location, 'an address without a user');
  if (!url.pathname.startsWith('/webhdfs/v1/')) throw refused(location, 'a path below /webhdfs/v1/');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (allowedHosts && !allowedHosts.some((allowed) => isAllowed(host, allowed.toLowerCase()))) {
    throw refused(location, `a host among ${allowedHosts.join(', ')}`);
  }
  return { host, port: Number(url.port || 80), path: url.pathname + url.search };
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
