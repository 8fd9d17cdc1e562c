import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { S3Bucket, S3Error } from './s3-bucket.ts';
import { seededRandom } from './seeded-random.ts';

/**
 * What happens to a request.
 * - `slow-down`: refused with 503, not carried out. - `conflict`: refused with 409, not carried out.
 * - `lost-answer`: carried out, the connection is reset. - `reset`: not carried out, reset.
 * - `internal`: carried out, answered with 500. - `late-error`: carried out, answered with 200 and an error in the body.
 * - `late`: reset; carried out some milliseconds later. - `cut`: the answer breaks off in its body.
 */
export type S3FaultKind =
  | 'slow-down'
  | 'conflict'
  | 'lost-answer'
  | 'reset'
  | 'internal'
  | 'late-error'
  | 'late'
  | 'cut';

/** One call of the protocol: `PutObject`, `UploadPartCopy`... */
export interface S3Request {
  op: string;
  key: string;
  headers: IncomingMessage['headers'];
  query: URLSearchParams;
  body: Buffer;
}

interface PlannedFault {
  kind: S3FaultKind;
  op?: string;
  key?: RegExp;
  times: number;
}

const lateFaults: readonly string[] = ['PutObject', 'CompleteMultipartUpload', 'DeleteObject'];
/** Faults that make sense for any request. */
const randomKinds: readonly S3FaultKind[] = ['slow-down', 'lost-answer', 'reset', 'internal'];

/**
 * An S3 on 127.0.0.1 with one bucket, `lab`, that keeps its word on conditional writes and fails on request. Signatures are looked at
 * for their form only; other people's servers check them.
 */
export class S3FaultServer {
  readonly bucket = new S3Bucket();
  readonly requests: S3Request[] = [];
  /** Share of requests that fail at random. */
  faultRate = 0;
  /** Called before a request is carried out: holds it back, or looks. */
  before: ((request: S3Request) => Promise<void> | void) | null = null;
  readonly #planned: PlannedFault[] = [];
  readonly #random: () => number;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #server: Server;

  private constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: { seed?: number } = {}): Promise<S3FaultServer> {
    const server = new S3FaultServer(options.seed ?? 1);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(prefix: string): string {
    return `s3://lab${prefix}?endpoint=${this.endpoint}`;
  }

  /** The next `times` (1) requests of that kind fail. */
  plan(fault: Omit<PlannedFault, 'times'> & { times?: number }): void {
    this.#planned.push({ times: 1, ...fault });
  }

  /** What was planned does not happen any more. */
  forget(): void {
    this.#planned.length = 0;
  }

  /** Resolves when nothing that was put off is left to be carried out. */
  async settled(): Promise<void> {
    while (this.#timers.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await receive(message).catch(() => null);
    if (!request) return;
    this.requests.push(request);
    await this.before?.(request);
    const kind = this.#faultOf(request);
    response.setHeader('Date', new Date().toUTCString());
    if (kind === 'slow-down') return send(response, new S3Error(503, 'SlowDown'));
    if (kind === 'conflict') return send(response, new S3Error(409, 'ConditionalRequestConflict'));
    if (kind === 'reset') return void message.socket.resetAndDestroy();
    if (kind === 'late') {
      message.socket.resetAndDestroy();
      return this.#later(() => this.#carryOut(request));
    }
    const answer = this.#carryOut(request);
    if (kind === 'lost-answer') message.socket.resetAndDestroy();
    else if (kind === 'internal') send(response, new S3Error(500, 'InternalError'));
    else if (kind === 'late-error') send(response, { status: 200, headers: {}, body: errorXml('InternalError') });
    else if (kind === 'cut') cut(response, answer);
    else send(response, answer, request.op.startsWith('Head'));
  }

  #carryOut(request: S3Request): S3Answer {
    const authorization = String(request.headers.authorization ?? '');
    if (!/^AWS4-HMAC-SHA256 Credential=\S+, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/.test(authorization)) {
      return new S3Error(403, 'AccessDenied');
    }
    try {
      return this.bucket.carryOut(request);
    } catch (error) {
      if (error instanceof S3Error) return error;
      throw error;
    }
  }

  #faultOf(request: S3Request): S3FaultKind | null {
    const planned = this.#planned.find(
      ({ op, key, times }) => times > 0 && (!op || op === request.op) && (!key || key.test(request.key)),
    );
    if (planned) planned.times--;
    if (planned) return planned.kind;
    if (this.#random() >= this.faultRate) return null;
    const kinds = lateFaults.includes(request.op) ? [...randomKinds, 'late' as const] : randomKinds;
    return kinds[Math.floor(this.#random() * kinds.length)]!;
  }

  #later(act: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        act();
      },
      1 + this.#random() * 20,
    );
    this.#timers.add(timer);
  }
}

/** What a store answers. An S3Error is one, too. */
export interface S3Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer | string;
}

async function receive(message: IncomingMessage): Promise<S3Request> {
  const url = new URL(message.url ?? '/', 'http://127.0.0.1');
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const key = decodeURIComponent(url.pathname.replace(/^\/lab\/?/, ''));
  const { headers } = message;
  const op = nameOf(message.method ?? 'GET', key, url.searchParams, headers);
  return { op, key, headers, query: url.searchParams, body: Buffer.concat(chunks) };
}

function nameOf(method: string, key: string, query: URLSearchParams, headers: IncomingMessage['headers']): string {
  if (method === 'HEAD') return 'HeadObject';
  if (method === 'GET' && key === '') return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
  if (method === 'GET') return 'GetObject';
  if (method === 'DELETE') return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'POST') return query.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
  if (!query.has('uploadId')) return 'PutObject';
  return headers['x-amz-copy-source'] ? 'UploadPartCopy' : 'UploadPart';
}

function send(response: ServerResponse, answer: S3Answer, isHead = false): void {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.status, { 'Content-Length': String(body.length), ...answer.headers });
  response.end(isHead ? undefined : body);
}

function cut(response: ServerResponse, answer: S3Answer): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': String(body.length + 1) });
  response.write(body.subarray(0, body.length >> 1), () => response.socket?.resetAndDestroy());
}

function errorXml(code: string): string {
  return new S3Error(500, code).body;
}
