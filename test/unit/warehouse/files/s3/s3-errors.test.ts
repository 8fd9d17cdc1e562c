import { describe, expect, it } from 'vitest';
import { parseRefusal, toS3Error, verdictOn } from '../../../../../src/warehouse/files/s3/s3-errors.ts';

const xml = (code: string): Buffer =>
  Buffer.from(`<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>a &amp; b</Message></Error>`);

describe('parseRefusal', () => {
  it('reads code and message, or makes them of the status', () => {
    expect(parseRefusal(404, xml('NoSuchKey'), false)).toEqual({ status: 404, code: 'NoSuchKey', message: 'a & b' });
    expect(parseRefusal(404, Buffer.alloc(0), false)).toMatchObject({ code: 'Http404' });
    expect(parseRefusal(502, Buffer.from('<html><p>Bad Gateway'), false)).toMatchObject({ code: 'Http502' });
    expect(parseRefusal(200, Buffer.from('PAR1 no XML'), true)).toBeNull();
  });

  it('finds an error in a 200 only where one can be, for a file may look like one', () => {
    expect(parseRefusal(200, xml('InternalError'), true)).toMatchObject({ code: 'InternalError' });
    expect(parseRefusal(200, xml('InternalError'), false)).toBeNull();
  });
});

describe('verdictOn', () => {
  it.each([
    [503, 'SlowDown', 'again'],
    [429, 'Http429', 'again'],
    [503, 'Http503', 'unclear'],
    [500, 'InternalError', 'unclear'],
    [200, 'InternalError', 'unclear'],
    [504, 'Http504', 'unclear'],
    [403, 'RequestTimeTooSkewed', 'clock'],
    [400, 'ExpiredToken', 'credentials'],
    [501, 'NotImplemented', 'final'],
    [507, 'XMinioStorageFull', 'final'],
    [412, 'PreconditionFailed', 'final'],
    [403, 'AccessDenied', 'final'],
  ] as const)('of status %d with %s is "%s"', (status, code, verdict) => {
    expect(verdictOn({ status, code, message: '' })).toBe(verdict);
  });
});

describe('toS3Error', () => {
  it.each([
    [404, 'NoSuchBucket', 'not-found'],
    [403, 'SignatureDoesNotMatch', 'permission-denied'],
    [400, 'KeyTooLongError', 'bad-path'],
    [507, 'XMinioStorageFull', 'no-space'],
    [501, 'NotImplemented', 'unsupported'],
    [400, 'InvalidRequest', 'remote'],
  ] as const)('of status %d with %s has the code "%s"', (status, code, expected) => {
    const error = toS3Error({ status, code, message: 'text' }, 'PUT a/b');
    expect(error).toMatchObject({ code: expected, isRetriable: false });
    expect(error.message).toBe(`PUT a/b: ${code}: text`);
  });

  it('asks about the region where a store points elsewhere', () => {
    const refusal = { status: 301, code: 'PermanentRedirect', message: 'text' };
    expect(toS3Error(refusal, 'GET ').message).toContain('is the region right?');
  });
});
