import { describe, expect, it } from 'vitest';
import { type GameEvent, SocialGame } from '../../../src/cli/demo/social-game.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const minute = 60_000;

function play(seed: number, fromMs: number, toMs: number, stepMs: number): GameEvent[] {
  const game = new SocialGame({ seed, eventsPerSecond: 50 });
  const events: GameEvent[] = [];
  for (let at = fromMs; at < toMs; at += stepMs) events.push(...game.advance(at, Math.min(at + stepMs, toMs)));
  return events;
}

describe('the simulated social game', () => {
  it('gives the same events for the same seed and hours, whatever the step', () => {
    expect(play(7, noon, noon + 5 * minute, 250)).toEqual(play(7, noon, noon + 5 * minute, 60_000));
  });

  it('gives other events for another seed', () => {
    expect(play(7, noon, noon + minute, 1000)[0]).not.toEqual(play(8, noon, noon + minute, 1000)[0]);
  });

  it('has all kinds of events, several games and countries, and about the rate asked for', () => {
    const events = play(1, noon, noon + 10 * minute, 1000).map((event) => JSON.parse(event.value));
    const kinds = new Set(events.map((event) => event.type));
    for (const kind of ['login', 'page_view', 'search', 'install', 'purchase', 'share', 'request'])
      expect(kinds).toContain(kind);
    expect(new Set(events.map((event) => event.game)).size).toBe(5);
    expect(new Set(events.map((event) => event.country)).size).toBeGreaterThan(8);
    expect(events.length / 600).toBeGreaterThan(20);
    expect(events.length / 600).toBeLessThan(100);
  });

  it('knows how each visit began, and leaves a player in one country on one network', () => {
    const events = play(3, noon, noon + 30 * minute, 60_000).map((event) => JSON.parse(event.value));
    const sources = events.filter(({ type }) => type === 'login').map(({ source }) => source);
    expect(new Set(sources)).toEqual(new Set(['direct', 'request', 'feed']));
    const homes = new Map<string, string>();
    for (const { user_id, network, country } of events) {
      const home = `${network}/${country}`;
      expect(homes.get(String(user_id)) ?? home).toBe(home);
      homes.set(String(user_id), home);
    }
    expect(new Set(homes.values()).size).toBeGreaterThan(20);
  });

  it('delivers in order of delivery, with late and out-of-order event times among them', () => {
    const events = play(1, noon, noon + 10 * minute, 1000);
    for (let i = 1; i < events.length; i++)
      expect(events[i]!.deliverMs).toBeGreaterThanOrEqual(events[i - 1]!.deliverMs);
    const delays = events.map((event) => event.deliverMs - Date.parse(JSON.parse(event.value).ts));
    expect(Math.max(...delays)).toBeGreaterThan(60_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  });

  it('writes account numbers past 2^53 as plain digits', () => {
    const [event] = play(1, noon, noon + minute, 1000);
    expect(event!.value).toMatch(/"user_id":1000000\d{11,}[,}]/);
    expect(event!.value).toContain(`"user_id":${event!.key}`);
  });

  it('has a daily rhythm: the evening is busier than the night', () => {
    const at = (hour: number): number =>
      play(1, Date.UTC(2026, 10, 21, hour), Date.UTC(2026, 10, 21, hour) + 5 * minute, 5000).length;
    expect(at(20)).toBeGreaterThan(1.8 * at(7));
  });
});
