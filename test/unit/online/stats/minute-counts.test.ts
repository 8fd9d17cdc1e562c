import { describe, expect, it } from 'vitest';
import { aggregateEvents, minuteName, parseMinuteName } from '../../../../src/online/stats/minute-counts.ts';

const fields = { game: 'game', call: ['call', 'type'], time: 'ts', unique: 'user' };
const atMs = Date.UTC(2026, 10, 21, 7, 35, 12);

function eventsOf(values: readonly unknown[], timestampMs = atMs) {
  return values.map((value, i) => ({
    ...{ topic: 't', partition: 0, offset: BigInt(i), timestampMs, key: null, headers: [], bytes: null },
    value,
  }));
}

describe('events', () => {
  it('are counted per game, minute and call; different users once', () => {
    const ts = '2026-11-21T07:35:59.999Z';
    const { minutes, unusable, future } = aggregateEvents(
      eventsOf([
        { game: 'hh', type: 'login', ts, user: 1n },
        { game: 'hh', type: 'login', ts: '2026-11-21T08:35:01+01:00', user: 1 },
        { game: 'hh', call: 'share', type: 'feed', ts, user: 'x' },
        { game: 7, call: '', type: true, ts },
        { game: 'hh', type: 'login', ts: '2026-11-21T07:36:00Z' },
      ]),
      fields,
    );
    expect(
      minutes.map((minute) => [minute.game, minuteName(minute.minuteMs), [...minute.counts], [...minute.uniques]]),
    ).toEqual([
      [
        'hh',
        '2026_1121_0735',
        [
          ['login', 2],
          ['share', 1],
        ],
        ['1', 'x'],
      ],
      ['7', '2026_1121_0735', [['true', 1]], []],
      ['hh', '2026_1121_0736', [['login', 1]], []],
    ]);
    expect({ unusable, future }).toEqual({ unusable: 0, future: 0 });
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a list', []],
    ['no game', { type: 'a', ts: 1 }],
    ['an empty game', { game: '', type: 'a', ts: 1 }],
    ['a game of more than 200 bytes', { game: 'ä'.repeat(101), type: 'a', ts: 1 }],
    ['a fraction for a game', { game: 1.5, type: 'a', ts: 1 }],
    ['an object for a call', { game: 'a', type: {}, ts: 1 }],
    ['a time without a zone', { game: 'a', type: 'a', ts: '2026-11-21T07:35:00' }],
    ['a time before 1970', { game: 'a', type: 'a', ts: -1 }],
  ])('%s is unusable', (_name, value) => {
    expect(aggregateEvents(eventsOf([value]), fields)).toEqual({ minutes: [], unusable: 1, future: 0 });
  });

  it('dated more than a day ahead of their record are left out, by the record alone, whatever the clock says', () => {
    const ahead = (ms: number) => ({ game: 'hh', type: 'login', ts: atMs + ms });
    const { minutes, future } = aggregateEvents(eventsOf([ahead(86_400_000), ahead(86_400_001)]), fields);
    expect(minutes).toHaveLength(1);
    expect(future).toBe(1);
  });

  it('of the record time are counted by that when no field holds a time', () => {
    const { minutes } = aggregateEvents(eventsOf([{ game: 'hh', type: 'login' }]), { ...fields, time: null });
    expect(minuteName(minutes[0]!.minuteMs)).toBe('2026_1121_0735');
  });
});

describe('the name of a minute', () => {
  it('can be read back, and nothing else can', () => {
    expect(parseMinuteName(minuteName(atMs))).toBe(atMs - 12_000);
    for (const name of ['2026_1121_073', '2026_1321_0735', 'x']) {
      expect(() => parseMinuteName(name)).toThrow(/expected a minute like 2026_1121_0735/);
    }
  });
});
