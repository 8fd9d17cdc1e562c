/**
 * One client connection: bytes -> frames -> requests -> answers, in the order of the requests.
 *
 * As in Apache Kafka a request starts when the one before it is answered; only Produce requests may overlap (their appends
 * happen as they start, so their order is kept). Reading pauses while the connection, or all of them together, have too much
 * in work; nothing new starts while the client does not read its answers. A frame that is not a request we advertise closes
 * this connection and no other. What a client has sent before it went away is still done.
 */
import type { Socket } from 'node:net';
import { describeError, type Logger } from '../../shared/index.ts';
import { FrameSplitter, WireError } from '../../wire/index.ts';
import type { RequestBudget } from './request-budget.ts';
import { RequestRefusedError } from './request-refused-error.ts';
import type { ServerLimits } from './server-limits.ts';

export interface Caller {
  readonly clientHost: string;
  readonly localHost: string;
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal;
}

export interface RequestService {
  /** The chunks of the answer, or null for none. A rejection closes the connection. The work has started when this returns. */
  route(frame: Buffer, caller: Caller): Promise<Buffer[] | null>;
  /** Whether a request may start while earlier ones of its kind are in work. */
  isPipelined(frame: Buffer): boolean;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly service: RequestService;
  readonly limits: ServerLimits;
  readonly budget: RequestBudget;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly onRequest: () => void;
  readonly onBadRequest: () => void;
  /** A request has failed by no fault of the client. */
  readonly onFailure: () => void;
  readonly onClosed: () => void;
}

/** An answer that is due, in its place in the order. */
interface Slot {
  readonly bytes: number;
  isDone: boolean;
  chunks: Buffer[] | null;
}

/** How long a client has to close its side after we have closed ours. */
const lingerMs = 500;

/** What a request costs besides its bytes. */
const requestOverheadBytes = 256;

export class ServerConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #splitter: FrameSplitter;
  readonly #gone = new AbortController();
  readonly #caller: Caller;
  readonly #queue: Buffer[] = [];
  readonly #slots: Slot[] = [];
  #bytesInWork = 0;
  #partialBytes = 0;
  #runningCount = 0;
  #isRunningPipelined = false;
  #isFinishing = false;
  #isClosed = false;
  #lastActivityMs: number;
  /** As the last call of `idleMs` has seen it. */
  #unsentBytes = 0;

  constructor(options: ConnectionOptions) {
    const { socket, limits, nowMs } = options;
    this.#options = options;
    this.#socket = socket;
    this.#splitter = new FrameSplitter(limits.maxFrameBytes);
    this.#lastActivityMs = nowMs();
    this.#caller = {
      clientHost: plainAddress(socket.remoteAddress),
      localHost: plainAddress(socket.localAddress),
      signal: this.#gone.signal,
    };
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#proceed());
    socket.on('error', (error) => options.logger.debug({ ...this.#who(), cause: error.message }, 'ConnectionFailed'));
    socket.on('close', () => this.#onClosed());
  }

  get remoteAddress(): string {
    return this.#caller.clientHost;
  }

  /**
   * Milliseconds since the last complete request or answer, or since the client last read something; 0 while a request is in
   * work. Bytes of an incomplete request are no activity.
   */
  idleMs(nowMs: number): number {
    const unsentBytes = this.#socket.writableLength;
    if (this.#runningCount > 0 || unsentBytes < this.#unsentBytes) this.#lastActivityMs = nowMs;
    this.#unsentBytes = unsentBytes;
    return nowMs - this.#lastActivityMs;
  }

  /** Takes no more requests; closes when everything received is answered and sent. */
  finish(): void {
    this.#isFinishing = true;
    // What still comes is read and dropped: closing with unread bytes would reset the connection and lose the last answer.
    this.#socket.resume();
    this.#endIfFinished();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#isFinishing) return;
    let frames: Buffer[];
    try {
      frames = this.#splitter.push(chunk);
    } catch (error) {
      this.#closeBecause(
        error,
        looksLikeTls(chunk) ? 'this looks like TLS, which this port does not speak' : undefined,
      );
      return;
    }
    const { budget } = this.#options;
    const isWithinBudget = budget.changePartial(this.#partialBytes, this.#splitter.pendingBytes);
    this.#partialBytes = this.#splitter.pendingBytes;
    for (const frame of frames) {
      this.#queue.push(frame);
      this.#bytesInWork += frame.length + requestOverheadBytes;
      budget.take(frame.length + requestOverheadBytes);
    }
    if (frames.length > 0) this.#lastActivityMs = this.#options.nowMs();
    if (!isWithinBudget) {
      this.#closeBecause(new WireError('too-large', 'too many incomplete requests are in memory'));
      return;
    }
    this.#proceed();
  }

  /** Starts what may start, and reads on if there is room. */
  #proceed(): void {
    while (this.#queue.length > 0 && this.#mayStart(this.#queue[0]!)) this.#start(this.#queue.shift()!);
    if (this.#isClosed || this.#isFinishing) return;
    if (this.#hasRoom()) this.#socket.resume();
    else this.#socket.pause();
  }

  #mayStart(frame: Buffer): boolean {
    if (!this.#isClosed && this.#socket.writableLength > this.#options.limits.maxUnsentBytesPerConnection) return false;
    return this.#runningCount === 0 || (this.#isRunningPipelined && this.#options.service.isPipelined(frame));
  }

  #hasRoom(): boolean {
    const { limits, budget } = this.#options;
    if (this.#queue.length + this.#runningCount >= limits.maxRequestsPerConnection) return false;
    if (this.#bytesInWork >= limits.maxRequestBytesPerConnection) return false;
    if (!budget.isExceeded) return true;
    budget.whenThereIsRoom(this.#wake);
    return false;
  }

  readonly #wake = (): void => this.#proceed();

  #start(frame: Buffer): void {
    const slot: Slot = { bytes: frame.length + requestOverheadBytes, isDone: false, chunks: null };
    this.#slots.push(slot);
    this.#isRunningPipelined = this.#options.service.isPipelined(frame);
    this.#runningCount++;
    this.#options.onRequest();
    this.#options.service.route(frame, this.#caller).then(
      (chunks) => this.#finishSlot(slot, chunks),
      (error) => {
        this.#closeBecause(error);
        this.#finishSlot(slot, null);
      },
    );
  }

  #finishSlot(slot: Slot, chunks: Buffer[] | null): void {
    slot.isDone = true;
    slot.chunks = chunks;
    this.#runningCount--;
    let releasedBytes = 0;
    this.#socket.cork();
    while (this.#slots[0]?.isDone) {
      const done = this.#slots.shift()!;
      releasedBytes += done.bytes;
      if (done.chunks && !this.#isClosed && this.#socket.writable) {
        for (const chunk of done.chunks) this.#socket.write(chunk);
      }
    }
    // Answers that become ready in the same turn leave in one system call.
    process.nextTick(() => this.#socket.uncork());
    this.#bytesInWork -= releasedBytes;
    this.#lastActivityMs = this.#options.nowMs();
    this.#options.budget.release(releasedBytes);
    this.#proceed();
    this.#endIfFinished();
  }

  #endIfFinished(): void {
    if (!this.#isFinishing || this.#isClosed || this.#runningCount + this.#queue.length > 0) return;
    if (this.#socket.writableEnded) return;
    this.#socket.end(() => setTimeout(() => this.#socket.destroy(), lingerMs).unref());
  }

  #closeBecause(error: unknown, hint?: string): void {
    if (this.#isClosed) return;
    const { logger, onBadRequest, onFailure } = this.#options;
    const fields = { ...this.#who(), cause: hint ?? describeError(error) };
    if (error instanceof WireError || error instanceof RequestRefusedError) {
      onBadRequest();
      logger.warn(fields, 'ConnectionClosedForBadRequest');
    } else {
      onFailure();
      logger.error(fields, 'ConnectionClosedAfterFailure');
    }
    this.#dropQueue();
    this.#socket.destroy();
    this.#onClosed();
  }

  #dropQueue(): void {
    let bytes = 0;
    for (const frame of this.#queue) bytes += frame.length + requestOverheadBytes;
    this.#queue.length = 0;
    this.#bytesInWork -= bytes;
    this.#options.budget.release(bytes);
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.budget.forget(this.#wake);
    this.#options.budget.changePartial(this.#partialBytes, 0);
    this.#partialBytes = 0;
    this.#gone.abort(new Error('the connection is closed'));
    this.#options.onClosed();
    this.#proceed();
  }

  #who(): object {
    return { client: this.#caller.clientHost, port: this.#socket.remotePort };
  }
}

/** 127.0.0.1 for ::ffff:127.0.0.1. */
function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/, '') ?? '';
}

/** A TLS handshake record: type 22, version 3.x. */
function looksLikeTls(chunk: Buffer): boolean {
  return chunk.length >= 3 && chunk[0] === 22 && chunk[1] === 3;
}
