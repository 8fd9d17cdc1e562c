import { describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../../../../src/shared/index.ts';
import { s3Options } from '../../../../../src/warehouse/files/s3/open-s3.ts';
import { parseS3Url } from '../../../../../src/warehouse/files/s3/s3-url.ts';

describe('parseS3Url', () => {
  it('takes bucket, prefix and the options', () => {
    const url = 's3://my-bucket/a/b%20c/?endpoint=http://127.0.0.1:9000&region=eu-central-1&style=virtual';
    expect(parseS3Url(url)).toEqual({
      kind: 's3',
      url,
      bucket: 'my-bucket',
      prefix: 'a/b c',
      endpoint: 'http://127.0.0.1:9000',
      region: 'eu-central-1',
      style: 'virtual',
    });
    expect(parseS3Url('s3://bucket')).toMatchObject({ prefix: '', endpoint: null, region: null, style: null });
  });

  it.each([
    ['s3://', 'the name of a bucket'],
    ['s3://b!/x', 'the name of a bucket'],
    ['s3://bucket/a//b', 'a path without empty'],
    ['s3://bucket/a/../b', 'a path without empty'],
    ['s3://bucket/%zz', '% is followed by two hex digits'],
    ['s3://bucket/a?secret=x', 'only the options endpoint, region, style (got "secret")'],
    ['s3://bucket/a?style=host', 'style=path or style=virtual'],
    ['s3://bucket/a?endpoint=minio:9000', 'an endpoint such as'],
    ['s3://bucket/a?endpoint=http://minio:9000/path', 'an endpoint such as'],
  ])('refuses "%s" and says what was expected', (url, message) => {
    expect(() => parseS3Url(url)).toThrow(message);
    expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });

  it.each(['s3://key:secret@bucket/a', 's3://bucket/a?endpoint=http://key:secret@minio:9000'])(
    'never repeats the credentials of %s',
    (url) => {
      expect(() => parseS3Url(url)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('secret') }),
      );
    },
  );
});

describe('s3Options', () => {
  it.each([
    ['s3://bucket/a', {}, 'https://s3.us-east-1.amazonaws.com', false],
    ['s3://bucket/a', { AWS_REGION: 'eu-west-1' }, 'https://s3.eu-west-1.amazonaws.com', false],
    ['s3://bucket/a?region=eu-west-3', { AWS_REGION: 'eu-west-1' }, 'https://s3.eu-west-3.amazonaws.com', false],
    ['s3://my.bucket/a', {}, 'https://s3.us-east-1.amazonaws.com', true],
    ['s3://bucket/a', { AWS_ENDPOINT_URL: 'http://one:1' }, 'http://one:1', true],
    ['s3://bucket/a', { AWS_ENDPOINT_URL: 'http://one:1', AWS_ENDPOINT_URL_S3: 'http://two:2' }, 'http://two:2', true],
    [
      's3://bucket/a?endpoint=http://three:3&style=virtual',
      { AWS_ENDPOINT_URL: 'http://one:1' },
      'http://three:3',
      false,
    ],
  ])('of %s with %j', (url, environment, endpoint, isPathStyle) => {
    const policy = { firstDelayMs: 1, maxDelayMs: 1, giveUpAfterMs: 1, alarmEveryMs: 1 };
    const timeouts = { connectMs: 1, idleMs: 1, totalMs: 1, continueMs: 1, refusalMs: 1 };
    const context = { policy, timeouts, clock: systemClock, random: Math.random, logger: silentLogger };
    expect(s3Options(parseS3Url(url), context, environment)).toMatchObject({ endpoint, isPathStyle });
  });
});
