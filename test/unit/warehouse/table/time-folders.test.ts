// Promise: every instant has one folder of the zone's wall clock, in every zone and over every change of clocks; a folder is one
// hour of the contract. (Pain 18 of docs/why.md: zone, daylight saving, `YYYY`.)
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathFormat, TimeFolders, TimeZone } from '../../../../src/warehouse/index.ts';

const minuteMs = 60_000;
const at = (text: string): number => Date.parse(text);
const minutesOf = (folders: TimeFolders, key: string): number | null => {
  const period = folders.period(key);
  return period && (period.endMs - period.startMs) / minuteMs;
};

describe('folders', () => {
  it.each([
    ['Europe/Berlin', '2026-11-20T23:30:00Z', 'dt=2026-11-21/hr=00'],
    ['Asia/Kolkata', '2026-11-20T18:29:59.999Z', 'dt=2026-11-20/hr=23'],
    ['Asia/Kolkata', '2026-11-20T18:30:00Z', 'dt=2026-11-21/hr=00'],
    ['Asia/Kathmandu', '2026-11-20T18:15:00Z', 'dt=2026-11-21/hr=00'],
    ['America/New_York', '2027-01-01T04:59:59Z', 'dt=2026-12-31/hr=23'],
    // Clocks go forward at 01:00Z: 01 is followed by 03.
    ['Europe/Berlin', '2026-03-29T00:59:59.999Z', 'dt=2026-03-29/hr=01'],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', 'dt=2026-03-29/hr=03'],
    // Clocks go back at 01:00Z: 02 comes twice, and is one folder.
    ['Europe/Berlin', '2026-10-25T00:30:00Z', 'dt=2026-10-25/hr=02'],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', 'dt=2026-10-25/hr=02'],
    ['Europe/Berlin', '2026-10-25T02:00:00Z', 'dt=2026-10-25/hr=03'],
    // Half an hour.
    ['Australia/Lord_Howe', '2026-04-04T15:15:00Z', 'dt=2026-04-05/hr=01'],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00Z', 'dt=2026-10-04/hr=02'],
  ])('in %s put %s into %s', (zone, time, folder) => {
    expect(new TimeFolders({ zone }).at(at(time)).folder).toBe(folder);
  });

  it.each([
    ['Europe/Berlin', '2026-10-25T02', 120],
    ['Europe/Berlin', '2026-10-25T03', 60],
    ['Europe/Berlin', '2026-03-29T02', null],
    ['Europe/Berlin', '2026-03-29T03', 60],
    ['America/New_York', '2026-11-01T01', 120],
    ['America/New_York', '2026-03-08T02', null],
    ['Australia/Lord_Howe', '2026-04-05T01', 90],
    ['Australia/Lord_Howe', '2026-10-04T02', 30],
    ['Asia/Kolkata', '2026-10-25T02', 60],
    ['Pacific/Apia', '2011-12-30T12', null], // a whole day was skipped
    ['Antarctica/Troll', '2026-10-25T01', 180], // 01, 02, 01, 02: back by two hours
    ['UTC', '2026-02-29T00', null],
  ])('in %s the hour %s spans %s minutes', (zone, key, minutes) => {
    expect(minutesOf(new TimeFolders({ zone }), key)).toBe(minutes);
  });

  it('of days have 23 or 25 hours when clocks change', () => {
    const days = new TimeFolders({ zone: 'Europe/Berlin', pathFormat: 'year=yyyy/month=MM/day=dd' });
    expect(minutesOf(days, '2026-03-29')).toBe(23 * 60);
    expect(minutesOf(days, '2026-10-25')).toBe(25 * 60);
    expect(days.at(at('2026-10-25T22:59:59Z')).folder).toBe('year=2026/month=10/day=25');
  });

  const zones = [
    ...['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Asia/Kolkata'],
    ...['Pacific/Apia', 'Antarctica/Troll', 'America/Sao_Paulo', 'Africa/Casablanca', 'Africa/Monrovia'],
  ];

  it('agree with the clock of the zone at every instant, and can be read back', () => {
    const folders = new Map(zones.map((zone) => [zone, new TimeFolders({ zone })]));
    const formats = new Map(
      zones.map((timeZone) => [
        timeZone,
        new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
      ]),
    );
    const times = fc.integer({ min: at('1970-01-01T00:00Z'), max: at('2037-01-01T00:00Z') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), times, (zone, timeMs) => {
        const segment = folders.get(zone)!.at(timeMs);
        const shown = formats.get(zone)!.format(timeMs); // 2026-10-25 02:30
        expect(segment.folder).toBe(`dt=${shown.slice(0, 10)}/hr=${shown.slice(11, 13)}`);
        expect(timeMs >= segment.startMs && timeMs < segment.endMs).toBe(true);
        const period = folders.get(zone)!.periodOfFolder(segment.folder)!;
        expect(period.key).toBe(segment.key);
        expect(period.startMs <= segment.startMs && period.endMs >= segment.endMs).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it.each(zones)('cover the time line of %s without a hole or an overlap', (zone) => {
    const folders = new TimeFolders({ zone });
    for (const from of ['2011-12-28T00:00:00Z', '2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z']) {
      for (let next = at(from); next < at(from) + 9 * 86_400_000; ) {
        const { startMs, endMs } = folders.at(next);
        expect(startMs).toBeLessThanOrEqual(next);
        expect(endMs).toBeGreaterThan(next);
        expect(folders.at(endMs - 1).startMs).toBe(startMs);
        next = endMs;
      }
    }
  });

  it('follow each other without a doubled hour', () => {
    const berlin = new TimeFolders({ zone: 'Europe/Berlin' });
    const day = [...berlin.between(at('2026-10-24T22:00:00Z'), at('2026-10-25T23:00:00Z'))].map(({ key }) => key);
    expect(day).toHaveLength(24);
    expect(new Set(day).size).toBe(24);
  });
});

describe('an hour that a person names', () => {
  const berlin = new TimeFolders({ zone: 'Europe/Berlin' });

  it.each([
    ['2026-10-25T02', '2026-10-25T02'],
    ['2026-10-25T02+02:00', '2026-10-25T02'],
    ['2026-10-25T02+01:00', '2026-10-25T02'],
    ['2026-10-25T00:30Z', '2026-10-25T02'],
    ['2026-11-20T22:15:00Z', '2026-11-20T23'],
  ])('%s is %s', (text, key) => {
    expect(berlin.parse(text).key).toBe(key);
  });

  it('that the clocks skipped is refused by that name', () => {
    expect(() => berlin.parse('2026-03-29T02')).toThrow(
      '2026-03-29T02 does not exist in Europe/Berlin: the clocks went forward over it',
    );
  });
});

describe('a path format', () => {
  it.each([
    ['dt=YYYY-MM-dd/hr=HH', 'YYYY is the week year'],
    ['dt=yyyy-MM-DD/hr=HH', 'DD is the day of the year'],
    ['dt=yyyy-mm-dd/hr=HH', 'mm are minutes'],
    ['dt=yyyy-MM-dd/hr=hh', 'twelve-hour clock'],
    ['dt=yy-MM-dd', 'the year is yyyy, not yy'],
    ['dt=yyyy-MM/hr=HH', 'the day is dd'],
    ['dt=yyyy-MM-dd/dt=HH', 'two folders cannot both be called dt'],
    ['yyyy/MM/dd', 'every folder is NAME=PATTERN'],
    ['dt=yyyy-MM-dd/wk=ww', 'ww is the week'],
    ['dt=yyyy-MM-dd/../hr=HH', 'every folder is NAME=PATTERN'],
    ['dt=yyyy-MM-dd:HH', '":" cannot stand in the name of a folder'],
    ['Dt=yyyy-MM-dd', 'small letters'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => new PathFormat(text)).toThrow(why);
  });

  it('of Kafka Connect works with its quotes', () => {
    const format = new PathFormat("'year'=yyyy/'month'=MM/'day'=dd/'hour'=HH");
    expect(format.format({ year: 2026, month: 3, day: 9, hour: 7 })).toBe('year=2026/month=03/day=09/hour=07');
    expect(format.parse('year=2026/month=03/day=09/hour=07')).toEqual({ year: 2026, month: 3, day: 9, hour: 7 });
  });
});

describe('a time zone', () => {
  it.each(['CET', 'Berlin', 'Europe/Atlantis', '+01:00', ''])('%j is refused', (name) => {
    expect(() => new TimeZone(name)).toThrow('expected an IANA time zone');
  });

  it('is spelled in one way, so that two settings can be compared', () => {
    expect(new TimeZone('europe/berlin').name).toBe('Europe/Berlin');
    expect(new TimeZone('Etc/UTC').name).toBe('UTC');
    expect(new TimeZone('Asia/Kolkata').name).toBe('Asia/Kolkata');
  });
});
