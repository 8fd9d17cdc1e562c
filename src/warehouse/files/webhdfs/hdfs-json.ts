import type { HttpAnswer } from '../http-exchange.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { FileStatus } from '../warehouse-files.ts';

/** A `FileStatus` object of WebHDFS. */
export interface HdfsStatus extends FileStatus {
  /** The inode: stays the same over a rename and is never given to another file. Null from an older HttpFS, which leaves it out. */
  fileId: number | null;
  /** Octal: `644`. */
  permission: string;
  owner: string;
  group: string;
  replication: number;
  /** Bytes of a block; 0 for folders. */
  blockSize: number;
}

/** `{"FileStatus": {...}}` */
export function parseStatus(body: Buffer): HdfsStatus {
  return toStatus(field(parseObject(body), 'FileStatus'));
}

/** `{"DirectoryListing": {"partialListing": {"FileStatuses": {"FileStatus": [...]}}, "remainingEntries": n}}` */
export function parseListing(body: Buffer): { children: HdfsStatus[]; remainingCount: number } {
  const listing = field(parseObject(body), 'DirectoryListing');
  const statuses = field(field(listing, 'partialListing'), 'FileStatuses')['FileStatus'];
  const remainingCount = listing['remainingEntries'];
  if (!Array.isArray(statuses) || typeof remainingCount !== 'number') throw unexpected('a DirectoryListing', listing);
  return { children: statuses.map((status) => toStatus(status as Json)), remainingCount };
}

/** `{"boolean": true}`; null when the body holds something else (a rename with options answers with nothing). */
export function parseBoolean(body: Buffer): boolean | null {
  if (body.length === 0) return null;
  const value = parseObject(body)['boolean'];
  return typeof value === 'boolean' ? value : null;
}

/** `{"Token": {"urlString": "..."}}`; a NameNode that runs without security answers `{"Token": null}`. */
export function parseToken(body: Buffer): string {
  const token = parseObject(body)['Token'];
  if (token === null) {
    throw new WarehouseError('unsupported', 'the server lends no delegation tokens: it runs without Kerberos');
  }
  const text = asObject(token)['urlString'];
  if (typeof text !== 'string' || !/^[\w-]+$/.test(text))
    throw new WarehouseError('remote', 'expected a delegation token');
  return text;
}

/** `{"long": 1320962673997}` */
export function parseLong(body: Buffer): number {
  const value = parseObject(body)['long'];
  if (typeof value !== 'number') throw unexpected('a number', value);
  return value;
}

/** The clock of the server that answered, to the second. Hadoop sends `Date` twice, from before and after its work; proxies join them. */
export function serverTimeMs(answer: HttpAnswer): number {
  const times: number[] = [];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    if (answer.rawHeaders[i]!.toLowerCase() !== 'date') continue;
    for (const text of answer.rawHeaders[i + 1]!.split(/(?<=GMT), */)) times.push(Date.parse(text));
  }
  const latestMs = Math.max(...times);
  if (!Number.isFinite(latestMs)) throw new WarehouseError('remote', "expected a Date header in the NameNode's answer");
  return latestMs;
}

type Json = Record<string, unknown>;

function toStatus(status: Json): HdfsStatus {
  const { pathSuffix, type, length, modificationTime, fileId } = status;
  const isComplete =
    typeof pathSuffix === 'string' && typeof length === 'number' && typeof modificationTime === 'number';
  if (!isComplete || typeof type !== 'string') throw unexpected('a FileStatus', status);
  const isFolder = type === 'DIRECTORY';
  return {
    name: pathSuffix,
    type: isFolder ? 'directory' : 'file',
    size: isFolder ? 0 : length,
    modifiedMs: modificationTime,
    fileId: typeof fileId === 'number' && fileId > 0 ? fileId : null,
    permission: String(status['permission'] ?? ''),
    owner: String(status['owner'] ?? ''),
    group: String(status['group'] ?? ''),
    replication: Number(status['replication'] ?? 0),
    blockSize: Number(status['blockSize'] ?? 0),
  };
}

function parseObject(body: Buffer): Json {
  try {
    return asObject(JSON.parse(body.toString()));
  } catch (cause) {
    if (cause instanceof WarehouseError) throw cause;
    const message = `expected JSON from WebHDFS, got "${body.toString('utf8', 0, 200)}"`;
    throw new WarehouseError('remote', message, { cause });
  }
}

function field(object: Json, name: string): Json {
  return asObject(object[name]);
}

function asObject(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw unexpected('an object', value);
  return value as Json;
}

function unexpected(expected: string, got: unknown): WarehouseError {
  return new WarehouseError('remote', `expected ${expected} from WebHDFS, got ${JSON.stringify(got)?.slice(0, 200)}`);
}
