/** What one client, or all of them together, may take. Everything that is received and not yet answered is bounded by these. */
export interface ServerLimits {
  /** Largest request, without its four-byte size (Kafka: socket.request.max.bytes). */
  readonly maxFrameBytes: number;
  /** Largest request that carries no records: decoding makes many small objects of it. */
  readonly maxControlFrameBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  /** A connection that neither completes a request nor has one in work for so long is closed. */
  readonly idleTimeoutMs: number;
  /** Requests of one connection that are received and not answered; reading pauses at this many. */
  readonly maxRequestsPerConnection: number;
  /** Their bytes; reading pauses at this many, so one more chunk may be in memory. */
  readonly maxRequestBytesPerConnection: number;
  /** Bytes of answers that a client has not read; no further request of it is started above this. */
  readonly maxUnsentBytesPerConnection: number;
  /**
   * Requests of all connections in memory; all reading pauses above this. A Produce request counts until it is written, also with
   * acks=0, so this bounds what waits for the disk too.
   */
  readonly maxRequestBytes: number;
  /** Frames of all connections that are not complete; a connection that would exceed this is closed. */
  readonly maxPartialFrameBytes: number;
}

const mebibyte = 1024 * 1024;

export const defaultServerLimits: ServerLimits = {
  maxFrameBytes: 100 * mebibyte,
  maxControlFrameBytes: 16 * mebibyte,
  maxConnections: 5_000,
  maxConnectionsPerIp: 5_000,
  idleTimeoutMs: 10 * 60_000,
  maxRequestsPerConnection: 100,
  maxRequestBytesPerConnection: 32 * mebibyte,
  maxUnsentBytesPerConnection: 8 * mebibyte,
  maxRequestBytes: 256 * mebibyte,
  maxPartialFrameBytes: 256 * mebibyte,
};
