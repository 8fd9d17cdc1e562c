import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTable } from '../support/check-table.ts';
import { labRecords } from '../support/lab-records.ts';
import { filesBelow, LoadLab } from '../support/load-lab.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type FinishedProcess, runSluice } from '../support/sluice-process.ts';

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
  await lab.createTopic('known', 1);
  await lab.produce('known', 0, labRecords({ random: seededRandom(40), count: 30, poisonShare: 0 }));
});
afterAll(async () => {
  await lab.close();
});

const bounded = ['--until-end', '--time-field', 'ts'];

function load(args: Record<string, string>, extra: string[] = bounded): Promise<FinishedProcess> {
  const named = Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]);
  return runSluice(['load', ...named, ...extra], { env: { SLUICE_SKIP_BUILD: '1' } });
}

describe('bad input to sluice load', () => {
  const cases: readonly (readonly [string, (url: string) => Record<string, string>, RegExp])[] = [
    [
      'an unknown host',
      (url) => ({ brokers: 'no-such-host.invalid:9092', topics: 'known', warehouse: url }),
      /no-such-host\.invalid/,
    ],
    [
      'a closed port',
      (url) => ({ brokers: '127.0.0.1:18999', topics: 'known', warehouse: url }),
      /127\.0\.0\.1:18999.*connection refused/,
    ],
    [
      'a missing topic',
      (url) => ({ brokers: lab.bootstrap, topics: 'known,missing', warehouse: url }),
      /a topic "missing"/,
    ],
    ['a topic twice', (url) => ({ brokers: lab.bootstrap, topics: 'known,known', warehouse: url }), /each topic once/],
    [
      'no URL, which is seen before any broker is asked',
      () => ({ brokers: 'no-such-host.invalid:9092', topics: 'known', warehouse: '/tmp/x' }),
      /a URL such as/,
    ],
    [
      'an unknown scheme',
      () => ({ brokers: lab.bootstrap, topics: 'known', warehouse: 'ftp://host/x' }),
      /file:\/\/ or webhdfs:\/\//,
    ],
    [
      'an object store that is not spoken to',
      () => ({ brokers: lab.bootstrap, topics: 'known', warehouse: 'gs://bucket/x' }),
      /a store that refuses a taken name/,
    ],
    [
      'a warehouse on a file',
      () => ({ brokers: lab.bootstrap, topics: 'known', warehouse: 'file:///proc/version/x' }),
      /cannot be written to/,
    ],
    [
      'an unknown NameNode',
      () => ({ brokers: lab.bootstrap, topics: 'known', warehouse: 'webhdfs://no-such-host.invalid:9870/w' }),
      /unknown host/,
    ],
    [
      'a missing columns file',
      (url) => ({ brokers: lab.bootstrap, topics: 'known', warehouse: url, columns: '/nowhere/c.yaml' }),
      /c\.yaml/,
    ],
    [
      'a wrong size',
      (url) => ({ brokers: lab.bootstrap, topics: 'known', warehouse: url, 'roll-bytes': 'big' }),
      /expected a size/,
    ],
  ];

  it.each(cases)('%s: one clear line, exit code 2, nothing changed', async (_name, args, message) => {
    const { directory, url } = lab.warehouse(`bad-${Math.random()}`);
    const { code, stdout, stderr } = await load(args(url));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('(add --help')),
    ).toHaveLength(1);
    expect(existsSync(directory) ? filesBelow(directory) : []).toEqual([]);
  });

  it('columns that contradict the table: exit code 2, and the table stays as it was', async () => {
    const { directory, url } = lab.warehouse('columns');
    const columns = join(lab.directory, 'columns.yaml');
    writeFileSync(columns, 'columns:\n  - { name: id, type: int64 }\n  - { name: body, type: string }\n');
    expect((await load({ brokers: lab.bootstrap, topics: 'known', warehouse: url, columns })).code).toBe(0);
    const before = filesBelow(directory);
    writeFileSync(columns, 'columns:\n  - { name: id, type: string }\n');
    const second = await load({ brokers: lab.bootstrap, topics: 'known', warehouse: url, columns });
    expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining('"id" is int64') });
    expect(filesBelow(directory)).toEqual(before);
    expect(await checkTable(lab.cluster, 'known', directory)).toEqual([]);
  });
});

describe('sluice load', () => {
  it('refuses a topic that was created anew until it is accepted, and then keeps both incarnations', async () => {
    const { directory, url } = lab.warehouse('anew');
    await lab.createTopic('anew', 1);
    await lab.produce('anew', 0, labRecords({ random: seededRandom(41), count: 40, poisonShare: 0 }));
    const args = { brokers: lab.bootstrap, topics: 'anew', warehouse: url };
    expect((await load(args)).code).toBe(0);
    await lab.cluster.deleteTopics(['anew']);
    await lab.createTopic('anew', 1);
    await lab.produce('anew', 0, labRecords({ random: seededRandom(42), count: 25, poisonShare: 0 }));
    const refused = await load(args);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--accept-recreated-topic') });
    const accepted = await load(args, [...bounded, '--accept-recreated-topic', '--json']);
    expect(accepted.code).toBe(0);
    expect(JSON.parse(accepted.stdout)).toMatchObject({ outcome: 'complete', rowCount: '25' });
    expect(readdirSync(join(directory, 'anew', '_sluice', 'ledger'))).toHaveLength(2);
  });

  it.each(['_a', '.b'])('loads a topic named %s into files that Spark and Hive do not skip', async (topic) => {
    const { directory, url } = lab.warehouse(`names${topic}`);
    await lab.createTopic(topic, 1);
    await lab.produce(topic, 0, labRecords({ random: seededRandom(43), count: 20, poisonShare: 0 }));
    expect((await load({ brokers: lab.bootstrap, topics: topic, warehouse: url })).code).toBe(0);
    const visible = filesBelow(directory).filter((path) => path.endsWith('.parquet'));
    expect(visible.length).toBeGreaterThan(0);
    for (const path of visible) for (const name of path.split('/')) expect(name).toMatch(/^[^_.]/);
  });

  it('answers dead letters beyond the limit with exit code 3, and prints one JSON object when asked', async () => {
    const { url } = lab.warehouse('partial');
    mkdirSync(lab.directory, { recursive: true });
    await lab.createTopic('partial', 1);
    await lab.produce('partial', 0, [
      { key: 'k', value: 'poison' },
      ...labRecords({ random: seededRandom(44), count: 10, poisonShare: 0 }),
    ]);
    const { code, stdout } = await load({ brokers: lab.bootstrap, topics: 'partial', warehouse: url }, [
      ...bounded,
      '--json',
    ]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'partial', rowCount: '10', deadLetterCount: '1', errors: [] });
  });
});
