import { SeededRandom } from './random.ts';

/** One event as a front end of the simulated games emits it. */
export interface GameEvent {
  /** When it reaches the log: its own time plus the network, and for a retry much more. Epoch milliseconds. */
  deliverMs: number;
  /** Record key: the user, so that one user's events stay in order within a partition. */
  key: string;
  /** The JSON text of the event. */
  value: string;
}

export interface SocialGameOptions {
  seed: number;
  /** Events per second, averaged over a day. */
  eventsPerSecond: number;
  /** Players that the games have on the first day of 2026; with every day there are a hundredth of that more. Default 200,000. */
  players?: number;
}

/** Short names of the games, with their share of the traffic. */
const games = [
  ['mw', 34],
  ['hh', 26],
  ['dd', 18],
  ['ml', 13],
  ['bi', 9],
] as const;
const networks = [
  ['facebook', 62],
  ['vk', 14],
  ['web', 24],
] as const;
const countries = [
  ['US', 24],
  ['DE', 12],
  ['TR', 10],
  ['BR', 9],
  ['GB', 8],
  ['FR', 7],
  ['IN', 7],
  ['PL', 5],
  ['ID', 5],
  ['ES', 4],
  ['IT', 4],
  ['JP', 3],
  ['CA', 2],
] as const;
/** How a visit began: by the player's own choice, a friend's request, or a story in the feed. */
const visitSources = [
  ['direct', 55],
  ['request', 27],
  ['feed', 18],
] as const;
const actions = [
  ['page_view', 58],
  ['search', 10],
  ['request', 16],
  ['share', 9],
  ['purchase', 2],
  ['feed_click', 5],
] as const;
const pages = ['farm', 'market', 'quests', 'friends', 'ranking', 'shop', 'inbox', 'help'] as const;
const queries = [
  'tractor',
  'golden seed',
  'Kürbis',
  'neighbours',
  'how to level up',
  'schöne Häuser',
  'çiçek',
  'event',
] as const;
const items = [
  ['coins_s', 199],
  ['coins_m', 499],
  ['coins_l', 1999],
  ['booster', 99],
  ['season_pass', 999],
] as const;

const dayMs = 86_400_000;
const actionsPerSession = 9;
const actionGapMs = 18_000;
const sessionMaxMs = 10 * 60_000;
const installShare = 0.04;
/** Share of the sessions that belong to those who are new since yesterday. */
const freshShare = 0.12;
const firstDayMs = Date.UTC(2026, 0, 1);

/**
 * Players of five social games, as their front ends see them. The sessions that begin in a given second depend on the seed
 * and that second alone, so the same seed gives the same events for the same hours wherever the simulation begins.
 *
 * A share of the events is delivered late (a front end retries after a failure: seconds to minutes, rarely hours), hence
 * out of order; `attempt` says which try got through.
 */
export class SocialGame {
  readonly #options: SocialGameOptions;
  /** Events on their way, by the second in which they arrive. */
  readonly #underway = new Map<number, PendingEvent[]>();
  #beginMs: number | null = null;
  #nextSecond = 0;

  constructor(options: SocialGameOptions) {
    this.#options = options;
  }

  /** All events delivered in [fromMs, toMs), in order of delivery. Calls must continue where the last one ended. */
  advance(fromMs: number, toMs: number): GameEvent[] {
    if (this.#beginMs === null) {
      this.#beginMs = fromMs;
      // A first call begins in the middle of life: sessions that started earlier are still going on.
      this.#nextSecond = Math.floor((fromMs - sessionMaxMs) / 1000);
    }
    for (; this.#nextSecond * 1000 < toMs; this.#nextSecond++) this.#startSessions(this.#nextSecond);
    const events: GameEvent[] = [];
    for (let second = Math.floor(fromMs / 1000); second * 1000 < toMs; second++) this.#deliver(second, toMs, events);
    return events;
  }

  #deliver(second: number, toMs: number, into: GameEvent[]): void {
    const arriving = this.#underway.get(second);
    if (!arriving) return;
    arriving.sort((a, b) => a.deliverMs - b.deliverMs);
    const split = arriving.findIndex((event) => event.deliverMs >= toMs);
    const due = split < 0 ? arriving : arriving.splice(0, split);
    if (split < 0) this.#underway.delete(second);
    for (const { deliverMs, event } of due)
      into.push({ deliverMs, key: String(event['user_id']), value: jsonOf(event) });
  }

  #startSessions(second: number): void {
    const random = new SeededRandom(this.#options.seed, second);
    const perSession = actionsPerSession + 1 + installShare;
    const expected = (this.#options.eventsPerSecond / perSession) * rhythm(second * 1000);
    for (let count = random.poisson(expected); count > 0; count--)
      this.#session(random, second * 1000 + random.below(1000));
  }

  #session(random: SeededRandom, startMs: number): void {
    const isInstall = random.next() < installShare;
    const player = this.#player(random, startMs, isInstall);
    // A player has one network and one country, whatever the day.
    const home = new SeededRandom(this.#options.seed, player);
    const common = {
      game: random.weighted(games),
      // A 64-bit account number past 2^53, as the networks give them.
      user_id: 100_000_000_000_000_000n + BigInt(player) * 1_000_003n,
      session_id: random.hex(24),
      network: home.weighted(networks),
      country: home.weighted(countries),
    };
    let atMs = startMs;
    if (isInstall)
      this.#emit(random, atMs, common, 'install', { campaign: random.pick(['spring', 'friends', 'none']) });
    this.#emit(random, (atMs += isInstall ? 2000 : 0), common, 'login', { source: random.weighted(visitSources) });
    for (let left = random.poisson(actionsPerSession); left > 0; left--) {
      atMs += random.exponential(actionGapMs);
      if (atMs - startMs > sessionMaxMs) break;
      const type = random.weighted(actions);
      this.#emit(random, Math.floor(atMs), common, type, detailsOf(type, random));
    }
  }

  /** Number of the player whose session begins. */
  #player(random: SeededRandom, startMs: number, isInstall: boolean): number {
    const atStart = this.#options.players ?? 200_000;
    const perDay = atStart / 100;
    const players = Math.max(1, Math.floor(atStart + ((startMs - firstDayMs) / dayMs) * perDay));
    if (isInstall) return players + random.below(Math.max(1, Math.floor(perDay / 2)));
    const luck = random.next();
    if (luck < freshShare) return Math.max(0, players - Math.floor((luck / freshShare) * perDay));
    // Most sessions are of the faithful few: the square of an even draw leans to small numbers.
    return Math.floor(((luck - freshShare) / (1 - freshShare)) ** 2 * players);
  }

  #emit(
    random: SeededRandom,
    atMs: number,
    common: Record<string, string | bigint>,
    type: string,
    details: object,
  ): void {
    const { delayMs, attempt } = delivery(random);
    const deliverMs = atMs + delayMs;
    const eventId = random.hex(16);
    if (deliverMs < this.#beginMs!) return;
    const event = { ts: new Date(atMs).toISOString(), type, ...common, ...details, attempt, event_id: eventId };
    const second = Math.floor(deliverMs / 1000);
    const arriving = this.#underway.get(second);
    if (arriving) arriving.push({ deliverMs, event });
    else this.#underway.set(second, [{ deliverMs, event }]);
  }
}

interface PendingEvent {
  deliverMs: number;
  event: Record<string, string | number | bigint>;
}

/** JSON with 64-bit integers as plain digits, which JSON.stringify cannot write. */
function jsonOf(event: PendingEvent['event']): string {
  let text = '';
  for (const name in event) {
    const value = event[name]!;
    text += `${text ? ',' : '{'}"${name}":${typeof value === 'string' ? JSON.stringify(value) : value}`;
  }
  return `${text}}`;
}

/** Mean 1 over a day: quiet nights, an evening peak (20 h UTC), and a small wave within each hour. */
function rhythm(atMs: number): number {
  const hour = (atMs % dayMs) / 3_600_000;
  const daily =
    1 + 0.55 * Math.cos(((hour - 20) / 24) * 2 * Math.PI) + 0.15 * Math.cos(((hour - 13) / 12) * 2 * Math.PI);
  const hourly = 1 + 0.1 * Math.cos((hour % 1) * 2 * Math.PI);
  return daily * hourly;
}

function delivery(random: SeededRandom): { delayMs: number; attempt: number } {
  const luck = random.next();
  if (luck < 0.985) return { delayMs: 20 + random.below(180), attempt: 1 };
  if (luck < 0.998) return { delayMs: 2000 + random.below(120_000), attempt: 2 };
  return { delayMs: 300_000 + random.below(2 * 3_600_000), attempt: 3 };
}

function detailsOf(type: string, random: SeededRandom): Record<string, string | number> {
  switch (type) {
    case 'page_view':
      return { page: random.pick(pages), load_ms: 40 + Math.floor(random.exponential(200)) };
    case 'search':
      return { query: random.pick(queries), results: random.below(40) };
    case 'request':
      return { receivers: 1 + random.below(8), source: random.next() < 0.7 ? 'request' : 'feed' };
    case 'purchase': {
      const [item, cents] = random.pick(items);
      return { item, price_cents: cents, currency: random.next() < 0.7 ? 'EUR' : 'USD' };
    }
    default:
      return { source: random.next() < 0.5 ? 'request' : 'feed' };
  }
}
