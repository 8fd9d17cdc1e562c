import { describe, expect, it } from 'vitest';
import { parseRedirect } from '../../../../src/warehouse/files/webhdfs/redirect.ts';

const hdfs = { kind: 'name-nodes', isTls: false, servers: [{ host: 'nn', port: 9870 }] } as const;
const gateway = { kind: 'gateway', isTls: true, servers: [{ host: 'Knox.example.com', port: 8443 }] } as const;
const path = '/webhdfs/v1/a?op=CREATE&delegation=SECRET&namenoderpcaddress=nn:8020';

describe('parseRedirect', () => {
  it('takes the address apart and keeps the query as it came', () => {
    expect(parseRedirect(`http://dn1.example.com:9864${path}`, hdfs, undefined)).toEqual({
      host: 'dn1.example.com',
      port: 9864,
      path,
    });
    expect(parseRedirect(`http://[::1]${path}`, hdfs, ['::1'])).toEqual({ host: '::1', port: 80, path });
  });

  it('follows to listed hosts and to all below a listed domain', () => {
    const allowed = ['dn1', '.example.com'];
    for (const host of ['dn1', 'DN1', 'x.example.com', 'a.b.example.com']) {
      expect(parseRedirect(`http://${host}:1${path}`, hdfs, allowed).host).toBe(host.toLowerCase());
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
    expect(() => parseRedirect(location, hdfs, ['dn1', '.example.com'])).toThrow(message);
  });

  it('does not show a token in what it refuses', () => {
    expect(() => parseRedirect(`https://dn1:1${path}`, hdfs, undefined)).not.toThrow('SECRET');
    expect(() => parseRedirect(`https://dn1:1${path}`, hdfs, undefined)).toThrow('delegation=***');
  });

  it('goes to no other host than the gateway, which is shown our credentials again, and may lead anywhere there', () => {
    const location = 'https://knox.example.com:8443/gateway/default/webhdfs/data/v1/webhdfs/v1/a?_=AAA';
    expect(parseRedirect(location, gateway, undefined)).toMatchObject({ host: 'knox.example.com', port: 8443 });
    for (const other of [location.replace('8443', '8444'), location.replace('knox', 'dn1')]) {
      expect(() => parseRedirect(other, gateway, ['.example.com'])).toThrow('the gateway Knox.example.com:8443 itself');
    }
    expect(() => parseRedirect(location.replace('https', 'http'), gateway, undefined)).toThrow('an https:// address');
  });
});
