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
import { readHdfsSettings, readTlsMaterial } from './hdfs-settings.ts';
import type { HttpTimeouts } from './http-exchange.ts';
import { LocalFiles } from './local-files.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retry-run.ts';
import { checkS3, s3Options } from './s3/open-s3.ts';
import { S3Files } from './s3/s3-files.ts';
import { isWarehouseError } from './warehouse-error.ts';
import type { WarehouseFiles } from './warehouse-files.ts';
import { parseWarehouseUrl, type WarehouseAddress } from './warehouse-url.ts';
import { openAuth } from './webhdfs/auth/open-auth.ts';
import { WebHdfsFiles, type WebHdfsOptions } from './webhdfs/webhdfs-files.ts';

export interface OpenWarehouseOptions {
  /** Who we are for HDFS; when left out `$HADOOP_USER_NAME`, then the user of this process, as Hadoop's own clients do. */
  user?: string | undefined;
  /** File of HDFS settings (authentication, TLS, permissions); when left out the one that `$SLUICE_HDFS_CONFIG` names. */
  hdfsConfig?: string | undefined;
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

const defaultTimeouts: HttpTimeouts = {
  connectMs: 10_000,
  idleMs: 60_000,
  totalMs: 120_000,
  continueMs: 5_000,
  refusalMs: 200,
};

/**
 * Opens the warehouse at `file:///DIR`, `webhdfs://NN1[:PORT][,NN2[:PORT]]/PATH`, `s3://BUCKET/PREFIX` or one of the other addresses that
 * `parseWarehouseUrl` knows, and makes sure that it can be used. Throws
 * BadInputError when it cannot because of what the user named: the URL, the host, the folder, the rights.
 */
export async function openWarehouse(url: string, options: OpenWarehouseOptions = {}): Promise<WarehouseFiles> {
  const address = parseWarehouseUrl(url);
  const isForWriting = (options.access ?? 'write') === 'write';
  if (address.kind === 'local') return await openLocal(address, isForWriting, options);
  if (address.kind === 's3') return await openS3(address, isForWriting, options);
  return await openWebHdfs(address, isForWriting, options);
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

/** The warehouse in HDFS itself, for those who need to know more about it than its interface tells. */
export async function openWebHdfs(
  address: Address<'webhdfs'>,
  isForWriting: boolean,
  options: OpenWarehouseOptions,
): Promise<WebHdfsFiles> {
  const settings = webHdfsOptions(address, options);
  await checkHosts(address);
  const { giveUpAfterMs } = settings.policy;
  settings.policy.giveUpAfterMs = options.openTimeoutMs ?? defaultOpenTimeoutMs;
  const files = new WebHdfsFiles(settings);
  try {
    await checkWebHdfs(files, isForWriting, options.signal);
  } catch (cause) {
    await files.close();
    options.signal?.throwIfAborted();
    throw unusable(address.url, isForWriting, cause);
  }
  settings.policy.giveUpAfterMs = giveUpAfterMs; // from here on it is work, which has more patience
  return files;
}

/** The warehouse in a bucket itself. A store on which exactly-once cannot rest is refused by the name of what it lacks. */
export async function openS3(
  address: Address<'s3'>,
  isForWriting: boolean,
  options: OpenWarehouseOptions,
): Promise<S3Files> {
  const { clock = systemClock, logger = silentLogger, random = Math.random } = options;
  const policy = { ...defaultRetryPolicy, ...options.retry };
  const { giveUpAfterMs } = policy;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const files = new S3Files(s3Options(address, { policy, clock, random, logger, timeouts }));
  policy.giveUpAfterMs = options.openTimeoutMs ?? defaultOpenTimeoutMs;
  try {
    await checkS3(files, address.prefix, isForWriting, options.signal);
  } catch (cause) {
    await files.close();
    options.signal?.throwIfAborted();
    throw unusable(address.url, isForWriting, cause);
  }
  policy.giveUpAfterMs = giveUpAfterMs;
  return files;
}

function webHdfsOptions({ url, basePath, service }: Address<'webhdfs'>, options: OpenWarehouseOptions): WebHdfsOptions {
  const { clock = systemClock, logger = silentLogger, random = Math.random } = options;
  const settings = readHdfsSettings(options.hdfsConfig ?? null);
  const connection = {
    service,
    tls: service.isTls ? readTlsMaterial(settings.tls) : null,
    headers: { [settings.csrfHeader]: 'sluice' },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    policy: { ...defaultRetryPolicy, ...options.retry },
    ...{ clock, logger, random },
  };
  const who = { user: () => options.user ?? defaultUser(), doAs: settings.doAs };
  return {
    ...connection,
    ...{ url, basePath, created: settings.create },
    auth: openAuth(settings.auth, who, connection),
    redirectHosts: options.redirectHosts ?? settings.redirectHosts,
  };
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
  const { servers } = address.service;
  const looks = await Promise.allSettled(servers.map(({ host }) => lookup(host)));
  if (looks.some((look) => look.status === 'fulfilled')) return;
  const hosts = servers.map(({ host }) => host).join(', ');
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
