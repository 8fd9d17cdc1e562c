import { SluiceError } from '../../shared/index.ts';
import { errorByCode, errorCodes } from '../../wire/index.ts';

/** The name Kafka gives to an error code, as in its protocol guide. */
export type KafkaErrorName = keyof typeof errorCodes;

/**
 * A refusal of the log that a Kafka client understands: `kafkaName` is the error to answer with. `KAFKA_STORAGE_ERROR` is
 * retriable (the disk is full, or the log has failed and the broker is about to stop); the others are answers about the request.
 */
export class LogError extends SluiceError {
  readonly kafkaName: KafkaErrorName;

  constructor(kafkaName: KafkaErrorName, message: string, options: { cause?: unknown } = {}) {
    const { isRetriable } = errorByCode(errorCodes[kafkaName]);
    super(kafkaName.toLowerCase().replaceAll('_', '-'), message, { ...options, isRetriable });
    this.kafkaName = kafkaName;
  }
}

/** The errno word (`ENOENT`, `ENOSPC`, ...) of a failed file operation, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Too many open files, here or on the machine: passes when some are closed. */
export function isOutOfHandles(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'EMFILE' || errno === 'ENFILE';
}

/** A full disk (or quota) may have space again later; every other failure of a file operation is taken as final. */
export function isDiskFull(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}
