import { connect, type Socket } from 'node:net';
import {
  type DeepPartial,
  decodeResponseFrame,
  encodeRequestFrame,
  FrameSplitter,
  type MessageSchema,
  readCorrelationId,
} from '../../src/wire/index.ts';

/** A connection that sends what it is told, byte by byte if need be: no retries, no metadata, no manners. */
export class RawClient {
  readonly socket: Socket;
  readonly #splitter = new FrameSplitter(256 * 1024 * 1024);
  readonly #answers: Buffer[] = [];
  readonly #waiters: { resolve: (frame: Buffer) => void; reject: (error: Error) => void }[] = [];
  #correlationId = 0;
  #closed: Error | null = null;
  receivedBytes = 0;
  readonly whenClosed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      for (const frame of this.#splitter.push(chunk)) {
        const waiter = this.#waiters.shift();
        if (waiter) waiter.resolve(frame);
        else this.#answers.push(frame);
      }
    });
    socket.on('error', () => {});
    this.whenClosed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#closed = new Error('the broker closed the connection');
        for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#closed);
        resolve();
      });
    });
  }

  static async open(address: { host: string; port: number }): Promise<RawClient> {
    const socket = connect({ ...address, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /** Sends one request and waits for its answer. */
  async request<Q, R>(
    request: MessageSchema<Q>,
    response: MessageSchema<R>,
    version: number,
    message: DeepPartial<Q>,
  ): Promise<R> {
    this.send(request, version, message);
    return await this.receive(response, version);
  }

  /** Sends a request without waiting; answers its correlation id. */
  send<Q>(schema: MessageSchema<Q>, version: number, message: DeepPartial<Q>): number {
    const correlationId = this.#correlationId++;
    const header = { apiKey: schema.apiKey, apiVersion: version, correlationId, clientId: 'raw' };
    this.write(Buffer.concat(encodeRequestFrame(header, schema, message)));
    return correlationId;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next answer as it came, without its size. Rejects when the connection is closed first. */
  async receiveFrame(): Promise<Buffer> {
    const ready = this.#answers.shift();
    if (ready) return ready;
    if (this.#closed) throw this.#closed;
    return await new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  async receive<R>(schema: MessageSchema<R>, version: number): Promise<R> {
    return decodeResponseFrame(schema.apiKey, version, schema, await this.receiveFrame()).message;
  }

  async receiveCorrelationId(): Promise<number> {
    return readCorrelationId(await this.receiveFrame());
  }

  close(): void {
    this.socket.destroy();
  }
}
