import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import {
  ExchangeError,
  exchange,
  type HttpAnswer,
  type HttpTimeouts,
  isTlsRefusal,
  type TlsMaterial,
} from '../http-exchange.ts';
import { type AttemptFailure, type RetryContext, RetryRun } from '../retry-run.ts';
import { isWarehouseError, WarehouseError } from '../warehouse-error.ts';
import type { NameNodeAddress, WebHdfsService } from '../warehouse-url.ts';
import { classify, parseRemoteException, type RemoteException, toWarehouseError } from './remote-exception.ts';
import type { Credentials, WebHdfsAuth } from './webhdfs-auth.ts';

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

/** How all requests to one file system are made. */
export interface WebHdfsConnection extends RetryContext {
  service: WebHdfsService;
  auth: WebHdfsAuth;
  tls: TlsMaterial | null;
  timeouts: HttpTimeouts;
  /** Headers of every request; the one that Hadoop and Knox look for against cross-site forgery is among them. */
  headers: Record<string, string>;
}

/** A request that is ready to be sent to one server. */
export interface ReadyRequest {
  server: NameNodeAddress;
  path: string;
  headers: Record<string, string>;
  credentials: Credentials;
}

type Outcome =
  | { answer: HttpAnswer; exception: RemoteException | null }
  | (AttemptFailure & { wasSent: boolean; isRefusedLogin?: boolean });

/** Listings are the largest answers: at most `dfs.ls.limit` (1,000) entries of some 400 bytes, or a whole folder at once. */
const maxAnswerBytes = 64 * 1024 * 1024;
/** What one Buffer may sensibly hold. */
export const maxReadBytes = 2 ** 31 - 1;
const maxSockets = 16;
const idleSocketMs = 15_000; // below Jetty's own limit, so that we rarely write to a socket it is closing
/** A token that was lent a moment ago may not be known to the other NameNode yet; more refusals than this mean us. */
const maxLoginRefusals = 4;

/**
 * The NameNodes of one file system, of which one is active. A call is made again, on the next NameNode, for as long as the
 * answer is that of a standby, of one that is starting, in safe mode, or none at all. When a server does not take our
 * credentials, others are asked for and the call is made again: nothing was done.
 */
export class NameNodes {
  readonly #options: WebHdfsConnection;
  readonly #agent: Agent;
  #activeIndex = 0;

  constructor(options: WebHdfsConnection) {
    this.#options = options;
    const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: 4, timeout: idleSocketMs };
    this.#agent = options.tls ? new TlsAgent(agentOptions) : new Agent(agentOptions);
  }

  /** Resolves with the answer, also when it is a refusal that no repetition would change. */
  async call(call: NameNodeCall): Promise<NameNodeAnswer> {
    const run = call.run ?? new RetryRun(this.#options, `${call.op} ${call.path}`);
    const { servers } = this.#options.service;
    let wasUncertain = false;
    let loginRefusals = 0;
    for (let failures = 1; ; failures++) {
      const index = this.#activeIndex;
      const outcome = await this.#attempt(servers[index]!, call);
      if ('answer' in outcome) return { ...outcome.answer, exception: outcome.exception, wasUncertain };
      if (outcome.isRefusedLogin && ++loginRefusals > maxLoginRefusals) throw outcome.error;
      wasUncertain ||= outcome.wasSent;
      const isSameAgain = outcome.isRefusedLogin === true && loginRefusals === 1;
      if (!outcome.isRefusedLogin) this.#failOver(index);
      const isOtherServerUntried = isSameAgain || (!outcome.isRefusedLogin && failures % servers.length !== 0);
      await run.pause({ ...outcome, isOtherServerUntried }, call.signal);
    }
  }

  /** For a request whose body or answer is content: the caller sends it itself. */
  async prepare(call: NameNodeCall): Promise<ReadyRequest> {
    return await this.#ready(this.#options.service.servers[this.#activeIndex]!, call);
  }

  /** A DataNode or gateway did not take them. */
  refuse(refused: Credentials): void {
    this.#options.auth.refuse(this.#options.service.servers[this.#activeIndex]!, refused);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Calls run side by side: only the first that failed on a NameNode moves on to the next one. */
  #failOver(failedIndex: number): void {
    if (this.#activeIndex === failedIndex) this.#activeIndex = (failedIndex + 1) % this.#options.service.servers.length;
  }

  async #attempt(nameNode: NameNodeAddress, call: NameNodeCall): Promise<Outcome> {
    const what = `${call.op} ${call.path}`;
    let ready: ReadyRequest;
    try {
      ready = await this.#ready(nameNode, call);
    } catch (error) {
      if (isWarehouseError(error) && error.isRetriable) return { error, wasSent: false }; // the KDC is away
      throw error;
    }
    try {
      const answer = await this.#exchange(ready, call);
      this.#options.auth.noteAnswer(nameNode, answer);
      return this.#judge(answer, ready, what);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (error.code === 'too-large') throw new WarehouseError('too-large', `${what}: ${error.message}`);
      if (isTlsRefusal(error)) throw untrusted(what, error);
      const unavailable = new WarehouseError('unavailable', `${what}: ${error.message}`, {
        cause: error,
        isRetriable: true,
      });
      return { error: unavailable, wasSent: error.wasSent };
    }
  }

  #judge(answer: HttpAnswer, { server, credentials }: ReadyRequest, what: string): Outcome {
    if (answer.status < 400) return { answer, exception: null };
    const exception = parseRemoteException(answer.body);
    const trouble = exception === null ? null : classify(exception);
    const isToken = trouble === 'refused-token' && credentials.query['delegation'] !== undefined;
    if (isToken || answer.status === 401 || isRefusedProof(exception, credentials)) {
      const error = loginRefused(server, what, answer.status, exception);
      if (!this.#options.auth.refuse(server, credentials)) throw error;
      return { error, wasSent: false, isRefusedLogin: true };
    }
    if (exception === null) return { error: notWebHdfs(server, what, answer.status), wasSent: false };
    if (trouble === 'other' || trouble === 'no-data-node' || trouble === 'refused-token') return { answer, exception };
    const error = toWarehouseError(exception, what);
    return { error, isSafeMode: trouble === 'safe-mode', wasSent: trouble === 'lost-name-node' };
  }

  async #ready(server: NameNodeAddress, call: NameNodeCall): Promise<ReadyRequest> {
    const { auth, headers, service } = this.#options;
    const credentials = await auth.credentials(server, call.signal);
    const path = requestPath(service.prefix, call.path, { op: call.op, ...credentials.query, ...call.query });
    return { server, path, headers: { ...headers, ...credentials.headers }, credentials };
  }

  async #exchange({ server, path, headers }: ReadyRequest, call: NameNodeCall): Promise<HttpAnswer> {
    const { timeouts, tls } = this.#options;
    return await exchange({
      method: call.method,
      host: server.host,
      port: server.port,
      path,
      tls,
      headers,
      agent: this.#agent,
      timeouts: call.isDownload ? { ...timeouts, totalMs: 0 } : timeouts,
      maxBodyBytes: call.isDownload ? maxReadBytes : maxAnswerBytes,
      signal: call.signal,
    });
  }
}

function requestPath(prefix: string, path: string, query: Record<string, string>): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${prefix}${encoded}?${pairs.join('&')}`;
}

/** Hadoop answers 403 with a page to a Kerberos proof or cookie that is not as it should be. */
function isRefusedProof(exception: RemoteException | null, { headers }: Credentials): boolean {
  if (headers['Authorization'] === undefined && headers['Cookie'] === undefined) return false;
  return exception !== null && /^(GSSException|AuthenticationException|SignerException)$/.test(exception.name);
}

function loginRefused(
  { host, port }: NameNodeAddress,
  what: string,
  status: number,
  exception: RemoteException | null,
): WarehouseError {
  const reason = exception ? `${exception.name}: ${exception.message}` : 'it asks for authentication';
  const message = `${what}: ${host}:${port} does not accept who we are (HTTP ${status}, ${reason}); see "auth" in the HDFS settings`;
  return new WarehouseError('permission-denied', message);
}

export function untrusted(what: string, error: ExchangeError): WarehouseError {
  const advice =
    'see "tls" in the HDFS settings: the authority to trust, the host name in the certificate, our own certificate';
  return new WarehouseError('untrusted', `${what}: ${error.message} (${error.code}); ${advice}`, { cause: error });
}

/** An error page without a RemoteException: a web server that is still loading, a proxy, or no NameNode at all. */
function notWebHdfs(nameNode: NameNodeAddress, what: string, status: number): WarehouseError {
  const message = `${what}: expected an answer of WebHDFS from ${nameNode.host}:${nameNode.port}, got HTTP ${status} without one; is it the NameNode's http address?`;
  return new WarehouseError('remote', message, { isRetriable: true });
}
