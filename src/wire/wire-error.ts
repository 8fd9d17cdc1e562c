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

/** The fields an error passed on its way out, innermost first. Kept aside: a new error per level would be slow. */
const fieldPaths = new WeakMap<WireError, string[]>();

/** Notes that `error` happened inside `field`, and returns it. */
export function errorInField(error: unknown, field: string): unknown {
  if (!(error instanceof WireError)) return error;
  const path = fieldPaths.get(error);
  if (path) path.push(field);
  else fieldPaths.set(error, [field]);
  return error;
}

/** The same error, told with the message and the field in which it happened: `Fetch… v12.topics.name: needs 20 bytes …`. */
export function errorInMessage(error: unknown, message: string): unknown {
  if (!(error instanceof WireError)) return error;
  const path = [...(fieldPaths.get(error) ?? []), message].reverse().join('.');
  return new WireError(
    error.code,
    `${path}: ${error.message}`,
    error.cause === undefined ? {} : { cause: error.cause },
  );
}
