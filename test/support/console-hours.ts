import { closeHours } from '../../src/hours/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { expireHours } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { type ConsoleLab, gameEvent } from './console-lab.ts';

const hourMs = 3_600_000;
const signal = new AbortController().signal;

/**
 * A table whose hours are in every state: of the `hourCount` that are over the oldest expired, two amended, the last two closed; this
 * one is open. Gives back how many records there are.
 */
export async function loadHoursOfEveryState(lab: ConsoleLab, topic: string, hourCount: number): Promise<number> {
  const thisHour = Math.floor(Date.now() / hourMs) * hourMs;
  const hours = Array.from({ length: hourCount }, (_, i) => thisHour - (hourCount - i) * hourMs);
  await lab.lab.createTopic(topic, 1);
  await produceAt(lab, topic, [...hours.flatMap((atMs) => [atMs + 60_000, atMs + 1_800_000]), Date.now()]);
  await lab.loadAll(topic);
  // With so much lateness the last two hours are nobody's to close yet, also when the clock strikes meanwhile.
  await close(lab, topic, hours.slice(0, -2), 2 * hourMs);
  await produceAt(lab, topic, [hours.at(-3)!, hours.at(-5)!]);
  await lab.loadAll(topic);
  await close(lab, topic, [], 2 * hourMs);
  await expire(lab, topic, (hourCount - Math.ceil(hourCount / 8)) * hourMs);
  // What is in the log and not in the warehouse keeps the hours that are closed now from being complete.
  await produceAt(lab, topic, [hours.at(-1)!]);
  await close(lab, topic, hours.slice(-2), 0);
  return 2 * hourCount + 4;
}

async function produceAt(lab: ConsoleLab, topic: string, times: readonly number[]): Promise<void> {
  // Of no game: the charts of the games are not about them.
  const events = times.map((atMs, i) => gameEvent(i, { ts: new Date(atMs).toISOString(), game: undefined }));
  await lab.lab.produce(topic, 0, events);
}

async function close(lab: ConsoleLab, table: string, starts: readonly number[], latenessMs: number): Promise<void> {
  const files = await openWarehouse(lab.warehouseUrl, { access: 'write' });
  try {
    const hours = starts.map((atMs) => new Date(atMs).toISOString().slice(0, 13));
    const options = { files, table, cluster: lab.lab.cluster, latenessMs, signal };
    await closeHours({ ...options, hours });
    await closeHours(options); // completes what the first look has closed
  } finally {
    await files.close();
  }
}

async function expire(lab: ConsoleLab, table: string, olderThanMs: number): Promise<void> {
  const files = await openWarehouse(lab.warehouseUrl, { access: 'write' });
  try {
    const chain = await TableChain.open(files, table, {});
    const context = { files, table, chain, clock: systemClock, logger: silentLogger, signal };
    await expireHours(context, { olderThanMs, tidy: { graceMs: 24 * hourMs } });
  } finally {
    await files.close();
  }
}
