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
    return parseErrorPage(body.toString());
  }
  const found = (parsed as { RemoteException?: Record<string, unknown> } | null)?.RemoteException;
  if (typeof found?.['exception'] !== 'string') return null;
  const message = typeof found['message'] === 'string' ? found['message'] : '';
  return unwrap({ name: found['exception'], message: redactSecrets(message.split(/\n\s*at /)[0]!.trim()) });
}

/**
 * What fails outside of WebHDFS itself is shown as the web server's page: `Error 500 java.io.EOFException: text` from an HttpFS
 * that opens a file, `Error 403 GSSException: text` for a Kerberos proof that is not accepted.
 */
function parseErrorPage(page: string): RemoteException | null {
  const [, name, message] = /<title>Error \d+ (?:[a-z0-9]+\.)*(\w+Exception): ([^<]*)<\/title>/.exec(page) ?? [];
  return name === undefined ? null : { name, message: redactSecrets(message ?? '') };
}

/**
 * A DataNode or HttpFS passes a NameNode's exception on inside an `IOException` or a `RemoteException`: with its class in front
 * of the message (`org...StandbyException: text`), or as the bare message.
 */
function unwrap(exception: RemoteException): RemoteException {
  const { name: outer } = exception;
  // Whoever is not the super-user hears of a file in the place of a folder as of a right that is missing.
  if (outer === 'AccessControlException' && exception.message.endsWith('(is not a directory)')) {
    return { name: 'ParentNotDirectoryException', message: exception.message };
  }
  if (outer === 'SecurityException' || outer === 'ContainerException') return unwrapLogin(exception);
  if (outer !== 'RemoteException' && outer !== 'IOException') return exception;
  const [, name, message] = /^(?:[a-z0-9]+\.)+([A-Za-z$]+Exception): ?(.*)$/s.exec(exception.message) ?? [];
  if (name) return { name, message: message ?? '' };
  const known = bareMessages.find(([pattern]) => pattern.test(exception.message));
  return known ? { name: known[1], message: exception.message } : exception;
}

/** `Failed to obtain user group information: org...SecretManager$InvalidToken: Token has expired`, or of a standby. */
function unwrapLogin(exception: RemoteException): RemoteException {
  const [, name, message] =
    /: (?:[a-z0-9]+\.)+(?:SecretManager\$)?(InvalidToken|\w+Exception): (.*)$/s.exec(exception.message) ?? [];
  return name ? { name, message: message ?? '' } : exception;
}

const bareMessages: [RegExp, string][] = [
  [/^token \(.*\) (is expired|can't be found in cache)|^Token +has expired/s, 'InvalidToken'],
  [
    /(can't|cannot) be moved (in)?to an encryption zone|(can't|cannot) be moved from (an )?encryption zone/,
    'CrossesEncryptionZone',
  ],
  [/does not have any open files/, 'FileNotFoundException'],
  [/Name node is in safe mode/i, 'SafeModeException'],
  [/not supported in state (standby|observer)/i, 'StandbyException'],
  [/in startup mode/i, 'RetriableException'],
  [/maximum path component name limit/i, 'PathComponentTooLongException'],
  [/maximum directory items/i, 'MaxDirectoryItemsExceededException'],
];

/**
 * Passing troubles, each answered in its own way:
 * - `wrong-name-node`: not the active one, or not ready yet; nothing was done.
 * - `lost-name-node`: whoever we asked lost its own connection to the NameNode; the call may have been carried out.
 * - `safe-mode`: nothing is written until people or block reports end it.
 * - `no-data-node`: none has the block, or none takes it.
 * - `refused-token`: the delegation token has ended, was cancelled, or is not known (yet).
 * - `other`: for the caller to judge.
 */
export type RemoteTrouble =
  | 'wrong-name-node'
  | 'lost-name-node'
  | 'safe-mode'
  | 'no-data-node'
  | 'refused-token'
  | 'other';

const troubles: Record<string, RemoteTrouble> = {
  StandbyException: 'wrong-name-node',
  ObserverRetryOnActiveException: 'wrong-name-node',
  RetriableException: 'wrong-name-node', // starting up, or in the safe mode of a start
  ServerTooBusyException: 'wrong-name-node',
  ConnectException: 'lost-name-node',
  ConnectTimeoutException: 'lost-name-node',
  NoRouteToHostException: 'lost-name-node',
  SocketException: 'lost-name-node',
  SocketTimeoutException: 'lost-name-node',
  EOFException: 'lost-name-node',
  ClosedChannelException: 'lost-name-node',
  InterruptedIOException: 'lost-name-node',
  SafeModeException: 'safe-mode',
  BlockMissingException: 'no-data-node',
  InvalidToken: 'refused-token',
};

export function classify(exception: RemoteException): RemoteTrouble {
  if (isPastEnd(exception)) return 'other';
  const trouble = troubles[exception.name.split('$').at(-1)!];
  if (trouble) return trouble;
  if (noDataNode.test(exception.message)) return 'no-data-node';
  return /^Call From .* failed on|Failed on local exception/.test(exception.message) ? 'lost-name-node' : 'other';
}

/** OPEN with an offset behind the end: what a NameNode, and what HttpFS, says. */
export function isPastEnd({ message }: RemoteException): boolean {
  return /^Offset=\d+ out of the range|^Premature EOF from inputStream after skipping/.test(message);
}

// NameNode: none to redirect to; none that has the block; none that takes it. DataNode: none to read from; its pipeline broke.
const noDataNode =
  /Failed to find datanode|No active nodes contain|could only be (written|replicated) to 0|Could not obtain block|All datanodes .* are bad|Unable to create new block/i;

const codes: Record<string, WarehouseErrorCode> = {
  FileNotFoundException: 'not-found',
  LeaseExpiredException: 'not-found', // the folder was removed while its file was being written
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
  GSSException: 'permission-denied',
  CrossesEncryptionZone: 'unsupported',
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
  if (/could only be (written|replicated) to 0/.test(message))
    return new WarehouseError('no-space', message, { isRetriable: true });
  if (trouble === 'refused-token') return new WarehouseError('permission-denied', message, { isRetriable: true });
  if (trouble !== 'other') return new WarehouseError('unavailable', message, { isRetriable: true });
  if (exception.name === 'CrossesEncryptionZone') {
    const advice = 'a table and its staging folder lie in one encryption zone: make the whole warehouse one';
    return new WarehouseError('unsupported', `${call}: ${exception.message} (${advice})`);
  }
  return new WarehouseError(codes[exception.name.split('$').at(-1)!] ?? 'remote', message);
}
