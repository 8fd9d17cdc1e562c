import { lookup } from 'node:dns/promises';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import {
  BadInputError,
  type Clock,
  describeError,
  type Logger,
  silentLogger,
  systemClock,
} from '../../shared/index.ts';
import { LocalFiles } from './local-files.ts';
import type { RetryPolicy } from './retry-run.ts';
import { isWarehouseError } from './warehouse-error.ts';
import type { WarehouseFiles } from './warehouse-files.ts';
import { parseWarehouseUrl, type WarehouseAddress } from './warehouse-url.ts';
import type { HttpTimeouts } from './webhdfs/http-exchange.ts';
import { simpleAuth } from './webhdfs/webhdfs-auth.ts';
import { WebHdfsFiles } from './webhdfs/webhdfs-files.ts';

export interface OpenWarehouseOptions {
  /** Who we are for HDFS; when left out `$HADOOP_USER_NAME`, then the user of this process, as Hadoop's own clients do. */
  user?: string | undefined;
  /** `write` (when left out) creates the warehouse's folder and checks that we may write there; `read` requires it to exist. */
  access?: 'read' | 'write';
  logger?: Logger;
  clock?: Clock;
  random?: () => number;
  /** How long a file system that does not answer is waited for before we give up opening it. */
  openTimeoutMs?: number;
  retry?: Partial<RetryPolicy>;
  timeouts?: Partial<HttpTimeouts>;
  redirectHosts?: readonly string[];
  signal?: AbortSignal;
}

const defaultOpenTimeoutMs = 60_000;

/**
 * Opens the warehouse at `file:///DIR` or `webhdfs://NN1[:PORT][,NN2[:PORT]]/PATH` and makes sure that it can be used. Throws
 * BadInputError when it cannot because of what the user named: the URL, the host, the folder, the rights.
 */
export async function openWarehouse(url: string, options: OpenWarehouseOptions = {}): Promise<WarehouseFiles> {
  const address = parseWarehouseUrl(url);
  const isForWriting = (options.access ?? 'write') === 'write';
  return address.kind === 'local'
    ? await openLocal(address, isForWriting, options)
    : await openWebHdfs(address, isForWriting, options);
}

type Address<Kind> = Extract<WarehouseAddress, { kind: Kind }>;

async function openLocal(
  address: Address<'local'>,
  isForWriting: boolean,
  options: OpenWarehouseOptions,
): Promise<WarehouseFiles> {
  const files = new LocalFiles({ ...address, ...(options.clock && { clock: options.clock }) });
  try {
    if (isForWriting) await files.mkdirs('/');
    const found = await stat(address.basePath);
    if (!found.isDirectory()) throw new Error('it is a file');
    await access(address.basePath, isForWriting ? constants.W_OK | constants.X_OK : constants.R_OK | constants.X_OK);
    return files;
  } catch (cause) {
    throw unusable(address.url, isForWriting, cause);
  }
}

async function openWebHdfs(
  address: Address<'webhdfs'>,
  isForWriting: boolean,
  options: OpenWarehouseOptions,
): Promise<WarehouseFiles> {
  const { clock = systemClock, logger = silentLogger, random = Math.random, signal } = options;
  const { url, basePath, nameNodes } = address;
  const auth = simpleAuth(options.user ?? defaultUser());
  const { retry, timeouts, redirectHosts } = options;
  const common = { url, basePath, nameNodes, auth, clock, logger, random, timeouts, redirectHosts };
  const giveUpAfterMs = options.openTimeoutMs ?? defaultOpenTimeoutMs;
  await checkHosts(address);
  const probe = new WebHdfsFiles({ ...common, retry: { ...retry, giveUpAfterMs } });
  try {
    await checkWebHdfs(probe, isForWriting, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw unusable(url, isForWriting, cause);
  } finally {
    await probe.close();
  }
  return new WebHdfsFiles({ ...common, retry });
}

async function checkWebHdfs(
  files: WebHdfsFiles,
  isForWriting: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal ? { signal } : {};
  const found = await files.stat('/', options);
  if (found?.type === 'file') throw new Error('it is a file');
  if (!found && !isForWriting) throw new Error('there is no such folder');
  if (!isForWriting) return;
  if (!found) await files.mkdirs('/', options);
  await files.checkWritable(options);
}

/** What the user can mend is bad input; a file system that is only away for now keeps its own, retriable error. */
function unusable(url: string, isForWriting: boolean, cause: unknown): Error {
  if (isWarehouseError(cause, 'unavailable')) return cause;
  const purpose = isForWriting ? 'written to' : 'read';
  return new BadInputError(`the warehouse ${url} cannot be ${purpose}: ${describeError(cause)}`);
}

/** A name that nobody knows will not become known by waiting; one known NameNode is enough to begin. */
async function checkHosts(address: Address<'webhdfs'>): Promise<void> {
  const looks = await Promise.allSettled(address.nameNodes.map(({ host }) => lookup(host)));
  if (looks.some((look) => look.status === 'fulfilled')) return;
  const hosts = address.nameNodes.map(({ host }) => host).join(', ');
  const [first] = looks as PromiseRejectedResult[];
  throw new BadInputError(
    `the warehouse ${address.url} cannot be reached: unknown host ${hosts} (${describeError(first?.reason)})`,
  );
}

function defaultUser(): string {
  const named = process.env['HADOOP_USER_NAME'];
  if (named) return named;
  try {
    return userInfo().username;
  } catch (cause) {
    throw new BadInputError('this process has no user name; say who to be for HDFS with --user NAME', { cause });
  }
}
