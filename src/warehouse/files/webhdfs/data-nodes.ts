import { lookup } from 'node:dns/promises';
import { describeError } from '../../../shared/index.ts';
import { ExchangeError, exchange, type HttpAnswer, isTlsRefusal } from '../http-exchange.ts';
import { type AttemptFailure, RetryRun } from '../retry-run.ts';
import { sourceSize } from '../source-file.ts';
import { isWarehouseError, WarehouseError } from '../warehouse-error.ts';
import type { FileSource } from '../warehouse-files.ts';
import { maxReadBytes, type NameNodeCall, type NameNodes, untrusted, type WebHdfsConnection } from './name-nodes.ts';
import { type DataAddress, parseRedirect } from './redirect.ts';
import { classify, parseRemoteException, type RemoteException, toWarehouseError } from './remote-exception.ts';
import { sendSource } from './source-body.ts';
import type { Credentials } from './webhdfs-auth.ts';

export interface DataNodesOptions extends WebHdfsConnection {
  nameNodes: NameNodes;
  /** Hosts a NameNode may redirect to; any when left out. */
  redirectHosts?: readonly string[] | undefined;
}

/** `lost` (and why): the file may be there, whole or short, or may still appear. `refused`: it is not there, or it is useless. */
export type UploadOutcome = 'created' | { lost: string } | Refusal;

export interface Refusal {
  refused: RemoteException;
}

/** Where a NameNode sends us; without a target its answer is all there is. */
interface Route {
  target: Target | null;
  body: Buffer;
}

interface Target extends DataAddress {
  headers: Record<string, string>;
  /** What the server is shown to know us, as far as we know it. */
  credentials: Credentials;
}

interface TransferFailure extends AttemptFailure {
  /** The server said itself that it failed: nothing of the attempt is running any more. */
  wasAnswered: boolean;
}

/** A DataNode that failed us is not asked for again for this long: the NameNode takes minutes to see that one is dead. */
const suspectMs = 60_000;

/** Content of files: a NameNode says which DataNode has it or takes it, and each transfer has a connection of its own. */
export class DataNodes {
  readonly #options: DataNodesOptions;
  readonly #suspectUntilMs = new Map<string, number>();
  #carefulUntilMs = 0;

  constructor(options: DataNodesOptions) {
    this.#options = options;
  }

  /**
   * One file. Made again under the same name only after an attempt that a DataNode answered (so that none is running any
   * more) and that failed before it created the file: safe mode, a change of NameNodes.
   */
  async upload(
    path: string,
    source: FileSource,
    settings: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<UploadOutcome> {
    // SYNC_BLOCK: each DataNode syncs a block to its disk before it reports it as written.
    const query = { overwrite: 'false', createflag: 'CREATE,SYNC_BLOCK', ...settings };
    let answeredCount = 0;
    const call = { method: 'PUT', op: 'CREATE', path, query, signal } as const;
    return await this.#transfer<UploadOutcome>(call, async ({ target }) => {
      if (target === null) return { lost: 'the server took the request without a word about where to' };
      const outcome = await this.#put(target, path, source, signal);
      const isTaken = isRefusal(outcome) && toWarehouseError(outcome.refused, '').code === 'already-exists';
      if (isTaken && answeredCount > 0) return { lost: outcome.refused.message }; // taken by ourselves, perhaps
      if (isFailure(outcome) && outcome.wasAnswered) answeredCount++;
      return outcome;
    });
  }

  /** The bytes, or the exception with which HDFS refused. */
  async download(
    path: string,
    range: { offset: number; length: number | undefined },
    signal: AbortSignal | undefined,
  ): Promise<Buffer | Refusal> {
    const query: Record<string, string> = { offset: String(range.offset) };
    if (range.length !== undefined) query['length'] = String(range.length);
    const call = { method: 'GET', op: 'OPEN', path, query, signal, isDownload: true } as const;
    return await this.#transfer<Buffer>(call, async ({ target, body }) => {
      if (target === null) return body; // HttpFS has it at hand
      return await this.#get(target, path, range.length, signal);
    });
  }

  /** Asks for a DataNode and transfers, until that is done, refused, or has failed for too long. */
  async #transfer<T>(
    call: NameNodeCall & { query: Record<string, string> },
    send: (route: Route) => Promise<T | Refusal | TransferFailure>,
  ): Promise<T | Refusal> {
    const run = new RetryRun(this.#options, `${call.op} ${call.path}`);
    for (;;) {
      const route = await this.#route({ ...call, run });
      const outcome = 'body' in route ? await send(route) : route;
      if (!isFailure(outcome)) return outcome;
      await run.pause(outcome, call.signal);
    }
  }

  async #route(call: NameNodeCall & { query: Record<string, string> }): Promise<Route | Refusal | TransferFailure> {
    const { nameNodes, service } = this.#options;
    if (service.kind === 'httpfs' && call.op === 'CREATE') return await this.#direct(call);
    const excluded = await this.#suspects();
    const query = excluded.length > 0 ? { ...call.query, excludedatanodes: excluded.join(',') } : call.query;
    const answer = await nameNodes.call({ ...call, query });
    if (answer.exception === null) {
      const { location } = answer.headers;
      const target = location === undefined ? null : await this.#followed(location, call);
      return { target, body: answer.body };
    }
    if (classify(answer.exception) === 'no-data-node') this.#suspectUntilMs.clear(); // better a doubtful one than none
    return judge(answer.exception, call);
  }

  /** HttpFS takes the content with the first request when that says so. */
  async #direct(call: NameNodeCall): Promise<Route | TransferFailure> {
    try {
      const ready = await this.#options.nameNodes.prepare({ ...call, query: { ...call.query, data: 'true' } });
      return { target: { ...ready, ...ready.server }, body: Buffer.alloc(0) };
    } catch (error) {
      if (isWarehouseError(error) && error.isRetriable) return { error, wasAnswered: false };
      throw error;
    }
  }

  /** A DataNode finds all it needs in the address; a gateway, which leads back to itself, wants to know us again. */
  async #followed(location: string, call: NameNodeCall): Promise<Target> {
    const { headers, nameNodes, redirectHosts, service } = this.#options;
    const address = parseRedirect(location, service, redirectHosts);
    const delegation = new URLSearchParams(address.path.slice(address.path.indexOf('?'))).get('delegation');
    const shown = delegation === null ? {} : { delegation };
    if (service.kind === 'name-nodes') return { ...address, headers, credentials: { query: shown, headers: {} } };
    const { credentials } = await nameNodes.prepare(call);
    return { ...address, headers: { ...headers, ...credentials.headers }, credentials };
  }

  async #put(
    target: Target,
    path: string,
    source: FileSource,
    signal: AbortSignal | undefined,
  ): Promise<UploadOutcome | TransferFailure> {
    const { clock, timeouts } = this.#options;
    try {
      const answer = await exchange({
        ...this.#request(target, signal),
        method: 'PUT',
        headers: {
          ...target.headers,
          'Content-Type': 'application/octet-stream', // HttpFS insists on it
          'Content-Length': String(sourceSize(source)),
        },
        maxBodyBytes: 1024 * 1024,
        sendBody: async (request) => {
          if (clock.monotonicMs() < this.#carefulUntilMs) await clock.sleep(timeouts.refusalMs, signal);
          await sendSource(source, request);
        },
      });
      if (answer.status === 201 || answer.status === 200) return 'created';
      const exception = parseRemoteException(answer.body);
      const isUnknown = this.#noteRefusal(target, answer, exception);
      if (exception === null && !isUnknown) return { lost: `HTTP ${answer.status} without a RemoteException` };
      return isUnknown
        ? unknownToServer(`CREATE ${path}`, target, exception)
        : judgeUpload(exception!, { op: 'CREATE', path });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (isTlsRefusal(error)) throw untrusted(`CREATE ${path}`, error);
      this.#suspect(target, error);
      if (!error.wasSent) return unreachable(`CREATE ${path}`, error);
      this.#carefulUntilMs = clock.monotonicMs() + suspectMs;
      return { lost: error.message };
    }
  }

  async #get(
    target: Target,
    path: string,
    length: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Buffer | Refusal | TransferFailure> {
    let answer: HttpAnswer;
    try {
      answer = await exchange({
        ...this.#request(target, signal),
        method: 'GET',
        headers: target.headers,
        maxBodyBytes: length ?? maxReadBytes,
      });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (error.code === 'too-large') throw new WarehouseError('too-large', `OPEN ${path}: ${error.message}`);
      if (isTlsRefusal(error)) throw untrusted(`OPEN ${path}`, error);
      this.#suspect(target, error);
      return unreachable(`OPEN ${path}`, error);
    }
    if (answer.status < 400) return answer.body;
    const exception = parseRemoteException(answer.body);
    if (this.#noteRefusal(target, answer, exception)) return unknownToServer(`OPEN ${path}`, target, exception);
    if (exception) return judge(exception, { op: 'OPEN', path });
    const error = new Error(`${target.host}:${target.port}: HTTP ${answer.status} without a RemoteException`);
    return unreachable(`OPEN ${path}`, error);
  }

  #request({ host, port, path }: Target, signal: AbortSignal | undefined) {
    const { timeouts, tls } = this.#options;
    return { host, port, path, tls, agent: false as const, timeouts: { ...timeouts, totalMs: 0 }, signal };
  }

  /** True when the server did not take our credentials: nothing was done, and others are to be used next. */
  #noteRefusal(target: Target, answer: HttpAnswer, exception: RemoteException | null): boolean {
    const isToken = exception !== null && classify(exception) === 'refused-token';
    if (!isToken && answer.status !== 401) return false;
    this.#options.nameNodes.refuse(target.credentials);
    return true;
  }

  #suspect(target: DataAddress, error: Error): void {
    const { clock, logger } = this.#options;
    this.#suspectUntilMs.set(target.host, clock.monotonicMs() + suspectMs);
    logger.warn({ dataNode: `${target.host}:${target.port}`, reason: describeError(error) }, 'DataNodeFailed');
  }

  /** For `excludedatanodes`: the NameNode looks them up by IP address, while its redirects often hold names. */
  async #suspects(): Promise<string[]> {
    const nowMs = this.#options.clock.monotonicMs();
    const hosts = new Set<string>();
    for (const [host, untilMs] of this.#suspectUntilMs) {
      if (untilMs <= nowMs) this.#suspectUntilMs.delete(host);
      else hosts.add(host);
    }
    for (const host of [...hosts]) hosts.add((await lookup(host).catch(() => null))?.address ?? host);
    return [...hosts];
  }
}

function isFailure<T>(outcome: T | TransferFailure): outcome is TransferFailure {
  return typeof outcome === 'object' && outcome !== null && 'error' in outcome;
}

function isRefusal<T>(outcome: T | Refusal): outcome is Refusal {
  return typeof outcome === 'object' && outcome !== null && 'refused' in outcome;
}

function judge(exception: RemoteException, call: { op: string; path: string }): Refusal | TransferFailure {
  const trouble = classify(exception);
  if (trouble === 'other') return { refused: exception };
  const error = toWarehouseError(exception, `${call.op} ${call.path}`);
  return { error, isSafeMode: trouble === 'safe-mode', wasAnswered: true };
}

/** Blocks are asked for after the file was created: trouble with them, or of a kind unknown to us, leaves a useless file. */
function judgeUpload(exception: RemoteException, call: { op: string; path: string }): UploadOutcome | TransferFailure {
  const { code, message } = toWarehouseError(exception, call.op);
  if (code === 'no-space') return { refused: exception };
  if (code === 'remote' || classify(exception) === 'no-data-node') return { lost: message };
  return judge(exception, call);
}

function unknownToServer(what: string, { host, port }: Target, exception: RemoteException | null): TransferFailure {
  const reason = exception?.message ?? 'it asks for authentication';
  const message = `${what}: ${host}:${port} does not accept who we are: ${reason}`;
  return { error: new WarehouseError('permission-denied', message, { isRetriable: true }), wasAnswered: true };
}

function unreachable(what: string, cause: Error): TransferFailure {
  const error = new WarehouseError('unavailable', `${what}: ${cause.message}`, { cause, isRetriable: true });
  return { error, wasAnswered: false };
}
