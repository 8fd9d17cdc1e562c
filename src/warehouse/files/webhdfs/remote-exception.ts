import { WarehouseError, type WarehouseErrorCode } from '../warehouse-error.ts';
import { redactSecrets } from './webhdfs-auth.ts';

/**
 * What Hadoop says when something fails: `{"RemoteException": {"exception", "javaClassName", "message"}}`. Nearly all of it
 * arrives as HTTP 403, so the name of the exception decides, never the status.
 */
export interface RemoteException {
  /** Simple class name: `StandbyException`. */
  name: string;
  /** Without the Java stack trace. */
  message: string;
}

/** The exception in an answer; null when the body holds none (a proxy's page, a server that has not loaded WebHDFS yet). */
export function parseRemoteException(body: Buffer): RemoteException | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return null;
  }
  const found = (parsed as { RemoteException?: Record<string, unknown> } | null)?.RemoteException;
  if (typeof found?.['exception'] !== 'string') return null;
  const message = typeof found['message'] === 'string' ? found['message'] : '';
  return unwrap({ name: found['exception'], message: redactSecrets(message.split(/\n\s*at /)[0]!.trim()) });
}

/** HttpFS passes the NameNode's own exception on inside an `IOException` or `RemoteException`: `org...StandbyException: text`. */
function unwrap(exception: RemoteException): RemoteException {
  const [, name, message] = /^(?:[a-z0-9]+\.)+([A-Za-z$]+Exception): ?(.*)$/s.exec(exception.message) ?? [];
  const isWrapper = exception.name === 'RemoteException' || exception.name === 'IOException';
  return isWrapper && name ? { name, message: message ?? '' } : exception;
}

/** Passing troubles, each answered in its own way; `other` is for the caller to judge. */
export type RemoteTrouble = 'wrong-name-node' | 'safe-mode' | 'no-data-node' | 'other';

export function classify(exception: RemoteException): RemoteTrouble {
  switch (exception.name) {
    case 'StandbyException':
    case 'ObserverRetryOnActiveException':
    case 'RetriableException': // starting up, or in the safe mode of a start
    case 'ConnectException': // HttpFS, a router, or a DataNode cannot reach the NameNode
    case 'NoRouteToHostException':
    case 'SocketTimeoutException':
    case 'ServerTooBusyException':
      return 'wrong-name-node';
    case 'SafeModeException':
      return 'safe-mode';
    case 'BlockMissingException':
    case 'NoDatanodeException':
      return 'no-data-node';
    default:
      return noDataNode.test(exception.message) ? 'no-data-node' : 'other';
  }
}

// NameNode: none to redirect to; none for a block. DataNode: none to read a block from; its own pipeline broke.
const noDataNode =
  /Failed to find datanode|could only be (written|replicated) to 0|Could not obtain block|All datanodes .* are bad|Unable to create new block/i;

const codes: Record<string, WarehouseErrorCode> = {
  FileNotFoundException: 'not-found',
  FileAlreadyExistsException: 'already-exists',
  AlreadyBeingCreatedException: 'already-exists',
  ParentNotDirectoryException: 'not-a-folder',
  PathIsNotDirectoryException: 'not-a-folder',
  PathIsNotEmptyDirectoryException: 'folder-not-empty',
  InvalidPathException: 'bad-path',
  PathComponentTooLongException: 'bad-path',
  MaxDirectoryItemsExceededException: 'quota-exceeded',
  AccessControlException: 'permission-denied',
  AuthorizationException: 'permission-denied',
  AuthenticationException: 'permission-denied',
  SecurityException: 'permission-denied',
  InvalidToken: 'permission-denied',
  DSQuotaExceededException: 'quota-exceeded',
  NSQuotaExceededException: 'quota-exceeded',
  QuotaExceededException: 'quota-exceeded',
  QuotaByStorageTypeExceededException: 'quota-exceeded',
  DiskOutOfSpaceException: 'no-space',
};

/** `call` says what was asked for: `RENAME /a`. */
export function toWarehouseError(exception: RemoteException, call: string): WarehouseError {
  const trouble = classify(exception);
  const message = `${call}: ${exception.name}: ${exception.message || 'no message'}`;
  if (trouble === 'no-data-node') return new WarehouseError('no-space', message, { isRetriable: true });
  if (trouble !== 'other') return new WarehouseError('unavailable', message, { isRetriable: true });
  return new WarehouseError(codes[exception.name.split('$').at(-1)!] ?? 'remote', message);
}
