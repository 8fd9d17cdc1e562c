/** What a page of the shop tells us when somebody looks at it. */
export interface Activity {
  visitor: string;
  type: 'page_view' | 'search' | 'order';
  /** Path of the page. */
  page: string;
  /** RFC 3339. */
  ts: string;
  query?: string;
  /** Of a search. */
  results?: number;
}

const journeys: string[][] = [
  ['/', '/search?q=lamp', '/product/42', '/cart', '/order'],
  ['/', '/search?q=lmap', '/'],
  ['/product/42', '/product/7'],
  ['/', '/about'],
];
const secondVisit = ['/product/42', '/cart', '/order'];
const startMs = Date.UTC(2026, 10, 20, 9);
const secondMs = 1000;

/**
 * A morning of a small shop: forty visitors, a page every twenty seconds; every fifth comes back two hours later and buys.
 * Each visit is what one browser gathered.
 */
export function visits(): Activity[][] {
  const all: Activity[][] = [];
  for (let visitor = 0; visitor < 40; visitor++) {
    const arrivalMs = startMs + visitor * 90 * secondMs;
    all.push(walk(`v${visitor}`, journeys[visitor % journeys.length]!, arrivalMs));
    if (visitor % 5 === 0) all.push(walk(`v${visitor}`, secondVisit, arrivalMs + 2 * 3600 * secondMs));
  }
  return all.sort(([a], [b]) => a!.ts.localeCompare(b!.ts));
}

function walk(visitor: string, pages: string[], arrivalMs: number): Activity[] {
  return pages.map((url, step) => {
    const [page, query] = url.split('?q=');
    const seen = { visitor, page: page!, ts: new Date(arrivalMs + step * 20 * secondMs).toISOString() };
    if (query !== undefined) return { ...seen, type: 'search', query, results: query === 'lamp' ? 12 : 0 };
    return { ...seen, type: page === '/order' ? 'order' : 'page_view' };
  });
}
