import { describe, expect, it } from 'vitest';
import {
  classify,
  parseRemoteException,
  toWarehouseError,
} from '../../../../src/warehouse/files/webhdfs/remote-exception.ts';

function body(exception: string, message: string): Buffer {
  const javaClassName = `org.apache.hadoop.${exception}`;
  return Buffer.from(JSON.stringify({ RemoteException: { exception, javaClassName, message } }));
}

describe('parseRemoteException', () => {
  it('cuts the Java stack trace off', () => {
    const text =
      '/t/a for client 127.0.0.1 already exists\n\tat org.apache.hadoop.FSDirWriteFileOp.startFile(F.java:388)\n';
    expect(parseRemoteException(body('FileAlreadyExistsException', text))).toEqual({
      name: 'FileAlreadyExistsException',
      message: '/t/a for client 127.0.0.1 already exists',
    });
  });

  it('finds the exception that another one carries', () => {
    const text = 'org.apache.hadoop.ipc.StandbyException: Operation category READ is not supported';
    expect(parseRemoteException(body('RemoteException', text))?.name).toBe('StandbyException');
    expect(parseRemoteException(body('IOException', text))?.name).toBe('StandbyException');
  });

  it.each([
    ['The maximum path component name limit of xxx in directory /wh is exceeded', 'PathComponentTooLongException'],
    ['Cannot create file/a. Name node is in safe mode.', 'SafeModeException'],
    ['Operation category WRITE is not supported in state standby.', 'StandbyException'],
    ['Namenode is in startup mode', 'RetriableException'],
    ['File /t/_sluice/staging/a (inode 7) [Lease. Holder: x] does not have any open files.', 'FileNotFoundException'],
    ["/a can't be moved into an encryption zone.", 'CrossesEncryptionZone'],
    ["token (token for alice: WEBHDFS_DELEGATION_TOKEN) can't be found in cache", 'InvalidToken'],
    ['Something else', 'RemoteException'],
  ])('knows "%s" without its class', (message, name) => {
    expect(parseRemoteException(body('RemoteException', message))?.name).toBe(name);
  });

  it('takes a file in the place of a folder for what it is, also for users whose rights are checked', () => {
    const text = '/wh/t/a (is not a directory)';
    expect(parseRemoteException(body('AccessControlException', text))?.name).toBe('ParentNotDirectoryException');
    const missing = 'Permission denied: user=alice, access=WRITE, inode="/":hdfs:supergroup:drwxr-xr-x';
    expect(parseRemoteException(body('AccessControlException', missing))?.name).toBe('AccessControlException');
  });

  it('finds why a login failed', () => {
    const why = 'Failed to obtain user group information: org.apache.hadoop.';
    const expired = `${why}security.token.SecretManager$InvalidToken: Token  has expired, current time: 2026-11-21`;
    expect(classify(parseRemoteException(body('SecurityException', expired))!)).toBe('refused-token');
    const standby = `${why}ipc.StandbyException: Operation category READ is not supported in state standby`;
    expect(classify(parseRemoteException(body('SecurityException', standby))!)).toBe('wrong-name-node');
    expect(classify({ name: 'SecretManager$InvalidToken', message: '' })).toBe('refused-token');
  });

  it('says what to do at the edge of an encryption zone, and that a swept file is not there', () => {
    const edge = parseRemoteException(body('IOException', "/a can't be moved from an encryption zone."))!;
    expect(toWarehouseError(edge, 'RENAME /a')).toMatchObject({ code: 'unsupported', isRetriable: false });
    expect(toWarehouseError(edge, 'RENAME /a').message).toContain('make the whole warehouse one');
    const swept = parseRemoteException(body('RemoteException', 'File /a (inode 7) does not have any open files.'))!;
    expect(toWarehouseError(swept, 'CREATE /a').code).toBe('not-found');
  });

  it('reads the exception in the page of a web server', () => {
    const title = 'Error 500 java.io.EOFException: Premature EOF from inputStream after skipping 11 byte(s).';
    expect(parseRemoteException(Buffer.from(`<html><head>\n<title>${title}</title>\n</head></html>`))).toEqual({
      name: 'EOFException',
      message: 'Premature EOF from inputStream after skipping 11 byte(s).',
    });
    expect(parseRemoteException(Buffer.from('<title>Error 404 Not Found</title>'))).toBeNull();
  });

  it('never shows a delegation token', () => {
    const text = 'token expired: /webhdfs/v1/a?op=OPEN&delegation=SECRETTOKEN&offset=0';
    expect(JSON.stringify(parseRemoteException(body('InvalidToken', text)))).not.toContain('SECRETTOKEN');
  });

  it.each(['', '<html>', 'null', '[]', '{}', '{"RemoteException":null}', '{"RemoteException":{"exception":7}}'])(
    'takes %j for no exception',
    (text) => {
      expect(parseRemoteException(Buffer.from(text))).toBeNull();
    },
  );
});

describe('the meaning of an exception', () => {
  it.each([
    ['StandbyException', 'Operation category READ is not supported in state standby', 'wrong-name-node'],
    ['RetriableException', 'Namenode is in startup mode', 'wrong-name-node'],
    ['SafeModeException', 'Cannot create file /a. Name node is in safe mode.', 'safe-mode'],
    ['IOException', 'Failed to find datanode, suggest to check cluster health. excludeDatanodes=null', 'no-data-node'],
    ['IOException', 'File /a could only be written to 0 of the 1 minReplication nodes. There are 0', 'no-data-node'],
    ['IOException', 'No active nodes contain this block', 'no-data-node'],
    ['SocketException', 'Call From vm/127.0.0.1 to localhost:8020 failed on socket exception', 'lost-name-node'],
    ['ConnectException', 'Call From vm/127.0.0.1 to localhost:8020 failed on connection exception', 'lost-name-node'],
    ['IOException', 'Failed on local exception: java.io.IOException: Connection reset by peer', 'lost-name-node'],
    ['BlockMissingException', 'Could not obtain block: BP-1', 'no-data-node'],
    ['IOException', 'something else', 'other'],
    ['AccessControlException', 'Permission denied: user=alice', 'other'],
  ])('%s "%s" is %s', (name, message, trouble) => {
    expect(classify({ name, message })).toBe(trouble);
  });

  it.each([
    ['FileNotFoundException', 'not-found', false],
    ['AlreadyBeingCreatedException', 'already-exists', false],
    ['AccessControlException', 'permission-denied', false],
    ['DSQuotaExceededException', 'quota-exceeded', false],
    ['FSLimitException$PathComponentTooLongException', 'bad-path', false],
    ['SomethingNewException', 'remote', false],
    ['StandbyException', 'unavailable', true],
    ['SafeModeException', 'unavailable', true],
  ])('%s becomes %s', (name, code, isRetriable) => {
    const error = toWarehouseError({ name, message: 'why' }, 'MKDIRS /a');
    expect(error).toMatchObject({ code, isRetriable, message: `MKDIRS /a: ${name}: why` });
  });
});
