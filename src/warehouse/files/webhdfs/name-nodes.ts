import { Agent } from 'node:http';
import { type AttemptFailure, type RetryContext, RetryRun } from '../retry-run.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { NameNodeAddress } from '../warehouse-url.ts';
import { ExchangeError, exchange, type HttpAnswer, type HttpTimeouts } from './http-exchange.ts';
import { classify, parseRemoteException, type RemoteException, toWarehouseError } from './remote-exception.ts';
import type { WebHdfsAuth } from './webhdfs-auth.ts';

/** One WebHDFS operation on one path of HDFS. */
export interface NameNodeCall {
  method: 'GET' | 'PUT' | 'DELETE';
  op: string;
  /** Absolute path in HDFS, not encoded. */
  path: string;
  query?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** HttpFS answers OPEN with the content itself: of any size, and for as long as bytes keep coming. */
  isDownload?: boolean;
  /** The attempts of a larger call that this one is part of; its own when left out. */
  run?: RetryRun;
}

/** What the active NameNode finally said. A lack of DataNodes is for the caller, who knows which ones it excluded. */
export interface NameNodeAnswer extends HttpAnswer {
  /** Why it refused; null when it did not. */
  exception: RemoteException | null;
  /** An earlier attempt got no answer and may have been carried out, or may even be carried out later. */
  wasUncertain: boolean;
}

export interface NameNodesOptions extends RetryContext {
  addresses: readonly NameNodeAddress[];
  auth: WebHdfsAuth;
  timeouts: HttpTimeouts;
}

/** Listings are the largest answers: at most `dfs.ls.limit` (1,000) entries of some 400 bytes, or a whole folder at once. */
const maxAnswerBytes = 64 * 1024 * 1024;
/** What one Buffer may sensibly hold. */
export const maxReadBytes = 2 ** 31 - 1;
const maxSockets = 16;
const idleSocketMs = 15_000; // below Jetty's own limit, so that we rarely write to a socket it is closing

/**
 * The NameNodes of one file system, of which one is active. A call is made again, on the next NameNode, for as long as the
 * answer is that of a standby, of one that is starting, in safe mode, or none at all.
 */
export class NameNodes {
  readonly #options: NameNodesOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets, maxFreeSockets: 4, timeout: idleSocketMs });
  #activeIndex = 0;

  constructor(options: NameNodesOptions) {
    this.#options = options;
  }

  /** Resolves with the answer, also when it is a refusal that no repetition would change. */
  async call(call: NameNodeCall): Promise<NameNodeAnswer> {
    const run = call.run ?? new RetryRun(this.#options, `${call.op} ${call.path}`);
    let wasUncertain = false;
    for (let failures = 1; ; failures++) {
      const index = this.#activeIndex;
      const outcome = await this.#attempt(this.#options.addresses[index]!, call);
      if ('answer' in outcome) return { ...outcome.answer, exception: outcome.exception, wasUncertain };
      wasUncertain ||= outcome.wasSent;
      this.#failOver(index);
      const isOtherServerUntried = failures % this.#options.addresses.length !== 0;
      await run.pause({ ...outcome, isOtherServerUntried }, call.signal);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Calls run side by side: only the first that failed on a NameNode moves on to the next one. */
  #failOver(failedIndex: number): void {
    if (this.#activeIndex === failedIndex) this.#activeIndex = (failedIndex + 1) % this.#options.addresses.length;
  }

  async #attempt(
    nameNode: NameNodeAddress,
    call: NameNodeCall,
  ): Promise<{ answer: HttpAnswer; exception: RemoteException | null } | (AttemptFailure & { wasSent: boolean })> {
    const what = `${call.op} ${call.path}`;
    try {
      const answer = await this.#exchange(nameNode, call);
      if (answer.status < 400) return { answer, exception: null };
      const exception = parseRemoteException(answer.body);
      if (exception === null) return { error: notWebHdfs(nameNode, what, answer.status), wasSent: false };
      const trouble = classify(exception);
      if (trouble === 'other' || trouble === 'no-data-node') return { answer, exception };
      const error = toWarehouseError(exception, what);
      return { error, isSafeMode: trouble === 'safe-mode', wasSent: trouble === 'lost-name-node' };
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (error.code === 'too-large') throw new WarehouseError('too-large', `${what}: ${error.message}`);
      const unavailable = new WarehouseError('unavailable', `${what}: ${error.message}`, {
        cause: error,
        isRetriable: true,
      });
      return { error: unavailable, wasSent: error.wasSent };
    }
  }

  async #exchange(nameNode: NameNodeAddress, call: NameNodeCall): Promise<HttpAnswer> {
    const { auth, timeouts } = this.#options;
    const { query, headers } = await auth.credentials(nameNode, call.signal);
    return await exchange({
      method: call.method,
      host: nameNode.host,
      port: nameNode.port,
      path: requestPath(call.path, { op: call.op, ...query, ...call.query }),
      headers,
      agent: this.#agent,
      timeouts: call.isDownload ? { ...timeouts, totalMs: 0 } : timeouts,
      maxBodyBytes: call.isDownload ? maxReadBytes : maxAnswerBytes,
      signal: call.signal,
    });
  }
}

function requestPath(path: string, query: Record<string, string>): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `/webhdfs/v1${encoded}?${pairs.join('&')}`;
}

/** An error page without a RemoteException: a web server that is still loading, a proxy, or no NameNode at all. */
function notWebHdfs(nameNode: NameNodeAddress, what: string, status: number): WarehouseError {
  const message = `${what}: expected an answer of WebHDFS from ${nameNode.host}:${nameNode.port}, got HTTP ${status} without one; is it the NameNode's http address?`;
  if (status === 401) return new WarehouseError('permission-denied', `${message} It asks for authentication.`);
  return new WarehouseError('remote', message, { isRetriable: true });
}
