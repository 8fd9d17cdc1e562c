import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from 'kafkajs';
import { type GameEvent, SocialGame } from '../../src/cli/demo/social-game.ts';
import { closeHours } from '../../src/hours/index.ts';
import { runLoad } from '../../src/loader/index.ts';
import { type DailyReport, makeDailyReport, NumberFormat, renderText } from '../../src/reports/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { createTopics, kafkaAt } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';

export interface GameReport {
  eventCount: number;
  rowCount: bigint;
  /** Days of which it is proven that every event has landed. */
  completeDays: string[];
  report: DailyReport;
}

export const game = 'hh';
export const date = '2026-06-02';
const zone = 'Europe/Berlin';
/** The day of the report and the one before it, so that there is something to compare with. */
const fromMs = Date.parse('2026-06-01T00:00:00+02:00');
const untilMs = Date.parse('2026-06-03T00:00:00+02:00');

/** Two days of five social games: into the log, from there into Parquet exactly once, and the report of one game's second day. */
export async function trackGames(brokers: string[], show: Show): Promise<GameReport> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-example-'));
  try {
    const eventCount = await play(brokers);
    show.log(`${eventCount} events of five games published to "events"`);

    const warehouseUrl = `file://${folder}/warehouse`;
    const rowCount = await load(brokers, warehouseUrl);
    show.log(`${rowCount} rows landed in Parquet, exactly once`);

    const files = await openWarehouse(warehouseUrl, { access: 'write' });
    const completeDays = await close(brokers, files);
    show.log(`complete, by proof: ${completeDays.join(', ')}\n`);
    const signal = new AbortController().signal;
    const report = await makeDailyReport({ files, table: 'events', game, title: 'Happy Harvest', date, zone, signal });
    show.log(renderText(report, new NumberFormat('en')));
    return { eventCount, rowCount, completeDays, report };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the players of the five games do in these two days: the same on every machine. */
export function gameEvents(): GameEvent[] {
  return new SocialGame({ seed: 7, eventsPerSecond: 0.05, players: 1000 }).advance(fromMs, untilMs);
}

/** What the front ends of the games do, with any Kafka client. */
async function play(brokers: string[]): Promise<number> {
  const kafka = kafkaAt(brokers, 'front-ends');
  await createTopics(kafka, { events: { partitions: 2 } });
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const messages = gameEvents().map(
    ({ key, value, deliverMs }): Message => ({ key, value, timestamp: `${deliverMs}` }),
  );
  for (let at = 0; at < messages.length; at += 2000) {
    await producer.send({ topic: 'events', acks: -1, messages: messages.slice(at, at + 2000) });
  }
  await producer.disconnect();
  return messages.length;
}

/** As `sluice load --topics events --warehouse ... --time-field ts --zone Europe/Berlin --path-format dt=yyyy-MM-dd --until-end`. */
async function load(brokers: string[], warehouseUrl: string): Promise<bigint> {
  const { rowCount, outcome, errors } = await runLoad({
    brokers,
    topics: ['events'],
    warehouseUrl,
    timeField: 'ts',
    layout: { zone, pathFormat: 'dt=yyyy-MM-dd' },
    untilEnd: true,
    workerMode: 'in-process',
  });
  if (outcome !== 'complete') throw new Error(`expected a complete load, got ${outcome}: ${errors.join('; ')}`);
  return rowCount;
}

/** As `sluice hours close events`: a day is complete when every partition has landed what the log had at its end. */
async function close(brokers: string[], files: WarehouseFiles): Promise<string[]> {
  const cluster = new KafkaCluster({ brokers, clientId: 'closer', logger: silentLogger });
  try {
    const { completed } = await closeHours({ files, table: 'events', cluster, clock: systemClock });
    return completed;
  } finally {
    await cluster.close();
  }
}
