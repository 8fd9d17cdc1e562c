import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxTimeMs, minTimeMs, TimeParser } from '../../../../src/warehouse/parquet/event-time.ts';

function parse(text: string): number | null {
  const bytes = Buffer.from(text);
  const parser = new TimeParser();
  return parser.parseTimestamp(bytes, 0, bytes.length) === bytes.length ? parser.value : null;
}

describe('TimeParser', () => {
  it('agrees with Date on every time of the years 1 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: minTimeMs, max: maxTimeMs }), (timeMs) => {
        expect(parse(new Date(timeMs).toISOString())).toBe(timeMs);
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with Date on offsets of time zones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: -1439, max: 1439 }), (timeMs, minutes) => {
        const local = new Date(timeMs + minutes * 60_000).toISOString().slice(0, -1);
        const [hour, minute] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) =>
          String(part).padStart(2, '0'),
        );
        expect(parse(`${local}${minutes < 0 ? '-' : '+'}${hour}:${minute}`)).toBe(timeMs);
      }),
    );
  });

  it.each([
    ['2026-11-21T07:30:00Z', '2026-11-21T07:30:00.000Z'],
    ['2026-11-21t07:30:00z', '2026-11-21T07:30:00.000Z'],
    ['2026-11-21 07:30:00Z', '2026-11-21T07:30:00.000Z'],
    ['2026-11-21T07:30:00.1Z', '2026-11-21T07:30:00.100Z'],
    ['2026-11-21T07:30:00.12Z', '2026-11-21T07:30:00.120Z'],
    ['2026-11-21T07:30:00.123999999Z', '2026-11-21T07:30:00.123Z'],
    ['2024-02-29T00:00:00-00:00', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T23:59:59Z', '2000-02-29T23:59:59.000Z'],
  ])('reads %s', (text, iso) => {
    expect(parse(text)).toBe(Date.parse(iso));
  });

  it('says when digits beyond the milliseconds are lost', () => {
    const parser = new TimeParser();
    for (const [text, isFiner] of [
      ['2026-11-21T07:30:00.123000Z', false],
      ['2026-11-21T07:30:00.1230001Z', true],
    ] as const) {
      const bytes = Buffer.from(text);
      expect(parser.parseTimestamp(bytes, 0, bytes.length)).toBe(bytes.length);
      expect(parser.isFiner).toBe(isFiner);
    }
  });

  it.each([
    '',
    '2026-11-21',
    '2026-11-21T07:30:00',
    '2026-11-21T07:30Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T07:60:00Z',
    '2026-11-21T07:30:60Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2026-11-21T07:30:00.Z',
    '2026-11-21T07:30:00+0200',
    '2026-11-21T07:30:00+24:00',
    '2026-11-21T07:30:00+02:60',
    '2026-11-21T07:30:00 Z',
    '2026-11-21\u000007:30:00Z',
    '26-11-21T07:30:00.000Z',
    '2026-11-21T07:30:00ZZ',
    '+2026-11-21T07:30:00Z',
    '2026/11/21T07:30:00Z',
    '2026-11-21T07:30:00,5Z',
  ])('refuses %j', (text) => {
    expect(parse(text)).toBeNull();
  });
});
