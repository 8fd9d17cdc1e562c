// Promise: what runs on the oldest Node that we promise runs on a newer one just as well: broker, loader, rules, audit and SQL, and there a
// handler may be TypeScript.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { node24 } from '../support/peers.ts';
import { type FinishedProcess, runSluice, SluiceProcess } from '../support/sluice-process.ts';

const eventCount = 20_000;
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const node = node24();

let folder: string;
let broker: SluiceProcess;
let place: string[];

beforeAll(async () => {
  expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(/^v24\./);
  folder = mkdtempSync(join(tmpdir(), 'sluice-node24-'));
  const listen = ['--listen', '127.0.0.1:0', '--default-partitions', '2', '--log-level', 'warn'];
  broker = new SluiceProcess(['broker', '--data', join(folder, 'log'), ...listen], { node });
  place = ['--brokers', (await broker.waitFor(/^ready kafka=(\S+)/m))[1]!];
});

afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function sluice(args: string[], input?: string): Promise<FinishedProcess> {
  const done = await runSluice(args, { node, ...(input === undefined ? {} : { input }) });
  expect({ args, code: done.code, stderr: done.code === 0 ? '' : done.stderr }).toEqual({ args, code: 0, stderr: '' });
  return done;
}

describe('Node 24', () => {
  it.each([...codecs.entries()])('takes records compressed: %i, %s', async (i, codec) => {
    const count = eventCount / codecs.length;
    const lines = Array.from({ length: count }, (_, n) =>
      JSON.stringify({
        ...{ type: n % 2 === 0 ? 'cart' : 'purchase', game: 'hh', country: 'DE', network: 'facebook', revenue: 0.99 },
        ...{ user_id: `${codec}-${n >> 1}`, ts: 1_780_000_000_000 + i * count + n },
      }),
    );
    const how = ['--file', '-', '--partitions', '2', '--key-field', 'user_id', '--compression', codec];
    await sluice(['produce', 'events', ...place, ...how], lines.join('\n'));
  });

  it('loads them, each once, proves it, and counts its users with SQL', async () => {
    const warehouse = ['--warehouse', `file://${folder}/warehouse`];
    const load = ['load', ...place, '--topics', 'events', ...warehouse, '--time-field', 'ts', '--workers', '2'];
    const { stdout } = await sluice([...load, '--until-end', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'complete',
      rowCount: String(eventCount),
      deadLetterCount: '0',
    });
    const audit = await sluice(['audit', ...warehouse, ...place, '--deep', '--json']);
    expect(JSON.parse(audit.stdout)).toMatchObject({ ok: true });
    const day = ['--date', '2026-05-28', '--game', 'hh', '--allow-incomplete', '--json'];
    const counted = expect.objectContaining({ date: '2026-05-28', dau: { all: 10_000, network: 10_000, others: 0 } });
    const report = await sluice(['report', 'daily', ...warehouse, ...day]);
    expect(JSON.parse(report.stdout)).toMatchObject({ trend: expect.arrayContaining([counted]) });
  });

  it('finds with rules what is in the log', async () => {
    const rules = join(folder, 'buyers.rules');
    writeFileSync(rules, 'RULE buyers WHEN cart FOLLOWED-BY purchase WITHIN 1 minute FOR EACH user_id ACTION Bought\n');
    const from = ['--topics', 'events', '--time-field', 'ts', '--until-end', '--json'];
    const { stdout } = await sluice(['rules', 'run', rules, ...place, ...from]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(eventCount / 2);
  });

  it('runs a handler in TypeScript over the warehouse and the log', async () => {
    const handler = join(folder, 'count.ts');
    writeFileSync(
      handler,
      `interface Event { user_id: string }
       let count: number = 0;
       export default ({ events }: { events: { value: Event }[] }): void => { count += events.length; };
       export const close = (): void => console.log(\`\${count} events\`);`,
    );
    const history = ['--warehouse', `file://${folder}/warehouse`, '--from', '2020-01-01'];
    const { stdout } = await sluice([
      ...['handle', handler, ...place, '--topics', 'events', '--no-group', '--until-end', ...history],
    ]);
    expect(stdout).toBe(`${eventCount} events\n`);
  });
});
