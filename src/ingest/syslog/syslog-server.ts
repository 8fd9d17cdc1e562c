import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { BadInputError, type Clock, describeError, type Logger } from '../../shared/index.ts';
import type { EventWriter } from '../event-writer.ts';
import type { IngestMetrics } from '../ingest-metrics.ts';
import { readKernelDrops } from './kernel-drops.ts';
import { parseSyslog } from './parse-syslog.ts';
import { SyslogFrames } from './syslog-frames.ts';

interface Address {
  host: string;
  port: number;
}

export interface SyslogServerOptions {
  udp: Address | null;
  tcp: Address | null;
  topic: string;
  writer: EventWriter;
  /** Longer messages are cut and marked. */
  maxMessageBytes: number;
  /** Datagrams are dropped, and counted, while more waits for the log; a TCP connection is not read meanwhile. */
  maxPendingBytes: number;
  maxConnections: number;
  metrics: IngestMetrics;
  clock: Clock;
  logger: Logger;
}

const receiveBufferBytes = 4 * 1024 * 1024;
const dropsEveryMs = 5000;
/** A connection that sends nothing for so long is closed; senders open a new one. */
const idleMs = 3_600_000;

/** Takes syslog over UDP (RFC 5426) and TCP (RFC 6587), and writes each message as a JSON event with its host as key. */
export class SyslogServer {
  readonly #options: SyslogServerOptions;
  readonly #tcp: Server | null;
  readonly #udp: UdpSocket | null;
  readonly #connections = new Set<Socket>();
  readonly #reading = new Set<Promise<void>>();
  #kernelDrops = 0;
  #dropTimer: NodeJS.Timeout | null = null;

  /** Throws BadInputError when it cannot listen. */
  static async start(options: SyslogServerOptions): Promise<SyslogServer> {
    const server = new SyslogServer(options);
    try {
      if (options.tcp) await server.#listenTcp(options.tcp);
      if (options.udp) await server.#listenUdp(options.udp);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  private constructor(options: SyslogServerOptions) {
    this.#options = options;
    this.#tcp = options.tcp ? createServer((socket) => this.#accept(socket)) : null;
    if (this.#tcp) this.#tcp.maxConnections = options.maxConnections;
    this.#udp = options.udp ? createSocket({ type: isIPv6(options.udp.host) ? 'udp6' : 'udp4' }) : null;
  }

  /** `host:port`; null: not listened to. */
  get tcpAddress(): string | null {
    return this.#tcp ? addressText(this.#tcp.address() as AddressInfo) : null;
  }

  get udpAddress(): string | null {
    return this.#udp ? addressText(this.#udp.address()) : null;
  }

  /** Stops to listen and takes what is in the connections' hands; the writer is the caller's to close. */
  async close(): Promise<void> {
    if (this.#dropTimer) clearInterval(this.#dropTimer);
    await this.#noteKernelDrops().catch(() => {});
    if (this.#udp) await new Promise<void>((resolve) => closeQuietly(this.#udp!, resolve));
    for (const socket of this.#connections) socket.destroySoon();
    if (this.#tcp?.listening) await new Promise<void>((resolve) => this.#tcp!.close(() => resolve()));
    await Promise.allSettled(this.#reading);
  }

  async #listenTcp({ host, port }: Address): Promise<void> {
    const server = this.#tcp!;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(cannotListen('TCP', host, port, cause)));
      server.listen(port, host, resolve);
    });
    server.on('error', (error) => this.#options.logger.warn({ reason: describeError(error) }, 'SyslogTcpFailed'));
  }

  async #listenUdp({ host, port }: Address): Promise<void> {
    const socket = this.#udp!;
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) => reject(cannotListen('UDP', host, port, cause)));
      socket.bind(port, host, resolve);
    });
    socket.on('error', (error) => this.#options.logger.warn({ reason: describeError(error) }, 'SyslogUdpFailed'));
    try {
      socket.setRecvBufferSize(receiveBufferBytes);
    } catch (error) {
      this.#options.logger.debug({ reason: describeError(error) }, 'ReceiveBufferKept');
    }
    socket.on('message', (bytes, sender) => this.#takeDatagram(bytes, sender));
    this.#dropTimer = setInterval(() => void this.#noteKernelDrops().catch(() => {}), dropsEveryMs).unref();
  }

  #takeDatagram(bytes: Buffer, { address }: RemoteInfo): void {
    const { writer, maxPendingBytes, maxMessageBytes, metrics } = this.#options;
    if (writer.pendingBytes >= maxPendingBytes) {
      metrics.noteDropped('memory');
      return;
    }
    const isTruncated = bytes.length > maxMessageBytes;
    this.#write(isTruncated ? bytes.subarray(0, maxMessageBytes) : bytes, isTruncated, address, 'syslog-udp');
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    const reading = this.#read(socket);
    this.#reading.add(reading);
    void reading.finally(() => {
      this.#connections.delete(socket);
      this.#reading.delete(reading);
    });
  }

  /** A connection is read only while the log takes what came before: that holds its sender back. */
  async #read(socket: Socket): Promise<void> {
    const { maxMessageBytes, logger } = this.#options;
    const from = socket.remoteAddress ?? '';
    const frames = new SyslogFrames(maxMessageBytes);
    const write = async (found: ReturnType<SyslogFrames['push']>): Promise<void> => {
      for (const { bytes, isTruncated } of found) await this.#write(bytes, isTruncated, from, 'syslog-tcp');
    };
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) await write(frames.push(chunk));
    } catch (error) {
      logger.info({ from, reason: describeError(error) }, 'SyslogConnectionEnded');
    } finally {
      socket.destroy();
    }
    await write(frames.finish());
  }

  #write(bytes: Buffer, isTruncated: boolean, from: string, source: string): Promise<void> | undefined {
    const { writer, topic, metrics, clock, logger } = this.#options;
    const event = parseSyslog(bytes, { atMs: clock.nowMs(), from, isTruncated });
    const value = Buffer.from(JSON.stringify(event));
    const onFailed = (error: Error): void => {
      metrics.noteFailed(source, 'failed');
      logger.warn({ from, reason: describeError(error) }, 'SyslogMessageLost');
    };
    const onWritten = (): void => metrics.noteWritten(source, topic, value.length);
    try {
      return writer.send(topic, { key: event.host ?? from, value }, { onWritten, onFailed })?.catch(onFailed);
    } catch (error) {
      onFailed(error as Error);
      return undefined;
    }
  }

  async #noteKernelDrops(): Promise<void> {
    if (!this.#udp) return;
    const drops = await readKernelDrops(this.#udp.address().port);
    if (drops === null || drops <= this.#kernelDrops) return;
    this.#options.metrics.noteDropped('kernel', drops - this.#kernelDrops);
    this.#kernelDrops = drops;
  }
}

function cannotListen(what: string, host: string, port: number, cause: unknown): BadInputError {
  return new BadInputError(`cannot listen for syslog over ${what} at ${host}:${port}: ${describeError(cause)}`, {
    cause,
  });
}

function addressText({ address, port }: { address: string; port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function closeQuietly(socket: UdpSocket, done: () => void): void {
  try {
    socket.close(done);
  } catch {
    done(); // it never listened
  }
}
