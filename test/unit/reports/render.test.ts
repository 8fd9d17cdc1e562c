import { beforeAll, describe, expect, it } from 'vitest';
import { axisTicks } from '../../../src/reports/chart-scale.ts';
import {
  type DailyReport,
  makeDailyReport,
  NumberFormat,
  renderHtml,
  renderText,
  reportJson,
} from '../../../src/reports/index.ts';
import { GameWarehouse } from '../../support/game-warehouse.ts';

const evil = '<script>alert(1)</script>"\'';
const format = new NumberFormat('de');
let report: DailyReport;

beforeAll(async () => {
  const warehouse = await GameWarehouse.create({ zone: 'Europe/Berlin', pathFormat: 'dt=yyyy-MM-dd' });
  const event = (ts: string, user_id: number, rest: object = {}): string =>
    JSON.stringify({ ts, type: 'login', game: evil, user_id, network: evil, country: 'DE', ...rest });
  await warehouse.land([
    event('2025-11-19T10:00:00Z', 1),
    ...Array.from({ length: 1200 }, (_, i) => event('2025-11-20T10:00:00Z', i)),
    event('2025-11-20T11:00:00Z', 1, { type: 'purchase', price_cents: 123456, currency: evil }),
  ]);
  await warehouse.closeHours();
  const { files, table } = warehouse;
  const options = { files, table, game: evil, network: evil, date: '2025-11-20' };
  report = await makeDailyReport({ ...options, signal: new AbortController().signal });
  await warehouse.close();
}, 120_000);

describe('a report on a page and in a mail', () => {
  it('shows every figure with its value, its change, what it means and its window', () => {
    for (const text of [
      renderHtml(report, format, 'page'),
      renderHtml(report, format, 'mail'),
      renderText(report, format),
    ]) {
      const words = text.replaceAll(/\s+/g, ' ');
      expect(words).toContain('1.200');
      expect(words).toContain('119.900,0'); // percent more than the one user of the day before
      expect(words).toContain('2025-11-20 (Thursday), 00:00 to 24:00 in Europe/Berlin: 24 hours');
      expect(words).toContain('the 30 days 2025-10-22 to 2025-11-20 in Europe/Berlin: 721 hours');
      for (const { name, title, definition } of report.figures) {
        if (name.startsWith('revenue')) continue; // its name is escaped
        expect(words).toContain(title);
        expect(words).toContain(definition);
      }
    }
  });

  it('needs nothing from anywhere, and runs nothing', () => {
    for (const medium of ['page', 'mail'] as const) {
      const html = renderHtml(report, format, medium);
      expect(html).not.toMatch(/<(script|link|img|iframe|object|embed)\b|\bsrc=|url\(|@import|\bon[a-z]+=/i);
      expect([...html.matchAll(/https?:/g)]).toEqual([]);
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;');
      expect(html).not.toContain(evil);
    }
  });

  it('draws its charts as SVG on a page, and as cells in a mail, which shows no SVG', () => {
    const [page, mail] = [renderHtml(report, format, 'page'), renderHtml(report, format, 'mail')];
    expect([...page.matchAll(/<svg [^>]*role="img" aria-label="[^"]+: /g)]).toHaveLength(4);
    expect(page.match(/<rect /g)).toHaveLength(60);
    expect(mail).not.toContain('<svg');
    expect(mail.match(/bgcolor=/g)).toHaveLength(120);
    expect(mail).toContain('title="2025-11-20: 1.200"');
  });

  it('is light and dark', () => {
    const html = renderHtml(report, format, 'page');
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).toContain('@media screen and (prefers-color-scheme:dark)');
    expect(html).not.toContain('var(--'); // mail programs do not know it
  });

  it('says the same numbers as JSON', () => {
    const json = JSON.parse(JSON.stringify(reportJson(report)));
    expect(json).toMatchObject({
      ...{ game: evil, date: '2025-11-20', zone: 'Europe/Berlin', dayHours: 24, isComplete: true },
      ...{ from: '2025-11-19T23:00:00.000Z', until: '2025-11-20T23:00:00.000Z' },
    });
    const dau = json.figures.find(({ name }: { name: string }) => name === 'dau');
    expect(dau.values.all).toEqual({ value: 1200, previous: 1, change: 1199, changeShare: 1199 });
    const sticky = json.figures.find(({ name }: { name: string }) => name === 'sticky');
    expect(sticky.values.all).toMatchObject({ value: 1, numerator: 1200, denominator: 1200 });
  });
});

describe('the axis of a chart', () => {
  it.each([
    [0, [0, 1]],
    [3, [0, 1, 2, 3]],
    [190, [0, 50, 100, 150, 200]],
    [1000, [0, 250, 500, 750, 1000]],
    [0.42, [0, 0.2, 0.4, 0.6]],
  ])('has few and round marks up to %d', (max, ticks) => {
    expect(axisTicks(max).map((tick) => Number(tick.toFixed(10)))).toEqual(ticks);
  });

  it('always holds the largest value', () => {
    for (let i = 1; i < 2000; i++) {
      const max = (i * 7919) / 13;
      const ticks = axisTicks(max);
      expect(ticks.at(-1)!).toBeGreaterThanOrEqual(max * 0.999999);
      expect(ticks.length).toBeLessThanOrEqual(6);
    }
  });
});
