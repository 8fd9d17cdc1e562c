import { SluiceError } from '../../shared/index.ts';

/**
 * - `not-found`: there is nothing at that path.
 * - `already-exists`: `create` met a taken path.
 * - `is-a-folder`, `not-a-folder`, `folder-not-empty`: the path is of the other kind, or holds something.
 * - `bad-path`: not a path of a warehouse, or one the file system refuses (too long, a character it forbids).
 * - `permission-denied`: the user may not do that.
 * - `no-space`: the disk is full, or no DataNode takes the data.
 * - `quota-exceeded`: an HDFS quota of names or bytes.
 * - `uncertain`: the answer to an upload was lost, the path holds a truncated file or none: use another name.
 * - `unavailable`: the file system could not be reached for as long as we may try.
 * - `too-large`: an answer larger than we are willing to hold.
 * - `untrusted`: a server's certificate is not one that we trust, or it does not speak TLS.
 * - `refused-redirect`: a NameNode pointed to an address that we do not follow.
 * - `bad-source`: the local file to be written is not what the caller said.
 * - `unsupported`: the file system cannot do what exactly-once needs.
 * - `remote`: any other failure that the file system reported.
 */
export type WarehouseErrorCode =
  | 'not-found'
  | 'already-exists'
  | 'is-a-folder'
  | 'not-a-folder'
  | 'folder-not-empty'
  | 'bad-path'
  | 'permission-denied'
  | 'no-space'
  | 'quota-exceeded'
  | 'uncertain'
  | 'unavailable'
  | 'too-large'
  | 'untrusted'
  | 'refused-redirect'
  | 'bad-source'
  | 'unsupported'
  | 'remote';

export class WarehouseError extends SluiceError {
  declare readonly code: WarehouseErrorCode;

  constructor(code: WarehouseErrorCode, message: string, options: { cause?: unknown; isRetriable?: boolean } = {}) {
    super(code, message, options);
  }
}

export function isWarehouseError(error: unknown, ...codes: WarehouseErrorCode[]): error is WarehouseError {
  return error instanceof WarehouseError && (codes.length === 0 || codes.includes(error.code));
}
