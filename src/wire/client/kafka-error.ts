import { SluiceError } from '../../shared/index.ts';
import { errorByCode, errorCodes } from '../index.ts';

/**
 * An error code that a broker answered with. `kafkaName` is Kafka's own constant (`NOT_COORDINATOR`), `code` the same word
 * in kebab-case, `isRetriable` what Kafka says about it.
 */
export class KafkaError extends SluiceError {
  readonly kafkaCode: number;
  readonly kafkaName: string;

  /** `what` says what we asked for, e.g. `Fetch of events-3`. */
  constructor(kafkaCode: number, what: string, options: { detail?: string | null; cause?: unknown } = {}) {
    const known = errorByCode(kafkaCode);
    const detail = options.detail ? `: ${options.detail}` : '';
    super(known.name.toLowerCase().replaceAll('_', '-'), `${what}: ${known.name} (${kafkaCode})${detail}`, {
      cause: options.cause,
      isRetriable: known.isRetriable,
    });
    this.kafkaCode = kafkaCode;
    this.kafkaName = known.name;
  }
}

/** A connection could not be opened, broke, or did not answer in time. Always worth another try. */
export class ConnectionError extends SluiceError {
  constructor(
    code: 'connect-failed' | 'connection-closed' | 'request-timeout',
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(code, message, { ...options, isRetriable: true });
  }
}

/** A login or a certificate was not accepted, by the broker or by us. Trying again does not help. */
export class AuthenticationError extends SluiceError {
  constructor(message: string, cause?: unknown) {
    super('authentication-failed', message, { cause });
  }
}

/** None of the brokers we know answered. Not retriable when no name of them resolves: waiting will not help. */
export class BrokerUnreachableError extends SluiceError {
  readonly addresses: readonly string[];

  constructor(addresses: readonly string[], causes: readonly unknown[]) {
    const reasons = addresses.map((address, i) => `${address} (${reasonOf(causes[i])})`);
    const isRetriable = !causes.every((cause) => systemCodeOf(cause) === 'ENOTFOUND');
    super(
      'broker-unreachable',
      `expected a Kafka broker at ${reasons.join(', ')}; check the address and that it runs`,
      {
        cause: causes[0],
        isRetriable,
      },
    );
    this.addresses = addresses;
  }
}

/**
 * The log that was read no longer is the log at this position (KIP-320): the leader's history of leader epochs diverges
 * from what was fetched. `divergingOffset` is the first offset that is not common to both, null when even that is unknown.
 */
export class LogTruncatedError extends SluiceError {
  readonly divergingOffset: bigint | null;

  constructor(topic: string, partition: number, position: bigint, epoch: number, divergingOffset: bigint | null) {
    super(
      'log-truncated',
      `expected ${topic}-${partition} to hold offset ${position} in leader epoch ${epoch}, but its log diverges ` +
        `${divergingOffset === null ? 'at an unknown offset' : `from offset ${divergingOffset} on`}; it lost records that were read before`,
    );
    this.divergingOffset = divergingOffset;
  }
}

/** Throws unless the code is NONE. */
export function throwIfError(kafkaCode: number, what: string, detail?: string | null): void {
  if (kafkaCode !== errorCodes.NONE) throw new KafkaError(kafkaCode, what, { detail: detail ?? null });
}

export function isKafkaError(error: unknown, ...codes: number[]): error is KafkaError {
  return error instanceof KafkaError && (codes.length === 0 || codes.includes(error.kafkaCode));
}

export function isRetriable(error: unknown): boolean {
  return error instanceof SluiceError && error.isRetriable;
}

/** The system error code (`ECONNREFUSED`) in an error or its causes. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = (current as { code?: unknown }).code;
    if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code;
  }
  return undefined;
}

const systemReasons: Record<string, string> = {
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'host name could not be resolved',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
};

function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  if (code && systemReasons[code]) return systemReasons[code];
  return error instanceof Error ? error.message : String(error ?? 'not tried');
}
