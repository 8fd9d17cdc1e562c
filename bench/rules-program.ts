import { type EventColumns, type FieldColumn, fieldKey } from '../src/online/rules/event-columns.ts';
import { seededRandom } from '../test/support/seeded-random.ts';

/**
 * Twenty rules as the people of a game and its website would write them: sequences, counts, what does not happen, per user, country, page and
 * session, sliding and tumbling windows, conditions of every kind.
 */
export const twentyRules = `
RULE guessing      WHEN 3 TIMES login.ok EQUALS false FOLLOWED-BY login.ok EQUALS true WITHIN 10 minutes FOR EACH user_id ACTION Guessing(country = login.country) TO LOG
RULE funnel        WHEN search FOLLOWED-BY page_view.page MATCHES "^/item/" FOLLOWED-BY purchase.amount > 50 WITHIN 30 minutes FOR EACH user_id ACTION Funnel(amount = purchase.amount)
RULE lost_cart     WHEN cart NOT FOLLOWED-BY purchase WITHIN 1 hour FOR EACH user_id ACTION LostCart(page = cart.page)
RULE new_payer     WHEN install FOLLOWED-BY purchase WITHIN 1 day FOR EACH user_id ACTION NewPayer(amount = purchase.amount)
RULE first_hour    WHEN install NOT FOLLOWED-BY login WITHIN 1 hour FOR EACH user_id ACTION NeverBack
RULE spree         WHEN AT LEAST 3 TIMES purchase WITHIN TUMBLING 1 hour FOR EACH user_id ACTION Spree
RULE whale         WHEN purchase.amount >= 900 AND purchase.country IN ("DE", "FR", "US") ACTION Whale(amount = purchase.amount)
RULE spam          WHEN AT LEAST 5 TIMES share WITHIN TUMBLING 10 minutes FOR EACH user_id ACTION Spam
RULE errors        WHEN AT LEAST 20 TIMES request.status >= 500 WITHIN 1 minute FOR EACH country ACTION Errors
RULE slow_pages    WHEN AT LEAST 50 TIMES request.duration_ms > 2000 WITHIN TUMBLING 1 minute FOR EACH page ACTION SlowPage
RULE slow_then_out WHEN request.duration_ms > 3000 FOLLOWED-BY logout WITHIN 2 minutes FOR EACH user_id ACTION SlowThenOut
RULE travel        WHEN login.country EQUALS "DE" FOLLOWED-BY login.country IN ("BR", "IN", "JP") WITHIN 1 hour FOR EACH user_id ACTION Travel
RULE refund        WHEN purchase.amount > 500 FOLLOWED-BY refund WITHIN 1 day FOR EACH user_id ACTION Refund(amount = purchase.amount)
RULE viral         WHEN share FOLLOWED-BY 2 TIMES install WITHIN 10 minutes FOR EACH country ACTION Viral
RULE campaign      WHEN page_view.page EQUALS "/sale" AND NOT page_view.country EQUALS "US" FOLLOWED-BY cart AND search WITHIN 20 minutes FOR EACH user_id ACTION Campaign
RULE idle_payer    WHEN purchase.amount > 300 NOT FOLLOWED-BY login WITHIN 6 hours FOR EACH user_id ACTION IdlePayer
RULE broken_flow   WHEN cart FOLLOWED-BY request.status >= 500 NOT FOLLOWED-BY logout FOLLOWED-BY cart WITHIN 15 minutes FOR EACH user_id ACTION BrokenFlow
RULE probing       WHEN 5 TIMES request.status IN (401, 403, 404) NOT FOLLOWED-BY login.ok EQUALS true WITHIN 5 minutes FOR EACH user_id ACTION Probing
RULE help          WHEN page_view.page EQUALS "/help" FOLLOWED-BY page_view.page EQUALS "/help" NOT FOLLOWED-BY (purchase OR share) WITHIN 10 minutes FOR EACH user_id ACTION NeedsHelp
RULE odd_hours     WHEN login.ok EQUALS true AND (refund OR purchase.amount > 800) FOLLOWED-BY logout WITHIN 5 minutes FOR EACH user_id, country ACTION OddHours
`;

/** One of them, for the cost of a rule alone. */
export const oneRule = twentyRules.split('\n').find((line) => line.startsWith('RULE lost_cart'))!;

const countries = [
  'US',
  'DE',
  'FR',
  'GB',
  'BR',
  'IN',
  'JP',
  'ES',
  'IT',
  'PL',
  'TR',
  'MX',
  'CA',
  'AU',
  'NL',
  'SE',
  'AR',
  'KR',
  'ID',
  'VN',
];
const pages = ['/', '/sale', '/help', ...Array.from({ length: 97 }, (_, i) => `/item/${i}`)];
/** Twenty rules of the kind that is written once for each country: an event concerns few of them. */
export const countryRules = countries
  .map(
    (country) =>
      `RULE lead_${country} WHEN page_view.country EQUALS "${country}" AND page_view.page IN ("/sale", "/help") FOLLOWED-BY search.country EQUALS "${country}" ` +
      'NOT FOLLOWED-BY request.status >= 500 WITHIN 10 minutes FOR EACH user_id ACTION Lead',
  )
  .join('\n');

/** Kinds of events, and how many of a thousand are of that kind. */
const kinds = Object.entries({
  page_view: 480,
  request: 374,
  search: 65,
  login: 24,
  logout: 18,
  cart: 18,
  share: 10,
  purchase: 5,
  install: 5,
  refund: 1,
});
const typeNames = kinds.map(([name]) => name);

export interface GameEvent {
  type: string;
  ts: number;
  user_id: string;
  country: string;
  page: string;
  amount: number;
  status: number;
  duration_ms: number;
  ok: boolean;
}

/**
 * Activity of so many users, a thousand events a second of event time: half of it from a tenth of them. A tenth of the logins fail, 1% of the requests
 * with 500 and 3% with 404; 2% take longer than two seconds, 1% longer than three.
 */
export function* gameEvents(users: number, seed: number): Generator<GameEvent> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const byShare = kinds.flatMap(([name, share]) => Array.from({ length: share }, () => name));
  const startMs = Date.UTC(2026, 10, 1);
  for (let i = 0; ; i++) {
    const user = random() < 0.5 ? below(users / 10) : below(users);
    const chance = random();
    yield {
      type: byShare[below(byShare.length)]!,
      ts: startMs + i,
      user_id: `user-${user}`,
      // A user has a country, but for one event of a hundred.
      country: countries[random() < 0.01 ? below(countries.length) : user % countries.length]!,
      page: pages[below(pages.length)]!,
      amount: below(1000),
      status: chance < 0.01 ? 500 : chance < 0.04 ? 404 : 200,
      duration_ms: random() < 0.02 ? 2000 + below(2000) : below(500),
      ok: random() < 0.9,
    };
  }
}

class Dictionary<T> {
  readonly values: T[] = [];
  readonly #codes = new Map<T, number>();

  codeOf(value: T): number {
    let code = this.#codes.get(value);
    if (code === undefined) {
      code = this.values.push(value) - 1;
      this.#codes.set(value, code);
    }
    return code;
  }
}

/** The next `count` events as columns of `partitions` partitions, batch by batch in turn, a user always in the same partition. */
export function columnBatches(
  events: Iterator<GameEvent>,
  { count, batchRows, partitions }: { count: number; batchRows: number; partitions: number },
): EventColumns[] {
  const [users, countryCodes, pageCodes, oks] = [
    new Dictionary<string>(),
    new Dictionary<string>(),
    new Dictionary<string>(),
    new Dictionary<boolean>(),
  ];
  const open = Array.from({ length: partitions }, () => ({ rows: [] as GameEvent[], next: 0 }));
  const batches: EventColumns[] = [];
  const cut = (partition: number): void => {
    const { rows, next } = open[partition]!;
    if (rows.length === 0) return;
    const codes = <T>(dictionary: Dictionary<T>, of: (row: GameEvent) => T) => ({
      codes: Int32Array.from(rows.map((row) => dictionary.codeOf(of(row)))),
      values: dictionary.values,
    });
    const numbers = (of: (row: GameEvent) => number) => ({ numbers: Float64Array.from(rows.map(of)) });
    batches.push({
      topic: 'events',
      partition,
      count: rows.length,
      offsets: BigInt64Array.from(rows.map((_row, i) => BigInt(next + i))),
      times: Float64Array.from(rows.map(({ ts }) => ts)),
      types: Int32Array.from(rows.map(({ type }) => typeNames.indexOf(type))),
      typeNames,
      fields: new Map<string, FieldColumn>([
        [fieldKey(['user_id']), codes(users, (row) => row.user_id)],
        [fieldKey(['country']), codes(countryCodes, (row) => row.country)],
        [fieldKey(['page']), codes(pageCodes, (row) => row.page)],
        [fieldKey(['ok']), codes(oks, (row) => row.ok)],
        [fieldKey(['amount']), numbers((row) => row.amount)],
        [fieldKey(['status']), numbers((row) => row.status)],
        [fieldKey(['duration_ms']), numbers((row) => row.duration_ms)],
      ]),
    });
    open[partition] = { rows: [], next: next + rows.length };
  };
  for (let i = 0; i < count; i++) {
    const event: GameEvent = events.next().value;
    const partition = users.codeOf(event.user_id) % partitions;
    if (open[partition]!.rows.push(event) === batchRows) cut(partition);
  }
  for (let partition = 0; partition < partitions; partition++) cut(partition);
  return batches;
}
