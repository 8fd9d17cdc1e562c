import { describe, expect, it } from 'vitest';
import { parseSentinelUrl } from '../../../../src/online/stats/sentinel-url.ts';

describe('the URL of sentinels', () => {
  it('names them, the name they watch, the database, and how to be let in there', () => {
    expect(parseSentinelUrl('redis+sentinel://a:1,b/counters')).toEqual({
      ...{ name: 'counters', db: 0 },
      sentinels: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26379 },
      ],
    });
    expect(parseSentinelUrl('redis+sentinel://joe:s%40c@[::1]:2/m/3')).toEqual({
      ...{ sentinels: [{ host: '::1', port: 2 }], name: 'm', db: 3, username: 'joe', password: 's@c' },
    });
    expect(parseSentinelUrl('redis+sentinel://:secret@a/m')).toMatchObject({ password: 'secret' });
  });

  it('is none of a Redis itself', () => {
    expect(parseSentinelUrl('redis://a:1/0')).toBe(null);
  });

  it.each([
    'redis+sentinel://a:1',
    'redis+sentinel://a:1,/m',
    'redis+sentinel://a:99999/m',
    'redis+sentinel://a/m/x',
    'rediss+sentinel://a/m',
    'redis+sentinel://joe:secret@a:b/m',
  ])('%s is refused, with what was expected and without the password', (url) => {
    expect(() => parseSentinelUrl(url)).toThrow(/^expected a URL of sentinels like redis\+sentinel:/);
    expect(() => parseSentinelUrl(url)).not.toThrow(/secret/);
  });
});
