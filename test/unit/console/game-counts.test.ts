import { describe, expect, it } from 'vitest';
import { GameCounts } from '../../../src/console/live/game-counts.ts';

const event = (game: string, type: string): Buffer => Buffer.from(JSON.stringify({ game, type }));

describe('the counts of games', () => {
  it('are kept by second, game and kind', () => {
    const counts = new GameCounts();
    counts.add(5000, event('hh', 'request'));
    counts.add(5999, event('hh', 'install'));
    counts.add(6000, event('mw', 'login'));
    expect(counts.between(5, 7)).toEqual([
      { second: 5, share: 1, games: { hh: { events: 2, requests: 1, installs: 1 } } },
      { second: 6, share: 1, games: { mw: { events: 1, requests: 0, installs: 0 } } },
    ]);
    expect(counts.between(6, 6)).toEqual([]);
  });

  it('pass over what is no event of a game', () => {
    const counts = new GameCounts();
    for (const text of ['not json', '{"game":1,"type":"x"}', '[]', '', '{"game":"hh"}'])
      counts.add(1000, Buffer.from(text));
    expect(counts.between(0, 10)).toEqual([{ second: 1, share: 1, games: {} }]);
  });

  it('are estimated from the part that was read', () => {
    const counts = new GameCounts();
    for (let i = 0; i < 10; i++) counts.add(1000, event('hh', 'request'));
    counts.skip(1000, 30);
    expect(counts.between(1, 2)).toEqual([
      { second: 1, share: 0.25, games: { hh: { events: 40, requests: 40, installs: 0 } } },
    ]);
  });

  it('give what has changed since it was last taken, the newest first when it is much', () => {
    const counts = new GameCounts();
    for (let second = 1; second <= 5; second++) counts.add(second * 1000, event('hh', 'login'));
    const taken = (limit: number) => counts.takeFresh(5, limit).map(({ second }) => second);
    expect(taken(3)).toEqual([2, 3, 4]);
    expect(taken(3)).toEqual([1]);
    expect(taken(3)).toEqual([]);
    counts.add(2000, event('hh', 'login'));
    expect(taken(3)).toEqual([2]);
  });

  it('take a bounded number of names and seconds, whatever the events say', () => {
    const counts = new GameCounts();
    for (let i = 0; i < 5000; i++) counts.add(i * 1000, event(`game ${i}`, 'login'));
    const all = counts.between(0, 10_000);
    expect(all.length).toBeLessThan(2500);
    expect(new Set(all.flatMap(({ games }) => Object.keys(games))).size).toBeLessThanOrEqual(25);
    counts.trim(5_000_000);
    expect(counts.between(0, 1000)).toEqual([]);
  });

  it('are not touched by names that objects know', () => {
    const counts = new GameCounts();
    counts.add(1000, event('__proto__', 'request'));
    counts.add(1000, event('constructor', 'request'));
    const [second] = counts.between(1, 2);
    expect(Object.keys(second!.games)).toContain('constructor');
    expect(({} as { events?: number }).events).toBeUndefined();
  });

  it('are kept by minute with every kind, scaled where not all was read', () => {
    const counts = new GameCounts();
    counts.add(61_000, event('mw', 'login'));
    counts.add(119_999, event('hh', 'login'));
    counts.add(90_000, event('hh', 'purchase'));
    counts.add(120_000, event('hh', 'login'));
    counts.skip(130_000, 3);
    expect(counts.minutes()).toEqual([
      { game: 'hh', minuteMs: 60_000, counts: { login: 1, purchase: 1 } },
      { game: 'mw', minuteMs: 60_000, counts: { login: 1 } },
      { game: 'hh', minuteMs: 120_000, counts: { login: 4 } },
    ]);
    expect(counts.games()).toEqual(['mw', 'hh']);
  });

  it('do not grow with wrong fields: too many kinds are one kind', () => {
    const counts = new GameCounts();
    for (let i = 0; i < 1000; i++) counts.add(1000, event('hh', `kind-${i}`));
    const [minute] = counts.minutes();
    expect(Object.keys(minute!.counts).length).toBe(25);
    expect(minute!.counts['other']).toBe(976);
  });
});
