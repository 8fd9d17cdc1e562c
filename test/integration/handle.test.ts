// Promises of `sluice handle`: a user's handler over history from the warehouse, and then live.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(() => lab.close());

const records = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, i) => ({ key: 'k', value: JSON.stringify({ n: from + i }) }));

function moduleOf(name: string, text: string): string {
  const path = join(lab.directory, name);
  writeFileSync(path, text);
  return path;
}

describe('sluice handle', () => {
  it('hands a handler every event once: of the warehouse, from the cut on of the log, and then as they come', async () => {
    const { url } = lab.warehouse('past');
    await lab.createTopic('clicks', 2);
    for (const partition of [0, 1]) await lab.produce('clicks', partition, records(0, 300));
    const load = await lab.load('clicks', url, ['--until-end']).finished;
    expect(load.code, load.stderr).toBe(0);
    for (const partition of [0, 1]) await lab.produce('clicks', partition, records(300, 400));
    await lab.deleteRecords('clicks', 0, 250n); // the log alone could not tell what was before
    const handler = moduleOf(
      'print.mjs',
      `export default {
         topics: ['clicks'], batchEvents: 70,
         handler: ({ source, partition, events }) => {
           for (const { offset, value } of events) console.log([source, partition, offset, value.n].join(' '));
         },
       };
       export const close = () => console.log('closed');`,
    );
    const handling = new SluiceProcess([
      ...['handle', handler, '--brokers', lab.bootstrap, '--group', 'printers', '--from', '2020-01-01'],
      ...['--warehouse', url, '--json'],
    ]);
    const lines = (): string[] => handling.stdout.split('\n').filter((line) => /^(history|log) /.test(line));
    await waitFor('history and log', 180_000, () => lines().length >= 800 || handling.child.exitCode !== null);
    for (const partition of [0, 1]) await lab.produce('clicks', partition, records(400, 450));
    await waitFor('what came live', 180_000, () => lines().length >= 900 || handling.child.exitCode !== null);
    const done = await handling.stop('SIGINT');
    expect(done.code, done.stderr).toBe(0);
    for (const partition of [0, 1]) {
      const expected = Array.from({ length: 450 }, (_, n) => `${n < 300 ? 'history' : 'log'} ${partition} ${n} ${n}`);
      expect(lines().filter((line) => line.split(' ')[1] === `${partition}`)).toEqual(expected);
    }
    expect(done.stderr).toMatch(/^handling clicks\n(.*\n)*900 events handled, 600 of them from the warehouse\n$/);
    const [closed, json] = done.stdout.trimEnd().split('\n').slice(-2);
    expect(closed).toBe('closed');
    expect(JSON.parse(json!)).toMatchObject({ topics: ['clicks'], group: 'printers', events: 900, fromHistory: 600 });

    // The group remembers: a second run has nothing left to do, and --from does not bring back what was.
    const again = await runSluice([
      ...['handle', handler, '--brokers', lab.bootstrap, '--group', 'printers', '--from', '2020-01-01', '--until-end'],
    ]);
    expect(again).toMatchObject({ code: 0, stdout: 'closed\n' });
    expect(again.stderr).toMatch(/^group printers goes on where it was in 2 partitions; .*\nhandling clicks\n0 events/);
  });

  it('ends with exit code 1 and the line of the handler that failed in every attempt', async () => {
    const handler = moduleOf(
      'failing.mjs',
      `export default {
         retries: { attempts: 2, firstMs: 1 },
         handler: ({ events }) => {
           for (const { value } of events) value.price.toFixed();
         },
       };`,
    );
    const failed = await runSluice([
      ...['handle', handler, '--brokers', lab.bootstrap, '--topics', 'clicks', '--no-group', '--until-end'],
    ]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('failing.mjs:4:');
    expect(failed.stderr).toMatch(/\nsluice: the handler failed 2 times at clicks-[01] offset \d+; .+\n$/);
  });

  it('ends with exit code 2 and one clear line for a time that is none', async () => {
    const handler = moduleOf('fine.mjs', 'export default () => {}');
    const { code, stderr } = await runSluice([
      ...['handle', handler, '--brokers', lab.bootstrap, '--topics', 'clicks', '--no-group', '--from', 'may'],
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^sluice: expected beginning, end, or a time like .*, got "may"\n$/);
  });

  it.runIf(Number(process.versions.node.split('.')[0]) < 22)('says that this Node loads no TypeScript', async () => {
    const handler = moduleOf('typed.ts', 'export default (batch: object): void => {}');
    const { code, stderr } = await runSluice(['handle', handler, '--topics', 'clicks', '--no-group']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^sluice: expected a .js or .mjs module, got .*: Node 20\S* does not load TypeScript .*\n$/);
  });
});
