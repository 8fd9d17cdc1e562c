// Promises: a continuous load, a closer and a scheduler that only know the warehouse agree on when an hour is complete, over a dead
// loader, late records and a change of clocks; every exit code means what --help says. (Pains 2, 14, 15, 18 of docs/why.md.)
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeHours, decodeManifest } from '../../src/hours/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { filesBelow, LoadLab } from '../support/load-lab.ts';
import { type FinishedProcess, runSluice, type SluiceProcess } from '../support/sluice-process.ts';

const topic = 'clicks';
const hourMs = 3_600_000;
/** 23:30 in Berlin, on the evening before the clocks go back. */
const startMs = Date.parse('2025-10-25T21:30:00Z');
const hours = ['2025-10-25T23', '2025-10-26T00', '2025-10-26T01', '2025-10-26T02', '2025-10-26T03'];

let lab: LoadLab;
let table: { directory: string; url: string };
let loader: SluiceProcess;
const sent = new Map<string, number>();

const sluice = (...args: string[]): Promise<FinishedProcess> => runSluice([...args, '--warehouse', table.url]);
const close = (...args: string[]) => sluice('hours', 'close', topic, '--brokers', lab.bootstrap, '--json', ...args);
const startLoader = (): SluiceProcess =>
  lab.load(topic, table.url, ['--time-field', 'at', '--zone', 'Europe/Berlin', '--freshness', '1s']);

beforeAll(async () => {
  lab = await LoadLab.open();
  table = lab.warehouse('berlin');
  mkdirSync(table.directory);
  await lab.createTopic(topic, 3); // nothing is ever produced to the third partition
});

afterAll(async () => await lab.close());

/** Events every six minutes for `count` hours of the time line, shuffled over two partitions. */
async function produce(fromMs: number, count: number, perHour = 10): Promise<void> {
  const byPartition: { value: string }[][] = [[], []];
  for (let i = 0; i < count * perHour; i++) {
    const atMs = fromMs + Math.floor((((i * 7) % (count * perHour)) * hourMs) / perHour);
    const key = keyOf(atMs);
    sent.set(key, (sent.get(key) ?? 0) + 1);
    byPartition[i % 2]!.push({ value: JSON.stringify({ id: i, at: new Date(atMs).toISOString() }) });
  }
  for (const [partition, records] of byPartition.entries()) await lab.produce(topic, partition, records, 20);
}

function keyOf(atMs: number): string {
  const options = { timeZone: 'Europe/Berlin', dateStyle: 'short', timeStyle: 'short' } as const;
  return new Intl.DateTimeFormat('sv-SE', options).format(atMs).slice(0, 13).replace(' ', 'T');
}

function manifestOf(hour: string) {
  const found = manifestIn(hour);
  if (!found) throw new Error(`expected a manifest of ${hour}, found none`);
  return found;
}

/** The newest manifest of an hour beside what lies in its folder; null: none yet. */
function manifestIn(hour: string) {
  const folder = `${topic}/dt=${hour.slice(0, 10)}/hr=${hour.slice(11)}`;
  const names = filesBelow(table.directory, folder);
  const revision = Math.max(0, ...names.map((name) => Number(/_manifest-(\d+)\.json$/.exec(name)?.[1] ?? 0)));
  if (revision === 0) return null;
  const path = join(table.directory, `${folder}/_manifest-${revision}.json`);
  const files = names.filter((name) => name.endsWith('.parquet')).map((name) => name.slice(topic.length + 1));
  return { manifest: decodeManifest(readFileSync(path), path), files, isDone: names.includes(`${folder}/_SUCCESS`) };
}

/** Looks until the manifests hold all that was sent. */
async function closeAll(): Promise<void> {
  const files = await openWarehouse(table.url, { access: 'write' });
  const isThere = ([hour, count]: [string, number]) => manifestIn(hour)?.manifest.rowCount === BigInt(count);
  try {
    for (let look = 0; look < 300; look++) {
      await closeHours({ files, table: topic, cluster: lab.cluster });
      if ([...sent].every(isThere)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await files.close();
  }
  throw new Error(`the hours did not become complete; the loader said:\n${loader.stderr}`);
}

describe('hours of a table that is being loaded', () => {
  it('are waited for before anything is there, and become complete by proof', { timeout: 240_000 }, async () => {
    const early = await sluice('await', topic, hours[3]!, '--timeout', '0s');
    expect([early.code, early.stderr]).toEqual([
      5,
      `sluice: ${topic} ${hours[3]} is not complete: there is no table ${topic} in this warehouse yet\n`,
    ]);
    const waiting = sluice('await', topic, hours[3]!, '--timeout', '100s', '--poll', '200ms');
    loader = startLoader();
    await produce(startMs, 5);
    const { code, stderr } = await waitForTable();
    expect(code).toBe(5);
    expect(stderr).toMatch(/nobody has closed it yet/);
    await closeAll();
    expect(await waiting).toMatchObject({ code: 0, stdout: expect.stringMatching(/is complete, revision 1: dt=/) });
    for (const hour of hours) {
      const { manifest, files, isDone } = manifestOf(hour);
      expect([hour, manifest.rowCount, isDone]).toEqual([hour, BigInt(sent.get(hour)!), true]);
      expect(manifest.files.map(({ path }) => path)).toEqual(files.sort());
      expect(manifest.marks).toHaveLength(3);
    }
    const { manifest } = manifestOf('2025-10-26T02');
    expect([manifest.endMs - manifest.startMs, manifest.rowCount]).toEqual([2 * hourMs, 20n]);
  });

  it('show a late record as a further revision', { timeout: 180_000 }, async () => {
    await produce(startMs + 2 * hourMs, 1, 3);
    const hour = keyOf(startMs + 2 * hourMs);
    await closeAll();
    const { manifest, files } = manifestOf(hour);
    // Late records of several partitions land in several commits: a closer that looks in between writes a revision more.
    expect(manifest).toMatchObject({ state: 'amended', rowCount: BigInt(sent.get(hour)!) });
    expect(manifest.revision).toBeGreaterThan(1);
    expect(manifest.files.map(({ path }) => path)).toEqual(files.sort());
    expect((await sluice('await', topic, hour, '--timeout', '0s')).stdout).toContain(
      `is amended, revision ${manifest.revision}`,
    );
  });

  it('stay closed while the loader is dead, and say which partition lags and how far', {
    timeout: 180_000,
  }, async () => {
    await loader.stop('SIGKILL');
    await produce(startMs + 6 * hourMs, 1, 4);
    const hour = keyOf(startMs + 6 * hourMs + 1);
    const { code, stdout } = await close('--hour', hour);
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ closed: [hour], completed: [], waiting: [{ hour }] });
    const waits = await sluice('await', topic, hour, '--timeout', '0s');
    expect(waits.code).toBe(5);
    expect(waits.stderr).toMatch(/clicks-[01] is \d offsets behind \(checkpoint \d+, end \d+\)/);
    loader = startLoader();
    await closeAll();
    expect((await sluice('await', topic, hour, '--timeout', '0s')).code).toBe(0);
    expect(manifestOf(hour).manifest.rowCount).toBe(BigInt(sent.get(hour)!));
    await loader.stop();
  });

  it('are listed and shown, as tables and as JSON', { timeout: 180_000 }, async () => {
    const listed = await sluice('hours', 'list', topic, '--last', '3000', '--json');
    const states = (JSON.parse(listed.stdout) as { hour: string; state: string; rowCount: string | null }[]).map(
      ({ hour, state, rowCount }) => [hour, state, rowCount],
    );
    for (const hour of hours) {
      const state = manifestOf(hour).manifest.state;
      expect(states).toContainEqual([hour, state, String(sent.get(hour))]);
    }
    expect((await sluice('hours', 'list', topic, '--last', '3')).stdout).toMatch(/^HOUR +STATE +REVISION +ROWS/);
    const shown = await sluice('hours', 'show', topic, '2025-10-26T02+01:00');
    expect(shown.stdout).toMatch(
      /time +2025-10-26T00:00:00.000Z to 2025-10-26T02:00:00.000Z \(120 min in Europe\/Berlin\)/,
    );
    expect(shown.stdout).toMatch(/content +\d+ rows in \d+ files/);
  });

  it('refuse what cannot be meant, with one line and exit code 2', { timeout: 180_000 }, async () => {
    const cases: [string[], RegExp][] = [
      [['await', topic, '2026-03-29T02', '--timeout', '0s'], /does not exist in Europe\/Berlin/],
      [['await', topic, 'noon', '--timeout', '0s'], /expected an hour like 2026-11-20T23, got "noon"/],
      [['hours', 'show', 'nobody', hours[0]!], /expected a table that has been loaded, got "nobody"/],
      [['hours', 'close', topic], /expected --brokers/],
      [['hours', 'close', topic, '--brokers', lab.bootstrap, '--zone', 'UTC'], /has hours of Europe\/Berlin/],
    ];
    const refusals = await Promise.all(cases.map(([args]) => sluice(...args)));
    for (const [i, { code, stderr }] of refusals.entries()) {
      const [args, why] = cases[i]!;
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toMatch(why);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    const load = ['load', '--brokers', lab.bootstrap, '--topics', topic, '--until-end'];
    const [zone, format, schedule] = await Promise.all([
      sluice(...load, '--zone', 'UTC'),
      sluice(...load, '--path-format', 'dt=YYYY-MM-dd/hr=HH'),
      sluice(...load, '--roll-every', '7m'),
    ]);
    expect([zone.code, format.code, schedule.code]).toEqual([2, 2, 2]);
    expect(zone.stderr).toContain('its folders cannot change to "UTC"');
    expect(format.stderr).toContain('YYYY is the week year');
    expect(schedule.stderr).toContain('divides a day evenly');
  });
});

/** What await says once the table is there. */
async function waitForTable(): Promise<FinishedProcess> {
  for (let look = 0; look < 60; look++) {
    const found = await sluice('await', topic, hours[0]!, '--timeout', '0s');
    if (!found.stderr.includes('there is no table')) return found;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`there never was a table; the loader said:\n${loader.stderr}`);
}
