import { SluiceError } from '../../shared/index.ts';

const maxReasonLength = 300;

/** A value cannot be decoded. Raised inside a decoder only; at its door it becomes a RefusedValue. */
export class ValueError extends SluiceError {
  constructor(code: string, message: string) {
    super(code, message.length > maxReasonLength ? `${message.slice(0, maxReasonLength)}...` : message);
  }
}

/** A schema (from a registry or a file) cannot be used. */
export class BadSchemaError extends SluiceError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(
      'bad-schema',
      message.length > maxReasonLength ? `${message.slice(0, maxReasonLength)}...` : message,
      options,
    );
  }
}
