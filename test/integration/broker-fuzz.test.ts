// The short dose; `node --import tsx test/campaign/broker-fuzz.ts` is the full one.
import { expect, it } from 'vitest';
import { fuzzBroker } from '../campaign/broker-fuzz.ts';

it('survives 10,000 damaged requests of every API and version, and nobody else notices', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
  console.log(`seed ${seed}`);
  const report = await fuzzBroker({ seed, count: 10_000 });
  expect(report.closed).toBeGreaterThan(2_000);
  expect(report.answered).toBeGreaterThan(500);
  expect(report.rssGrowthBytes).toBeLessThan(256 * 1024 * 1024);
}, 300_000);
