import type { IncomingMessage, ServerResponse } from 'node:http';
import { abortScope, SluiceError } from '../../shared/index.ts';
import { apiHeaders } from '../security-headers.ts';

export interface EventHubOptions {
  maxClients: number;
  /** What may wait for one client; beyond that its events are left out, and it is told how many. */
  maxPendingBytes: number;
  /** A client that has taken nothing for so long is let go. */
  stallMs: number;
  nowMs: () => number;
}

export const defaultHubOptions = { maxClients: 1500, maxPendingBytes: 256 * 1024, stallMs: 60_000 };

interface Client {
  response: ServerResponse;
  droppedCount: number;
  /** Since when more than the bound has been waiting; null: it reads. */
  stalledSinceMs: number | null;
}

const reconnectMs = 1000;
const heartbeatMs = 15_000;

/**
 * One stream of events for any number of browsers. An event is turned into bytes once and written to all; whoever does not
 * read loses events, not our memory.
 */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #clients = new Set<Client>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), heartbeatMs);
    this.#heartbeat.unref();
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Serves one client until it goes or the signal is aborted. Throws SluiceError `too-many-clients` (retriable). */
  async open(_request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (this.#clients.size >= this.#options.maxClients) {
      throw new SluiceError('too-many-clients', 'too many dashboards are open', { isRetriable: true });
    }
    response.writeHead(200, { ...apiHeaders, 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(`retry: ${reconnectMs}\n\n`);
    const client: Client = { response, droppedCount: 0, stalledSinceMs: null };
    const ended = abortScope();
    response.once('close', () => ended.abort());
    this.#clients.add(client);
    try {
      await untilAborted(AbortSignal.any([signal, ended.signal]));
    } finally {
      this.#clients.delete(client);
      response.end();
    }
  }

  broadcast(event: string, json: string): void {
    this.#write(`event: ${event}\ndata: ${json}\n\n`);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const { response } of this.#clients) response.end();
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (const client of this.#clients) this.#writeTo(client, bytes);
  }

  #writeTo(client: Client, bytes: Buffer): void {
    const { response } = client;
    const nowMs = this.#options.nowMs();
    if (response.writableLength + bytes.length > this.#options.maxPendingBytes) {
      client.droppedCount++;
      client.stalledSinceMs ??= nowMs;
      if (nowMs - client.stalledSinceMs > this.#options.stallMs) response.destroy();
      return;
    }
    client.stalledSinceMs = null;
    if (client.droppedCount > 0) response.write(`event: dropped\ndata: {"count":${client.droppedCount}}\n\n`);
    client.droppedCount = 0;
    response.write(bytes);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
