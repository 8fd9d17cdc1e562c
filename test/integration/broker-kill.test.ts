// The short dose of the campaign; `node --import tsx test/campaign/broker-kill.ts --count 50` is the full one.
import { expect, it } from 'vitest';
import { killBrokerUnderLoad } from '../campaign/broker-kill.ts';

it('keeps its word through five kills under load', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
  console.log(`seed ${seed}`);
  const report = await killBrokerUnderLoad({ seed, count: 5, print: () => {} });
  expect(report.acknowledgedRecords).toBeGreaterThan(100);
  expect(report.shownRecords).toBeGreaterThan(100);
  expect(report.acknowledgedCommits).toBeGreaterThan(5);
}, 300_000);
