// Promises: a nightly load, a catch-up and the retention go by the contract, formats included; what the contract says counts more
// than the settings file, and less than what is said when a job is run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { SchemaRegistry, startRegistryServer } from '../../src/values/index.ts';
import { filesBelow, LoadLab } from '../support/load-lab.ts';
import { runSluice } from '../support/sluice-process.ts';

let lab: LoadLab;
let registry: { url: string; stop: () => Promise<void> };
let contract: string;
let config: string;
const topic = 'orders';

beforeAll(async () => {
  lab = await LoadLab.open();
  registry = await startRegistry();
  await lab.createTopic(topic, 1);
  await lab.produce(topic, 0, await orders());
  contract = join(lab.directory, 'orders.yaml');
  config = join(lab.directory, 'sluice.yaml');
  const { url } = lab.warehouse('lake');
  write(contract, [
    `format: { type: avro, registry: ${registry.url} }`,
    'timeField: at',
    'hours: { zone: Europe/Berlin, layout: dt=yyyy-MM-dd }',
    'roll: { bytes: 64MB }',
    'retention: 90d',
  ]);
  write(config, [
    `loader: { warehouse: "${url}", topics: [${topic}], columns: "${contract}", zone: UTC, timeField: nowhere }`,
    `jobs: { brokers: ["${lab.bootstrap}"], state: "${join(lab.directory, 'jobs')}" }`,
  ]);
});

afterAll(async () => {
  await registry?.stop();
  await lab.close();
});

async function startRegistry(): Promise<typeof registry> {
  const options = { cluster: lab.cluster, topic: '_schemas', clock: systemClock, logger: silentLogger };
  const schemas = await SchemaRegistry.open({ ...options, replicationFactor: undefined }, AbortSignal.timeout(120_000));
  const server = await startRegistryServer({ registry: schemas, host: '127.0.0.1', port: 0, logger: silentLogger });
  const stop = async (): Promise<void> => {
    await server.close();
    await schemas.close();
  };
  return { url: `http://127.0.0.1:${server.address.port}`, stop };
}

function write(path: string, lines: readonly string[]): void {
  writeFileSync(path, `${lines.join('\n')}\n`);
}

/** Three of an evening years ago that was another day in Berlin, two of now. */
async function orders(): Promise<{ value: Buffer }[]> {
  const at = { type: 'long', logicalType: 'timestamp-millis' };
  const schema = { type: 'record', name: 'Order', fields: [{ name: 'at', type: at }] };
  const response = await fetch(`${registry.url}/subjects/${topic}-value/versions`, {
    method: 'POST',
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  const { id } = (await response.json()) as { id: number };
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(id, 1);
  const old = Date.parse('2020-02-29T23:30:00Z');
  return [old, old, old, Date.now(), Date.now()].map((ms) => ({ value: Buffer.concat([frame, zigzag(BigInt(ms))]) }));
}

function zigzag(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

async function sluice<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runSluice(args);
  expect(code, stderr + stdout).toBe(0);
  return JSON.parse(stdout) as T;
}

const days = (directory: string): string[] => [
  ...new Set(
    filesBelow(directory, topic).flatMap((path) => /^orders\/dt=([\d-]+)\/(?:hr=\d\d\/)?part/.exec(path)?.[1] ?? []),
  ),
];

describe('jobs', () => {
  it('load values in the format that they are told, though no contract says so', async () => {
    const { directory, url } = lab.warehouse('told');
    const where = ['--brokers', lab.bootstrap, '--topics', topic, '--warehouse', url];
    const format = ['--format', 'avro', '--registry', registry.url, '--time-field', 'at'];
    const done = await sluice('jobs', 'run', 'load-window', ...where, ...format, '--json');
    expect(done).toMatchObject({ outcome: 'complete', rows: '5', deadLetters: '0' });
    expect(days(directory)).toContain('2020-02-29');
  });

  it('take all that a nightly load needs from the settings file, and what is said with the command before that', async () => {
    const { directory, url } = lab.warehouse('nightly');
    // Before the name of the job or behind it.
    const args = ['jobs', 'run', '--warehouse', url, 'load-window', '--config', config, '--json'];
    expect(await sluice(...args)).toMatchObject({ outcome: 'complete', rows: '5', deadLetters: '0' });
    expect(days(directory)).toContain('2020-03-01');
  });

  it('go by the contract of the settings file: format, event time, zone, folders and retention', {
    timeout: 300_000,
  }, async () => {
    const { directory } = lab.warehouse('lake');
    const loaded = await sluice('jobs', 'run', 'catch-up', '--config', config, '--json');
    expect(loaded).toMatchObject({ outcome: 'complete', rows: '5', deadLetters: '0', audits: [{ problems: [] }] });
    expect(days(directory)).toContain('2020-03-01');

    const planned = await sluice('expire', topic, '--dry-run', '--config', config, '--json');
    expect(planned).toMatchObject({ hours: [{ hour: '2020-03-01', rows: 3, sequence: null }], sequences: [] });
    const expired = await sluice<{ tables: { sequences: number[] }[] }>(
      ...['jobs', 'run', 'expire-warehouse', '--config', config, '--json'],
    );
    expect(expired).toMatchObject({ outcome: 'complete', hours: 1, rows: 3 });
    expect(days(directory)).toHaveLength(1);

    const args = ['--config', config, '--json'];
    const audit = await sluice('audit', '--deep', '--brokers', lab.bootstrap, ...args);
    expect(audit).toMatchObject({
      ok: true,
      partitions: [{ landed: '2', expired: '3', next: '5' }],
      log: [{ logRows: '5', tableRows: '2', expiredRows: '3' }],
    });
    expect(await sluice('where', `${topic}/0@1`, ...args)).toMatchObject([{ found: { place: 'expired' } }]);

    const [sequence] = expired.tables[0]!.sequences;
    const undone = await sluice('undo', topic, '--sequence', String(sequence), ...args);
    expect(undone).toMatchObject({ operation: 'retire', restoredRows: '3' });
    expect(days(directory)).toContain('2020-03-01');
  });

  it('are refused without a retention that anybody has said', async () => {
    const { url } = lab.warehouse('lake');
    const cases = [
      ['jobs', 'run', 'expire-warehouse', '--warehouse', url],
      ['expire', topic, '--warehouse', url],
    ];
    const done = await Promise.all(cases.map((args) => runSluice(args, { cwd: join(lab.directory, 'log') })));
    expect(done.map(({ code }) => code)).toEqual([2, 2]);
    for (const { stderr } of done) expect(stderr).toMatch(/^sluice: [^\n]*retention[^\n]*\n$/);
  });
});
