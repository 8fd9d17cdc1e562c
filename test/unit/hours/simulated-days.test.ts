// Promise: days with late and out-of-order events, dead loaders, dead and racing closers end with every hour complete or amended,
// manifests that equal the files, and exactly the rows of the log; and no manifest ever says more, or less, than had landed.
import { describe, expect, it } from 'vitest';
import { decodeManifest, type HourManifest } from '../../../src/hours/index.ts';
import type { LayoutOptions } from '../../../src/warehouse/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { HourWorld, worldTopic } from './hour-world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const stepMs = 20 * minuteMs;
const partitions = 3;
/** A day and two hours; the whole dose are three days. */
const simulatedHours = process.env['SLUICE_FULL'] ? 72 : 26;

/** Minutes between an event and its arrival: mostly none, sometimes many, and now and then it comes from the future. */
function delayMinutes(random: () => number): number {
  const kind = random();
  if (kind < 0.85) return random() * 3;
  if (kind < 0.97) return random() * 90;
  return kind < 0.99 ? random() * 30 * 60 : -random() * 120;
}

/** What a manifest says must be what the log held of the hour up to the checkpoints in it. */
function checkManifest(world: HourWorld, manifest: HourManifest): void {
  const ends = Array.from({ length: partitions }, (_, partition) => {
    return manifest.marks.find((mark) => mark.partition === partition)!.checkpoint;
  });
  expect(manifest, manifest.hour).toMatchObject(world.expected(manifest.hour, ends));
  for (const { end, checkpoint } of manifest.marks) expect(checkpoint).toBeGreaterThanOrEqual(end);
}

async function simulate(seed: number, hours: number, startMs: number, layout: LayoutOptions): Promise<HourWorld> {
  const random = seededRandom(seed);
  const world = await new HourWorld({ partitions, startMs, layout }).begin();
  const checked = new Set<string>();
  const endMs = startMs + hours * hourMs;
  let loaderIsDownUntilMs = 0;
  let closerIsDownUntilMs = 0;
  const closeSometimes = async (): Promise<void> => {
    const deadly = random() < 0.3 ? 1 + Math.floor(random() * 150) : 0;
    const fault = random() < 0.5 ? 'crash-before' : 'crash-after';
    const files = new MemoryFiles(world.disk, { fault: ({ number }) => (number === deadly ? fault : 'none') });
    await world.close({ files }).catch((error: Error) => expect(error.message).toContain('crashed'));
  };
  for (let nowMs = startMs; nowMs < endMs; nowMs += stepMs) {
    world.nowMs = nowMs;
    for (let partition = 0; partition < partitions; partition++) {
      // The third partition is quiet for hours on end.
      const count = partition < 2 ? Math.floor(random() * 6) : random() < 0.02 ? 1 : 0;
      const events = Array.from({ length: count }, () => nowMs - Math.floor(delayMinutes(random) * minuteMs));
      world.produce(partition, ...events);
    }
    if (random() < 0.01) loaderIsDownUntilMs = nowMs + random() * 6 * hourMs;
    if (random() < 0.02) closerIsDownUntilMs = nowMs + random() * 4 * hourMs;
    for (let partition = 0; partition < partitions; partition++) {
      if (nowMs < loaderIsDownUntilMs) continue;
      if (random() < 0.7) await world.load(partition, 1 + Math.floor(random() * 20), random() > 0.05);
    }
    if (nowMs < closerIsDownUntilMs || random() < 0.5) continue;
    await (random() < 0.2 ? Promise.all([closeSometimes(), closeSometimes()]) : closeSometimes());
    for (const path of world.disk.paths(`/${worldTopic}/`).filter((name) => name.includes('/_manifest-'))) {
      if (checked.has(path)) continue;
      checked.add(path);
      checkManifest(world, decodeManifest(world.disk.bytes(path), path));
    }
  }
  for (let partition = 0; partition < partitions; partition++) {
    await world.claim(partition);
    await world.load(partition);
  }
  world.nowMs = endMs + 3 * hourMs;
  await world.close();
  return world;
}

describe('simulated days', () => {
  it.each([
    ['UTC, over the end of a year', '2026-12-30T20:00:00Z', {}],
    ['Berlin, while clocks go back', '2026-10-24T02:00:00Z', { zone: 'Europe/Berlin' }],
    ['Berlin, while clocks go forward', '2026-03-28T02:00:00Z', { zone: 'Europe/Berlin' }],
    ['Lord Howe, while clocks go back by half an hour', '2026-04-04T02:00:00Z', { zone: 'Australia/Lord_Howe' }],
    ['Kolkata, in folders of days', '2026-11-19T02:00:00Z', { zone: 'Asia/Kolkata', pathFormat: 'dt=yyyy-MM-dd' }],
  ] as const)('in %s', { timeout: 60_000 }, async (_name, start, layout) => {
    const seed = Number(process.env['SEED'] ?? 4);
    console.info(`seed ${seed}`);
    const startMs = Date.parse(start);
    const world = await simulate(seed, simulatedHours, startMs, layout);
    const states = await world.states();
    const over = [...world.times.between(startMs, world.nowMs - 10 * minuteMs)].filter(
      ({ endMs }) => endMs + 10 * minuteMs <= world.nowMs,
    );
    const late = [...states.values()].filter(({ revision }) => revision > 1);
    expect(late.length).toBeGreaterThan(0);
    for (const { key } of over) expect(states.get(key), key).toMatchObject({ state: 'complete' });
    let rowCount = 0n;
    for (const key of states.keys()) {
      const manifest = world.manifest(key);
      expect(manifest, key).toMatchObject(world.expected(key));
      expect(manifest.files.map(({ path }) => path)).toEqual(world.visible(key));
      expect(world.isDone(key)).toBe(true);
      expect(world.manifests(key)).toHaveLength(manifest.revision);
      rowCount += manifest.rowCount;
    }
    // Events from the future may belong to hours that are not over yet.
    const open = world.logs.flat().filter(({ eventMs }) => !states.has(world.times.at(eventMs).key));
    expect(rowCount).toBe(BigInt(world.logs.flat().length - open.length));
  });
});
