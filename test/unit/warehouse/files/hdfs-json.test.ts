import { describe, expect, it } from 'vitest';
import { parseLong, parseToken, serverTimeMs } from '../../../../src/warehouse/files/webhdfs/hdfs-json.ts';

const answer = (...rawHeaders: string[]) => ({ status: 200, headers: {}, rawHeaders, body: Buffer.alloc(0) });
const [before, after] = ['Sat, 21 Nov 2026 14:06:54 GMT', 'Sat, 21 Nov 2026 14:06:57 GMT'];

describe('answers of WebHDFS', () => {
  it('tell the time after the work, of two dates that a proxy has joined as well', () => {
    for (const headers of [
      ['Date', before, 'Date', after],
      ['date', `${before}, ${after}`],
    ]) {
      expect(serverTimeMs(answer(...headers))).toBe(Date.parse(after));
    }
    expect(() => serverTimeMs(answer('Server', 'Jetty'))).toThrow('expected a Date header');
  });

  it('hold a token, or say that there is none to be had', () => {
    expect(parseToken(Buffer.from('{"Token":{"urlString":"AB-_cd"}}'))).toBe('AB-_cd');
    expect(() => parseToken(Buffer.from('{"Token":null}'))).toThrow('runs without Kerberos');
    expect(() => parseToken(Buffer.from('{"Token":{"urlString":"a&b"}}'))).toThrow('expected a delegation token');
    expect(parseLong(Buffer.from('{"long":1320962673997}'))).toBe(1_320_962_673_997);
  });
});
