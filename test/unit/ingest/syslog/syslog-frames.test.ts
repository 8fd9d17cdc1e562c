import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dropsOf } from '../../../../src/ingest/syslog/kernel-drops.ts';
import { SyslogFrames } from '../../../../src/ingest/syslog/syslog-frames.ts';

function framesOf(chunks: readonly (string | Buffer)[], maxBytes = 100): { text: string; cut: boolean }[] {
  const frames = new SyslogFrames(maxBytes);
  const all = [...chunks.flatMap((chunk) => frames.push(Buffer.from(chunk as string))), ...frames.finish()];
  return all.map(({ bytes, isTruncated }) => ({ text: bytes.toString(), cut: isTruncated }));
}

const textsOf = (chunks: readonly string[], maxBytes?: number): string[] =>
  framesOf(chunks, maxBytes).map(({ text }) => text);

describe('the framing of RFC 6587', () => {
  it.each([
    ['counted', ['5 <1>ab6 <1>cde'], ['<1>ab', '<1>cde']],
    ['lines', ['<1>ab\n<1>cde\n'], ['<1>ab', '<1>cde']],
    ['both in one stream', ['5 <1>ab<1>line\n6 <1>c\nd'], ['<1>ab', '<1>line', '<1>c\nd']],
    ['blank lines and returns between', ['\r\n\n<1>ab\n\0\n5 <1>cd'], ['<1>ab', '<1>cd']],
    ['a last line without a line feed', ['<1>ab'], ['<1>ab']],
    ['a counted message that does not end is none', ['9 <1>ab'], []],
    ['a line that begins with digits', ['2026 was a year\n'.replace(' ', 'x')], ['2026xwas a year']],
  ])('%s', (_, chunks, expected) => {
    expect(textsOf(chunks)).toEqual(expected);
  });

  it('does not care where the chunks are cut', () => {
    const message = fc.record({ text: fc.stringMatching(/^<\d{1,2}>[a-z ]{0,30}$/), isCounted: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (messages, cuts) => {
        const stream = messages
          .map(({ text, isCounted }) => (isCounted ? `${text.length} ${text}` : `${text}\n`))
          .join('');
        const ends = [...cuts.map((at) => at % (stream.length + 1)), 0, stream.length].sort((a, b) => a - b);
        const chunks = ends.slice(1).map((end, i) => stream.slice(ends[i], end));
        expect(textsOf(chunks)).toEqual(messages.map(({ text }) => text));
      }),
    );
  });

  it('cuts what is too long, marks it, and goes on behind it', () => {
    expect(framesOf([`20 ${'a'.repeat(20)}${'b'.repeat(15)}\n<1>c\n`], 10)).toEqual([
      { text: 'a'.repeat(10), cut: true },
      { text: 'b'.repeat(10), cut: true },
      { text: '<1>c', cut: false },
    ]);
  });

  it('a length that is none ends the stream', () => {
    expect(() => framesOf(['12345678901234 x'])).toThrow('expected a length of at most 7 digits');
  });
});

describe("the kernel's count of datagrams it threw away", () => {
  it('is the sum of the last column of the lines of our port', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
      '  100: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0000000000000000 17',
      '  101: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0000000000000000 5',
      '  102: 00000000:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0000000000000000 3',
      '',
    ].join('\n');
    expect(dropsOf(table, 5514)).toBe(20);
    expect(dropsOf('', 5514)).toBe(0);
  });
});
