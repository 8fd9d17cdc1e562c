import { describe, expect, it } from 'vitest';
import { parseWarehouseUrl } from '../../../../src/warehouse/files/warehouse-url.ts';

describe('parseWarehouseUrl', () => {
  it.each([
    ['file:///var/wh', '/var/wh'],
    ['file:///var/wh//', '/var/wh'],
    ['file:///a%20b/%C3%BC', '/a b/ü'],
    ['file://localhost/x', '/x'],
    ['file:///', '/'],
  ])('reads %s as the folder %s', (url, basePath) => {
    expect(parseWarehouseUrl(url)).toEqual({ kind: 'local', url, basePath });
  });

  it.each([
    ['webhdfs://nn1:9870/wh', '/wh', [{ host: 'nn1', port: 9870 }]],
    ['webhdfs://nn1/', '/', [{ host: 'nn1', port: 9870 }]],
    [
      'webhdfs://a:1,b:2,c/x/y/',
      '/x/y',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
        { host: 'c', port: 9870 },
      ],
    ],
    ['webhdfs://[::1]:50070/a%20b', '/a b', [{ host: '::1', port: 50_070 }]],
  ])('reads %s', (url, basePath, servers) => {
    const service = { kind: 'name-nodes', isTls: false, prefix: '/webhdfs/v1', servers };
    expect(parseWarehouseUrl(url)).toEqual({ kind: 'webhdfs', url, basePath, service });
  });

  it.each([
    ['swebhdfs://nn1,nn2:9/wh', 'name-nodes', true, '/webhdfs/v1', 9871],
    ['httpfs://h/wh', 'httpfs', false, '/webhdfs/v1', 14_000],
    ['httpfs+https://h:1/wh', 'httpfs', true, '/webhdfs/v1', 1],
    ['webhdfs+http://h/gateway/x/webhdfs/v1/wh', 'gateway', false, '/gateway/x/webhdfs/v1', 80],
    ['webhdfs+https://h:8443/gateway/x/webhdfs/v1/wh/', 'gateway', true, '/gateway/x/webhdfs/v1', 8443],
  ])('knows who answers at %s', (url, kind, isTls, prefix, port) => {
    const address = parseWarehouseUrl(url);
    expect(address).toMatchObject({ basePath: '/wh', service: { kind, isTls, prefix } });
    expect(address.kind === 'webhdfs' && address.service.servers[0]!.port).toBe(port);
  });

  it.each([
    ['', 'expected a URL such as file:///'],
    ['/var/wh', 'expected a URL such as file:///'],
    ['hdfs://nn1:8020/wh', 'expected file:// or webhdfs://'],
    ['s3a://bucket/wh', 'expected s3://BUCKET/PREFIX'],
    ['gs://bucket/wh', 'a store that refuses a taken name'],
    ['constructor://x/wh', 'expected file:// or webhdfs://'],
    ['webhdfs+https://knox:8443/gateway/default/warehouse', 'up to /webhdfs/v1'],
    ['webhdfs+https://knox:8443/gateway/default/webhdfs/v1', 'up to /webhdfs/v1'],
    ['httpfs://a,b/wh', 'one host of an HttpFS server'],
    ['webhdfs://nn1:9870', 'expected a path after the host'],
    ['webhdfs://nn1:9870/wh?user.name=x', 'expected a URL such as'],
    ['webhdfs:///wh', 'expected NameNodes as host or host:port'],
    ['webhdfs://nn1:0/wh', 'got "nn1:0"'],
    ['webhdfs://nn1:65536/wh', 'got "nn1:65536"'],
    ['webhdfs://nn1:http/wh', 'got "nn1:http"'],
    ['webhdfs://nn1:1,,nn2:2/wh', 'got ""'],
    ['webhdfs://nn1:1/a/../b', 'expected a path without'],
    ['webhdfs://nn1:1/a//b', 'expected a path without'],
    ['webhdfs://nn1:1/%zz', '% is followed by two hex digits'],
    ['file://otherhost/wh', 'expected file:/// and an absolute path'],
    ['file:///a%2Fb', 'expected file:/// and an absolute path'],
  ])('refuses "%s" and says what was expected', (url, message) => {
    expect(() => parseWarehouseUrl(url)).toThrow(message);
    expect(() => parseWarehouseUrl(url)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });

  it('does not repeat a password', () => {
    expect(() => parseWarehouseUrl('webhdfs://bob:secret@nn1:1/wh')).toThrow('--user');
    expect(() => parseWarehouseUrl('webhdfs://bob:secret@nn1:1/wh')).not.toThrow('secret');
  });
});
