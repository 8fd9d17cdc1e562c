import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';

/**
 * One HTTP request and its answer on node:http. Not fetch: undici takes the `100 Continue` that DataNodes send unasked for a
 * bad response, and follows redirects with a body that is gone.
 */
export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  host: string;
  port: number;
  path: string;
  headers?: Record<string, string>;
  /** Over TLS when given. */
  tls?: TlsMaterial | null;
  /** False: a connection of its own, closed afterwards. */
  agent: Agent | false;
  timeouts: HttpTimeouts;
  maxBodyBytes: number;
  /** Sends the request's body; called once the server is ready for it. */
  sendBody?: (request: ClientRequest) => Promise<void>;
  /** A body that is sent at once, in one piece. Without it and `sendBody` the request has none. */
  body?: Buffer;
  signal?: AbortSignal | undefined;
}

/** What a TLS connection trusts and shows, as PEM. Certificate and host name of the server are always checked. */
export interface TlsMaterial {
  /** Authorities to trust; those of Node.js when left out. */
  ca?: Buffer;
  /** Our own certificate (with its chain) and key, for servers that ask for one. */
  cert?: Buffer;
  key?: Buffer;
  passphrase?: string;
}

export interface HttpTimeouts {
  connectMs: number;
  /** Without a byte in either direction. */
  idleMs: number;
  /** From the connection to the end of the answer; 0: no limit (uploads and downloads are bounded by idleMs). */
  totalMs: number;
  /** How long a server may take to say `100 Continue` before the body is sent without. */
  continueMs: number;
  /**
   * A DataNode says `100 Continue` some milliseconds before the NameNode has let it create the file. When that is refused
   * while a large body is on its way, the closed socket swallows the reason: after a lost upload, the next ones wait this long
   * for a refusal.
   */
  refusalMs: number;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Name, value, name, value...: some servers send `Date` twice. */
  rawHeaders: string[];
  body: Buffer;
}

/** The exchange broke off. `wasSent`: the server may have carried it out. */
export class ExchangeError extends Error {
  readonly wasSent: boolean;
  readonly code: string;

  constructor(message: string, options: { wasSent: boolean; code: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ExchangeError';
    this.wasSent = options.wasSent;
    this.code = options.code;
  }
}

/** The certificate did not fit, or the other side does not speak TLS as we do: no repetition changes that. */
export function isTlsRefusal(error: ExchangeError): boolean {
  return /^(CERT_|ERR_TLS_|ERR_SSL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/.test(error.code);
}

/** Rejects with ExchangeError, with the signal's reason, or with what `sendBody` threw. */
export async function exchange(options: HttpRequest): Promise<HttpAnswer> {
  options.signal?.throwIfAborted();
  return await new Exchange(options).run();
}

class Exchange {
  readonly #options: HttpRequest;
  readonly #request: ClientRequest;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isConnected = false;
  #isSendingBody = false;
  #resolve!: (answer: HttpAnswer) => void;
  #reject!: (error: unknown) => void;

  constructor(options: HttpRequest) {
    this.#options = options;
    const { method, host, port, path, agent } = options;
    const headers = { ...options.headers, ...(options.sendBody ? { Expect: '100-continue' } : {}) };
    const common = { method, host, port, path, agent, headers };
    this.#request = options.tls ? httpsRequest({ ...common, ...options.tls }) : httpRequest(common);
  }

  run(): Promise<HttpAnswer> {
    const { signal, sendBody, body } = this.#options;
    const done = new Promise<HttpAnswer>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const abort = () => this.#request.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    this.#watchConnection();
    this.#request.on('error', (error) => this.#fail(error));
    this.#request.on('response', (response) => this.#collect(response));
    if (!sendBody) this.#request.end(body);
    else {
      this.#request.on('continue', () => this.#sendBody());
      this.#request.flushHeaders();
    }
    return done.finally(() => {
      signal?.removeEventListener('abort', abort);
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  #watchConnection(): void {
    const { timeouts } = this.#options;
    this.#request.on('socket', (socket) => {
      const connected = () => {
        this.#isConnected = true;
        clearTimeout(connecting);
        if (timeouts.totalMs > 0) this.#after(timeouts.totalMs, 'answer');
        if (this.#options.sendBody) this.#timers.add(setTimeout(() => this.#sendBody(), timeouts.continueMs));
      };
      const connecting = this.#after(timeouts.connectMs, 'connection');
      // Over TLS nothing has been sent before the server has proved who it is.
      if (socket.connecting) socket.once(this.#options.tls ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    this.#request.setTimeout(timeouts.idleMs, () => this.#request.destroy(timeout('byte', timeouts.idleMs)));
  }

  #after(ms: number, what: string): NodeJS.Timeout {
    const timer = setTimeout(() => this.#request.destroy(timeout(what, ms)), ms);
    this.#timers.add(timer);
    return timer;
  }

  /** On `100 Continue`: a server that refuses at once can say so before a large body runs into its closed socket. */
  #sendBody(): void {
    const { sendBody } = this.#options;
    if (!sendBody || this.#isSendingBody || this.#request.destroyed) return;
    this.#isSendingBody = true;
    sendBody(this.#request).then(
      () => this.#request.end(),
      (error: unknown) => {
        this.#reject(error);
        this.#request.destroy();
      },
    );
  }

  #collect(response: IncomingMessage): void {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= this.#options.maxBodyBytes) chunks.push(chunk);
      else this.#request.destroy(broken('too-large', `an answer of more than ${this.#options.maxBodyBytes} bytes`));
    });
    response.on('error', (error) => this.#fail(error));
    response.on('end', () => {
      if (!response.complete) return this.#fail(broken('broken-off', 'the answer broke off'));
      this.#resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        body: Buffer.concat(chunks, size),
      });
      if (!this.#request.writableFinished) this.#request.destroy(); // answered before it had read all: an error
    });
    response.on('close', () => this.#fail(broken('broken-off', 'the answer broke off')));
  }

  #fail(error: Error): void {
    const { host, port, signal } = this.#options;
    const code = (error as NodeJS.ErrnoException).code ?? 'broken-off';
    const message = `${host}:${port}: ${(error.message || code).trim().replace(/\s*\n\s*/g, ' ')}`;
    const broken = new ExchangeError(message, { wasSent: this.#isConnected, code, cause: error });
    this.#reject(signal?.aborted ? signal.reason : broken);
  }
}

function timeout(what: string, ms: number): Error {
  return broken('ETIMEDOUT', `no ${what} within ${ms} ms`);
}

function broken(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
