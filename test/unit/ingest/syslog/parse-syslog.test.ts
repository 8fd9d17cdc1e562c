import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSyslog } from '../../../../src/ingest/syslog/parse-syslog.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const parse = (text: string | Buffer) =>
  parseSyslog(Buffer.from(text as string), { atMs: nowMs, from: '127.0.0.1', isTruncated: false });

describe('RFC 5424', () => {
  it('the examples of the RFC are read as it says', () => {
    expect(
      parse("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick"),
    ).toEqual({
      ts: '2003-10-11T22:14:15.003Z',
      type: 'syslog',
      format: 'rfc5424',
      facility: 'auth',
      severity: 'crit',
      host: 'mymachine.example.com',
      app: 'su',
      pid: null,
      message_id: 'ID47',
      data: null,
      message: "'su root' failed for lonvick",
      received: '2026-11-21T12:00:00.000Z',
      from: '127.0.0.1',
    });
    expect(parse('<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It is time.')).toMatchObject({
      ts: '2003-08-24T12:14:15.000Z',
      facility: 'local4',
      severity: 'notice',
      pid: '8710',
      message: '%% It is time.',
    });
    const structured =
      '<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application"][examplePriority@32473 class="high"]';
    expect(parse(`${structured} An event`)).toMatchObject({
      data: {
        'exampleSDID@32473': { iut: '3', eventSource: 'Application' },
        'examplePriority@32473': { class: 'high' },
      },
      message: 'An event',
    });
    expect(parse(structured)).toMatchObject({ message: '', data: { 'examplePriority@32473': { class: 'high' } } });
  });

  it.each([
    [
      'escaped quotes, brackets and backslashes',
      '[a@1 x="q\\" b\\] s\\\\ n\\n"] m',
      { 'a@1': { x: 'q" b] s\\ n\\n' } },
      'm',
    ],
    ['a parameter that comes twice', '[a@1 ip="1" ip="2"] m', { 'a@1': { ip: ['1', '2'] } }, 'm'],
    ['a name that objects have already', '[__proto__ constructor="1"] m', null, 'm'],
    ['an element that does not end is part of the message', '[a@1 x="1" m', null, '[a@1 x="1" m'],
    ['text behind an element without a space is no element', '[a@1 x="1"]m', null, '[a@1 x="1"]m'],
  ])('%s', (_, rest, data, message) => {
    const event = parse(`<13>1 2026-01-01T00:00:00Z h a p i ${rest}`);
    expect(event.message).toBe(message);
    if (data) expect(event.data).toEqual(data);
    expect(({} as Record<string, unknown>)['constructor']).toBe(Object);
  });

  it('a time that is none is the time of reception', () => {
    expect(parse('<13>1 - h a - - - m')).toMatchObject({ ts: '2026-11-21T12:00:00.000Z', message: 'm' });
    expect(parse('<13>1 2026-13-45T99:00:00Z h a - - - m').ts).toBe('2026-11-21T12:00:00.000Z');
  });
});

describe('RFC 3164', () => {
  it('the examples of the RFC are read as it says, in the year that is nearest', () => {
    expect(parse("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8")).toMatchObject({
      ts: new Date(2026, 9, 11, 22, 14, 15).toISOString(),
      format: 'rfc3164',
      facility: 'auth',
      severity: 'crit',
      host: 'mymachine',
      app: 'su',
      message: "'su root' failed for lonvick on /dev/pts/8",
    });
    const newYear = (text: string, atMs: number) =>
      parseSyslog(Buffer.from(text), { atMs, from: '', isTruncated: false }).ts;
    const january = new Date(2027, 0, 1, 0, 0, 5).getTime();
    expect(newYear('<13>Dec 31 23:59:59 h a: m', january)).toBe(new Date(2026, 11, 31, 23, 59, 59).toISOString());
    const december = new Date(2026, 11, 31, 23, 59, 58).getTime();
    expect(newYear('<13>Jan  1 00:00:01 h a: m', december)).toBe(new Date(2027, 0, 1, 0, 0, 1).toISOString());
  });

  it.each([
    ['<13>Feb  5 17:32:18 10.0.0.99 app[12]: ready', { host: '10.0.0.99', app: 'app', pid: '12', message: 'ready' }],
    ['<13>2026-11-21T10:00:00.5+01:00 web nginx: GET /', { ts: '2026-11-21T09:00:00.500Z', host: 'web', app: 'nginx' }],
    ['<13>Nov 21 12:00:00 sshd[7]: no host', { host: null, app: 'sshd', pid: '7', message: 'no host' }],
    ['<13>sendmail: no time', { host: null, app: 'sendmail', message: 'no time' }],
    ['<13>only words here', { app: null, message: 'only words here' }],
    ['<999>Nov 21 12:00:00 h a: m', { format: 'unknown', severity: null, message: '<999>Nov 21 12:00:00 h a: m' }],
    ['no syslog at all', { format: 'unknown', facility: null, message: 'no syslog at all' }],
    ['', { format: 'unknown', message: '' }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toMatchObject(expected);
  });
});

describe('hostile messages', () => {
  it('any bytes become an event that JSON can carry', () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        '<34>',
        '<34>1 ',
        '2003-10-11T22:14:15Z',
        ' - ',
        '[a@1 b="',
        '"]',
        ']',
        '\\"',
        '\ufeff',
        '\0',
        'Oct 11 22:14:15 ',
      ),
      fc.string(),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc.array(pieces, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const event = parse(input);
        expect(JSON.parse(JSON.stringify(event))).toMatchObject({
          type: 'syslog',
          received: '2026-11-21T12:00:00.000Z',
        });
        expect(Number.isNaN(Date.parse(event.ts))).toBe(false);
      }),
    );
  });

  it('long repetitions are read in a time that grows with their length', () => {
    for (const text of [
      `<13>1 - h a - - ${'['.repeat(60_000)}`,
      `<13>1 - h a - - [a@1 ${'x="\\\\" '.repeat(10_000)}`,
      `<13>${'a'.repeat(60_000)}`,
    ]) {
      expect(parse(text).message.length).toBeGreaterThan(0);
    }
    expect(parse(`<13>1 - h a - - ${'[a@1 b="c"]'.repeat(5000)} end`).message).toBe('end');
    const names = Array.from({ length: 5000 }, (_, i) => `[a@1 b${i}="c"]`).join('');
    expect(Object.keys(parse(`<13>1 - h a - - ${names} end`).data!['a@1']!).length).toBe(5000);
  });

  it('what is not UTF-8 is kept as Latin-1', () => {
    expect(parse(Buffer.from('<13>app: caf\xe9', 'latin1')).message).toBe('café');
  });
});
