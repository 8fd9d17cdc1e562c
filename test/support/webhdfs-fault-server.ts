import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HdfsException, HdfsTree } from './hdfs-tree.ts';
import { type Fault, type WebHdfsFaultKind, WebHdfsFaults, type WebHdfsRequest } from './webhdfs-faults.ts';
import {
  exceptionReply,
  fileContent,
  nameNodeReply,
  type Reply,
  redirect,
  safeMode,
  type WebHdfsCall,
} from './webhdfs-replies.ts';

/** What came, and what went wrong with it. */
export interface SeenRequest extends WebHdfsRequest {
  /** Null: a DataNode's. */
  nameNode: number | null;
  query: URLSearchParams;
  fault: Fault | null;
}

/**
 * A WebHDFS with NameNodes and DataNodes on 127.0.0.1 that behaves as Hadoop's own, and fails on request: CREATE and OPEN in
 * two steps, `100 Continue` before anything is known, `Connection: close` from DataNodes, errors as 403 with a
 * RemoteException, and an upload that breaks off leaves a closed, short file. `tree` is what it holds, `faults` what goes
 * wrong, `requests` what came.
 */
export class WebHdfsFaultServer {
  readonly tree = new HdfsTree();
  readonly faults: WebHdfsFaults;
  readonly requests: SeenRequest[] = [];
  /** Which NameNode is active; the others answer with a StandbyException. */
  activeNameNode = 0;
  isInSafeMode = false;
  /** Like an older HttpFS: renames know no options, statuses no file ids, and OPEN answers with the content itself. */
  isHttpFs = false;
  /** Entries of one LISTSTATUS_BATCH answer. */
  listLimit = 1000;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #nameNodePorts: number[] = [];
  #dataNodePort = 0;

  private constructor(seed: number) {
    this.faults = new WebHdfsFaults(seed);
  }

  static async start(options: { seed?: number; nameNodes?: number } = {}): Promise<WebHdfsFaultServer> {
    const server = new WebHdfsFaultServer(options.seed ?? 1);
    for (let i = 0; i < (options.nameNodes ?? 1); i++) {
      server.#nameNodePorts.push(
        await server.#listen((request, response) => server.#serveNameNode(i, request, response)),
      );
    }
    server.#dataNodePort = await server.#listen((request, response) => server.#serveDataNode(request, response));
    return server;
  }

  url(path = '/'): string {
    return `webhdfs://${this.#nameNodePorts.map((port) => `127.0.0.1:${port}`).join(',')}${path}`;
  }

  /** Content of a file; null when there is none. */
  read(path: string): Buffer | null {
    const node = this.tree.get(path);
    return node?.type === 'FILE' ? node.bytes : null;
  }

  /** Resolves when nothing that was put off (fault `late`) is left to be carried out. */
  async settled(): Promise<void> {
    while (this.#timers.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
    const server = createServer(serve);
    server.on('checkContinue', serve);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  #serveNameNode(index: number, request: IncomingMessage, response: ServerResponse): void {
    const { call, fault } = this.#accept('name-node', index, request);
    const act = () => {
      if (index === this.activeNameNode)
        return nameNodeReply(call, { ...this.#settings(), dataNodePort: this.#dataNodePort });
      throw new HdfsException('StandbyException', 'Operation category READ is not supported in state standby.');
    };
    if (fault?.kind === 'dead-datanode') send(response, redirect(call, 1));
    else this.#answer(fault, request, response, () => replyOf(act));
  }

  #serveDataNode(request: IncomingMessage, response: ServerResponse): void {
    const { call, fault } = this.#accept('data-node', null, request);
    response.setHeader('Connection', 'close');
    if (call.op === 'CREATE') this.#serveUpload(call, fault, request, response);
    else if (fault?.kind === 'cut')
      sendPart(
        response,
        replyOf(() => fileContent(call, this.tree)),
        fault,
      );
    else this.#answer(fault, request, response, () => replyOf(() => fileContent(call, this.tree)));
  }

  /** `act` does the work and gives the answer; the fault decides whether and when it runs, and whether the answer is sent. */
  #answer(fault: Fault | null, request: IncomingMessage, response: ServerResponse, act: () => Reply): void {
    const kind = fault?.kind ?? 'none';
    const refusal = refusals[kind as keyof typeof refusals];
    if (refusal) send(response, refusal);
    else if (kind === 'slow') this.#after(fault!.amount * 50, () => send(response, act()));
    else if (kind === 'late') this.#after(5 + fault!.amount * 100, act);
    else if (kind === 'lost-answer' || kind === 'lost-stall') act();
    else if (kind !== 'reset' && kind !== 'stall') send(response, act());
    if (kind === 'reset' || kind === 'late' || kind === 'lost-answer') request.socket.resetAndDestroy();
  }

  #serveUpload(call: WebHdfsCall, fault: Fault | null, request: IncomingMessage, response: ServerResponse): void {
    const create = () => this.#beginUpload(call, fault);
    if (fault && isBeforeUpload(fault.kind)) this.#answer(fault, request, response, () => this.#createLate(create));
    else {
      response.writeContinue();
      const id = resultOf(create);
      if (id instanceof HdfsException) send(response, exceptionReply(id));
      else this.#receive(id, fault, request, response);
    }
  }

  /** An upload whose connection is long gone when the NameNode lets it create its file: an empty one stays. */
  #createLate(create: () => number): Reply {
    const id = resultOf(create);
    if (typeof id === 'number') this.tree.complete(id, Buffer.alloc(0));
    return created;
  }

  /** Creates the file; gives its id. */
  #beginUpload(call: WebHdfsCall, fault: Fault | null): number {
    if (this.isInSafeMode) throw safeMode(call);
    const { id } = this.tree.create(call.path);
    if (fault?.kind !== 'no-block') return id;
    this.tree.complete(id, Buffer.alloc(0));
    const message = `File ${call.path} could only be written to 0 of the 1 minReplication nodes.`;
    throw new HdfsException('IOException', message);
  }

  /** What has arrived when the connection breaks, by the client or a fault, is the file: closed, short, normal-looking. */
  #receive(id: number, fault: Fault | null, request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    let size = 0;
    const cutAt = fault?.kind === 'cut' ? cutPosition(fault, Number(request.headers['content-length'])) : Infinity;
    const close = () => this.tree.complete(id, Buffer.concat(chunks).subarray(0, Math.min(size, cutAt)));
    const maybeCut = () => {
      if (size >= cutAt) request.socket.resetAndDestroy();
    };
    request.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      maybeCut();
    });
    request.on('end', () => {
      close();
      this.#answer(fault, request, response, () => created);
    });
    request.on('close', close);
    maybeCut();
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #accept(server: WebHdfsRequest['server'], nameNode: number | null, request: IncomingMessage) {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const path = decodeURIComponent(url.pathname.replace(/^\/webhdfs\/v1/, '')).replace(/(?<=.)\/$/, '') || '/';
    const query = url.searchParams;
    const op = (query.get('op') ?? '').toUpperCase();
    const fault = this.faults.pick({ server, op, path });
    this.requests.push({ server, op, path, nameNode, query, fault });
    return { call: { op, path, query, search: url.search }, fault };
  }

  #settings() {
    const { tree, isInSafeMode, isHttpFs, listLimit } = this;
    return { tree, isInSafeMode, isHttpFs, listLimit };
  }
}

const created: Reply = { status: 201, headers: { Location: 'hdfs://fault-server/' }, body: Buffer.alloc(0) };

/** Faults that are an answer by themselves: nothing is done. */
const refusals = {
  standby: refusal('StandbyException', 'Operation category WRITE is not supported in state standby.'),
  retriable: refusal('RetriableException', 'Namenode is in startup mode'),
  'safe-mode': refusal('SafeModeException', 'Cannot do this. Name node is in safe mode.'),
  quota: refusal('DSQuotaExceededException', 'The DiskSpace quota of /wh is exceeded: quota = 1 B = 1 B'),
  'no-datanode': refusal('IOException', 'Failed to find datanode, suggest to check cluster health.'),
  'error-page': {
    status: 500,
    headers: { 'Content-Type': 'text/html' },
    body: Buffer.from('<html>Server Error</html>'),
  },
};

function refusal(exception: string, message: string): Reply {
  return exceptionReply(new HdfsException(exception, message));
}

function isBeforeUpload(kind: WebHdfsFaultKind): boolean {
  return kind in refusals || kind === 'reset' || kind === 'stall' || kind === 'late';
}

function cutPosition(fault: Fault, length: number): number {
  return fault.atByte ?? Math.floor(fault.amount * length);
}

function resultOf<T>(act: () => T): T | HdfsException {
  try {
    return act();
  } catch (error) {
    if (error instanceof HdfsException) return error;
    throw error;
  }
}

function replyOf(act: () => Reply): Reply {
  const result = resultOf(act);
  return result instanceof HdfsException ? exceptionReply(result) : result;
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length }).end(body);
}

function sendPart(response: ServerResponse, { status, headers, body }: Reply, fault: Fault): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length }).flushHeaders();
  response.write(body.subarray(0, cutPosition(fault, body.length)), () => response.destroy());
}
