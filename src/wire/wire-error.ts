import { SluiceError } from '../shared/index.ts';

/**
 * What can be wrong with bytes, or with a message that is to become bytes:
 * `truncated` a count or length claims more bytes than there are; `malformed` a value that the protocol does not allow;
 * `unsupported-version` a message or field that does not exist in this version; `corrupt` a checksum that does not match;
 * `unsupported-compression` a codec id we do not know; `too-large` a limit that the caller or the protocol sets.
 */
export type WireErrorCode =
  | 'truncated'
  | 'malformed'
  | 'unsupported-version'
  | 'corrupt'
  | 'unsupported-compression'
  | 'too-large';

/** Raised for every bad frame, message, batch or compressed block; the connection or batch it came from is the only victim. */
export class WireError extends SluiceError {
  declare readonly code: WireErrorCode;

  constructor(code: WireErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}

/** The same error, told with the field (or message) in which it happened: `topics[3].name: needs 20 bytes …`. */
export function errorInField(error: unknown, field: string): unknown {
  if (!(error instanceof WireError)) return error;
  const separator = /^[\w.[\]]+: /.test(error.message) ? (error.message.startsWith('[') ? '' : '.') : ': ';
  return new WireError(error.code, `${field}${separator}${error.message}`, { cause: error.cause });
}
