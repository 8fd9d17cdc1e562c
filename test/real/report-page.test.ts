// Promises: the daily report reads well in a real browser: axe finds nothing serious, in light and dark; it prints on white; it fits a phone; it asks
// nobody for anything. (Charts of the page are SVG, those of the mail are cells of tables.)
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDailyReport, NumberFormat, renderHtml } from '../../src/reports/index.ts';
import { startChromium } from '../support/chromium.ts';
import { GameWarehouse, playGame } from '../support/game-warehouse.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const media = ['page', 'mail'] as const;
const documents = new Map<string, string>();
let browser: Browser;

beforeAll(async () => {
  const warehouse = await GameWarehouse.create({ zone: 'Europe/Berlin', pathFormat: 'dt=yyyy-MM-dd' });
  const times = { fromMs: Date.parse('2025-11-18T22:00:00Z'), untilMs: Date.parse('2025-11-20T23:30:00Z') };
  await warehouse.land(playGame({ seed: 5, eventsPerSecond: 0.2, players: 3000, ...times }));
  await warehouse.closeHours();
  const { files, table } = warehouse;
  const options = { files, table, game: 'hh', title: 'Happy Hippo', date: '2025-11-20' };
  const report = await makeDailyReport({ ...options, signal: new AbortController().signal });
  for (const medium of media) documents.set(medium, renderHtml(report, new NumberFormat('de'), medium));
  await warehouse.close();
  browser = await startChromium();
});

afterAll(async () => await browser?.close());

async function open(
  medium: string,
  colorScheme: 'light' | 'dark',
  width: number,
): Promise<{ page: Page; asked: string[] }> {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.setContent(documents.get(medium)!);
  return { page, asked };
}

describe.each(media)('the daily report as a %s', (medium) => {
  it.each(['light', 'dark'] as const)(
    'has nothing that axe finds serious, in %s, and asks nobody',
    async (colorScheme) => {
      const { page, asked } = await open(medium, colorScheme, 800);
      await page.addScriptTag({ content: axe });
      const found =
        await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`);
      expect(found).toEqual([]);
      expect(asked).toEqual([]);
      const background = await page.evaluate(`getComputedStyle(document.querySelector('.sheet')).backgroundColor`);
      expect(background).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(22, 27, 34)');
      await page.emulateMedia({ media: 'print', colorScheme });
      const paper = `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]`;
      expect(await page.evaluate(paper)).toEqual(['rgb(255, 255, 255)', 'rgb(28, 36, 48)']);
      await page.close();
    },
  );

  it.each([360, 414])('fits a screen of %d pixels', async (width) => {
    const { page } = await open(medium, 'light', width);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.close();
  });

  it('shows a bar or a point for each of the 30 days', async () => {
    const { page } = await open(medium, 'light', 800);
    const marks = medium === 'page' ? 'rect.bar' : 'td[bgcolor]';
    const heights = (await page.evaluate(
      `[...document.querySelectorAll('${marks}')].map((mark) => mark.getBoundingClientRect().height)`,
    )) as number[];
    expect(heights.length % 30).toBe(0);
    expect(heights.filter((height) => height > 20).length).toBeGreaterThan(3);
    await page.close();
  });
});
