// Promises of `sluice rules` against the built-in broker.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type FinishedProcess, runSluice, SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let cluster: KafkaCluster;
let folder: string;

beforeAll(async () => {
  broker = await startTestBroker();
  folder = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
  cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
});

afterAll(async () => {
  await cluster.close();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const linesOf = (text: string): unknown[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

const run = (file: string, topics: string, ...args: string[]): Promise<FinishedProcess> =>
  runSluice(['rules', 'run', file, '--topics', topics, '--brokers', broker.bootstrap, '--json', ...args]);

const wedding =
  'WHEN Person.Gender EQUALS "man" AND Person.Clothes EQUALS "tuxedo" FOLLOWED-BY Person.Clothes EQUALS "gown" AND (Church_Bell OR Rice_Flying) WITHIN 2 hours ACTION Wedding\n';

async function produce(
  topic: string,
  partitions: number,
  values: [value: unknown, partition: number][],
): Promise<void> {
  await cluster.createTopics([{ name: topic, partitions }]);
  await produceMore(topic, values);
}

async function produceMore(topic: string, values: [value: unknown, partition: number][]): Promise<void> {
  const producer = new ProducerClient({ cluster });
  for (const [value, partition] of values) await producer.send(topic, { value: JSON.stringify(value) }, { partition });
  await producer.close();
}

describe('sluice rules run', () => {
  it('sees a wedding, and only where the events fit in kind, order and time', async () => {
    const at = (minutes: number): string => new Date(Date.UTC(2026, 5, 1, 12) + minutes * 60_000).toISOString();
    await produce('town', 1, [
      [{ type: 'Church_Bell', ts: at(0) }, 0],
      [{ type: 'Person', ts: at(1), Gender: 'man', Clothes: 'jeans' }, 0],
      [{ type: 'Person', ts: at(2), Gender: 'man', Clothes: 'tuxedo' }, 0],
      [{ type: 'Rice_Flying', ts: at(30) }, 0],
      [{ type: 'Person', ts: at(40), Gender: 'woman', Clothes: 'gown' }, 0],
      ['not an object', 0],
      [{ type: 'Person', ts: at(300), Gender: 'man', Clothes: 'tuxedo' }, 0],
      [{ type: 'Person', ts: at(310), Clothes: 'gown' }, 0],
      [{ type: 'Church_Bell', ts: at(500) }, 0],
    ]);
    const { code, stdout, stderr } = await run(
      program('wedding.rules', wedding),
      'town',
      '--time-field',
      'ts',
      '--until-end',
    );
    expect(code, stderr).toBe(0);
    expect(linesOf(stdout)).toEqual([
      {
        rule: 'Wedding',
        action: 'Wedding',
        key: null,
        at: at(40),
        events: ['2', '3', '4'].map((offset) => ({ topic: 'town', partition: 0, offset })),
      },
    ]);
    expect(stderr).toContain('8 events, 1 matches, 1 records are no events');
  });

  it('finds every match once although it is killed again and again, and goes on at the exact offset', async () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? 4242);
    const random = seededRandom(seed);
    const startMs = Date.UTC(2026, 5, 1);
    const values = Array.from({ length: 4000 }, (_, i): [unknown, number] => {
      const type = ['Login', 'Search', 'Purchase'][Math.floor(random() * 3)];
      const user = Math.floor(random() * 40);
      const jitterMs = Math.floor(random() * 4000);
      return [{ type, user, ts: startMs + i * 250 - jitterMs, amount: Math.floor(random() * 200) }, user % 3];
    });
    await produce('shop', 3, values.slice(0, 2300));
    const url = `file://${join(folder, 'warehouse')}`;
    const load = (): Promise<FinishedProcess> =>
      runSluice(['load', '--brokers', broker.bootstrap, '--topics', 'shop', '--warehouse', url, '--until-end']);
    expect((await load()).code).toBe(0);
    await produceMore('shop', values.slice(2300));
    const file = program(
      'shop.rules',
      'WHEN Login FOLLOWED-BY Search FOLLOWED-BY Purchase.amount > 100 WITHIN 2 minutes FOR EACH user ALLOW LATENESS 4 seconds ACTION Buyer(amount = Purchase.amount)\n' +
        'WHEN 3 TIMES Login NOT FOLLOWED-BY Purchase WITHIN 1 minute FOR EACH user ALLOW LATENESS 4 seconds ACTION Stuck\n',
    );
    const once = await run(file, 'shop', '--time-field', 'ts', '--until-end');
    const expected = linesOf(once.stdout);
    expect(expected.length).toBeGreaterThan(50);

    const state = join(folder, 'shop-state');
    const inOrder = (list: unknown[]): string[] => list.map((match) => JSON.stringify(match)).sort();

    // The same from the warehouse, with the log behind it where the table ends; then wholly from the warehouse.
    const history = await run(file, 'shop', '--time-field', 'ts', '--until-end', '--history', url);
    expect(inOrder(linesOf(history.stdout)), `seed ${seed}: ${history.stderr}`).toEqual(inOrder(expected));
    expect((await load()).code).toBe(0);
    const backtest = await runSluice([
      'rules',
      'backtest',
      file,
      'shop',
      '--warehouse',
      url,
      '--time-field',
      'ts',
      '--json',
    ]);
    expect(inOrder(linesOf(backtest.stdout)), backtest.stderr).toEqual(inOrder(expected));

    const args = ['rules', 'run', file, '--topics', 'shop', '--brokers', broker.bootstrap, '--time-field', 'ts'];
    const stateArgs = ['--state', state, '--checkpoint-every', '1ms', '--json'];
    for (let kill = 0; kill < 5; kill++) {
      const process = new SluiceProcess([...args, ...stateArgs]);
      await waitFor('a checkpoint', 30_000, () => existsSync(join(state, 'checkpoint.json')));
      await sleep(600 + Math.floor(random() * 800));
      await process.stop('SIGKILL');
    }
    const last = await runSluice([...args, ...stateArgs, '--until-end']);
    expect(last.code, last.stderr).toBe(0);
    const found = linesOf(readFileSync(join(state, 'matches.ndjson'), 'utf8'));
    expect(inOrder(found), `seed ${seed}`).toEqual(inOrder(expected));
  });

  it('sends matches on to a topic, with an id by which a repeated one is known', async () => {
    await produce('doors', 1, [
      [{ type: 'Open', door: 'front' }, 0],
      [{ type: 'Open', door: 7 }, 0],
    ]);
    await cluster.createTopics([{ name: 'alerts', partitions: 1 }]);
    const file = program('doors.rules', 'WHEN Open FOR EACH door ACTION Alarm(door = Open.door) TO TOPIC "alerts"\n');
    for (let again = 0; again < 2; again++) expect((await run(file, 'doors', '--until-end')).code).toBe(0);
    const consumed = await runSluice(['consume', 'alerts', '--brokers', broker.bootstrap, '--until-end']);
    const alerts = linesOf(consumed.stdout) as { id: string; parameters: { door: unknown } }[];
    expect(alerts).toHaveLength(4);
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(2);
  });

  it('shows matches on the dashboard, those that were found before somebody watched as well', async () => {
    await produce('gates', 1, [[{ type: 'Open', gate: '<b>north</b>' }, 0]]);
    const file = program('gates.rules', 'WHEN Open FOR EACH gate ACTION Alarm(gate = Open.gate) TO DASHBOARD\n');
    const args = ['rules', 'run', file, '--topics', 'gates', '--brokers', broker.bootstrap];
    const process = new SluiceProcess([...args, '--dashboard', '127.0.0.1:0']);
    await waitFor('a match', 60_000, () => process.stdout.includes('Alarm'));
    const url = /dashboard at (\S+)/.exec(process.stderr)![1]!;
    expect(await (await fetch(url)).text()).toContain('<h1>Rule matches</h1>');
    const watching = await fetch(`${url}/matches`);
    expect(watching.headers.get('content-type')).toContain('text/event-stream');
    await produceMore('gates', [[{ type: 'Open', gate: 'south' }, 0]]);
    await waitFor('another match', 60_000, () => process.stdout.includes('south'));
    const id = /^id: (.*)-0$/m.exec(await firstPart(`${url}/matches`))![1]!;
    const behind = await fetch(`${url}/matches`, { headers: { 'last-event-id': `${id}-0` } });
    expect(await process.stop()).toMatchObject({ code: 0 });
    expect(await behind.text()).toMatch(/^retry: 1000\n\nid: \w+-1\nevent: match\ndata: .*south.*\n\n$/);
    const found = [...(await watching.text()).matchAll(/^event: match\ndata: (.*)$/gm)].map(([, data]) =>
      JSON.parse(data!),
    );
    expect(found.map(({ key, events }) => [key, events])).toEqual([
      ['<b>north</b>', [{ topic: 'gates', partition: 0, offset: '0' }]],
      ['south', [{ topic: 'gates', partition: 0, offset: '1' }]],
    ]);
  });

  it('stops in good order on SIGTERM while nothing comes', async () => {
    await produce('quiet', 2, []);
    const process = new SluiceProcess([
      'rules',
      'run',
      program('w.rules', wedding),
      '--topics',
      'quiet',
      '--brokers',
      broker.bootstrap,
    ]);
    await waitFor('the program to run', 60_000, () => process.stderr.includes('running'));
    expect(await process.stop()).toMatchObject({ code: 0 });
  });
});

/** The beginning of what is streamed there, up to the first match. */
async function firstPart(url: string): Promise<string> {
  let text = '';
  for await (const chunk of (await fetch(url)).body!) {
    text += Buffer.from(chunk).toString();
    if (text.includes('data: ')) break;
  }
  return text;
}

describe('what cannot be used', () => {
  it.each<[string, string, string[], RegExp]>([
    ['a wrong program', 'WHEN A ACTION', ['--topics', 'town'], /line 1, column 14: expected a name/],
    ['a missing topic', wedding, ['--topics', 'nowhere'], /expected existing topics, got "nowhere"/],
    ['Redis that was not named', 'WHEN A ACTION B TO REDIS "list"', ['--topics', 'town'], /expected --redis/],
    [
      'a dashboard that was not named',
      'WHEN A ACTION B TO DASHBOARD',
      ['--topics', 'town'],
      /expected --dashboard HOST/,
    ],
    [
      'a dashboard for everybody',
      'WHEN A ACTION B TO DASHBOARD',
      ['--topics', 'town', '--dashboard', '0.0.0.0:0'],
      /expected an address that only this machine reaches for --dashboard/,
    ],
    ['a URL that is none', 'WHEN A ACTION B TO HTTP "there"', ['--topics', 'town'], /expected an action TO HTTP "http/],
  ])('%s ends with exit code 2 and says what was expected', async (name, text, args, message) => {
    const file = program(`${name.replaceAll(' ', '-')}.rules`, text);
    const finished = await runSluice(['rules', 'run', file, ...args, '--brokers', broker.bootstrap, '--until-end']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(message);
  });

  it('state of another program is not touched', async () => {
    const state = join(folder, 'other-state');
    const first = program('first.rules', 'WHEN A ACTION B\n');
    expect((await run(first, 'town', '--until-end', '--state', state)).code).toBe(0);
    const finished = await run(program('second.rules', 'WHEN C ACTION D\n'), 'town', '--until-end', '--state', state);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toContain('expected the state of this program');
  });
});
