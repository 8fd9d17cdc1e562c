import { describe, expect, it } from 'vitest';
import { parseRedirect } from '../../../../src/warehouse/files/webhdfs/redirect.ts';

const path = '/webhdfs/v1/a?op=CREATE&delegation=SECRET&namenoderpcaddress=nn:8020';

describe('parseRedirect', () => {
  it('takes the address apart and keeps the query as it came', () => {
    expect(parseRedirect(`http://dn1.example.com:9864${path}`, undefined)).toEqual({
      host: 'dn1.example.com',
      port: 9864,
      path,
    });
    expect(parseRedirect(`http://[::1]${path}`, ['::1'])).toEqual({ host: '::1', port: 80, path });
  });

  it('follows to listed hosts and to all below a listed domain', () => {
    const allowed = ['dn1', '.example.com'];
    for (const host of ['dn1', 'DN1', 'x.example.com', 'a.b.example.com']) {
      expect(parseRedirect(`http://${host}:1${path}`, allowed).host).toBe(host.toLowerCase());
    }
  });

  it.each([
    ['https://dn1:1/webhdfs/v1/a', 'an http:// address'],
    ['ftp://dn1/webhdfs/v1/a', 'an http:// address'],
    ['/webhdfs/v1/a', 'an http:// address'],
    [undefined, 'got none'],
    ['http://bob:pw@dn1/webhdfs/v1/a', 'without a user'],
    ['http://dn1/jmx', 'below /webhdfs/v1/'],
    ['http://dn1/webhdfs/v1/../../latest/meta-data', 'below /webhdfs/v1/'],
    ['http://dn2/webhdfs/v1/a', 'a host among dn1, .example.com'],
    ['http://example.com/webhdfs/v1/a', 'a host among'],
    ['http://evil-example.com/webhdfs/v1/a', 'a host among'],
  ])('refuses %s', (location, message) => {
    expect(() => parseRedirect(location, ['dn1', '.example.com'])).toThrow(message);
  });

  it('does not show a token in what it refuses', () => {
    expect(() => parseRedirect(`https://dn1:1${path}`, undefined)).not.toThrow('SECRET');
    expect(() => parseRedirect(`https://dn1:1${path}`, undefined)).toThrow('delegation=***');
  });
});
