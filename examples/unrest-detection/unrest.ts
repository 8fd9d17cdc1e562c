import { readFile } from 'node:fs/promises';
import { type FeedMatch, MatchFeed, type MatchRecord, type RulesReport, runRules } from '../../src/online/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { createTopics, json, kafkaAt, publish, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { messages } from './messages.ts';

export interface UnrestReport {
  report: RulesReport;
  /** What the rules sent to the topic "alerts". */
  alerts: MatchRecord[];
  /** What somebody in front of the dashboard sees. */
  onScreen: FeedMatch[];
}

export const rulesFile = `${import.meta.dirname}/unrest.rules`;
const hour = (at: string) => at.slice(11, 16);

/** Messages go in, alerts come out; what an alert is stands in unrest.rules. */
export async function detectUnrest(brokers: string[], show: Show): Promise<UnrestReport> {
  const kafka = kafkaAt(brokers, 'messages');
  await createTopics(kafka, { messages: { partitions: 2 }, alerts: {} });
  const written = messages();
  await publish(
    kafka,
    'messages',
    written.map((message) => ({ key: message.city, value: JSON.stringify(message) })),
  );
  show.log(`${written.length} messages of three cities published to "messages"\n`);

  const screen = new MatchFeed({ maxBytes: 100_000, id: 'unrest' });
  const report = await applyRules(brokers, screen);
  screen.close();
  const alerts: MatchRecord[] = [];
  await readToEnd(kafka, {
    topic: 'alerts',
    eachMessage: ({ message }) => void alerts.push(json<MatchRecord>(message)),
  });
  alerts.sort((a, b) => a.at.localeCompare(b.at));
  for (const { at, action, parameters, events } of alerts) {
    show.log(`${hour(at)}  ${action.padEnd(14)}  ${String(parameters?.['city']).padEnd(8)}  ${events.length} messages`);
  }
  const onScreen = await whatIsShown(screen);
  show.log('\nOn the dashboard:');
  for (const { at, parameters } of onScreen) show.log(`${hour(at)}  ${parameters?.['city']}: ${parameters?.['text']}`);
  show.log(`\n${report.events} messages looked at; ${report.late} times a rule left out one that came too late`);
  return { report, alerts, onScreen };
}

/** As `sluice rules run unrest.rules --topics messages --time-field ts --until-end`. */
async function applyRules(brokers: string[], dashboard: MatchFeed): Promise<RulesReport> {
  const cluster = new KafkaCluster({ brokers, clientId: 'unrest', logger: silentLogger });
  try {
    return await runRules({
      ...{ program: await readFile(rulesFile, 'utf8'), cluster, topics: ['messages'], dashboard },
      ...{ typeField: 'type', timeField: 'ts', from: 'beginning', untilEnd: true, idleMs: 10_000 },
      ...{ history: null, stateFolder: null, checkpointEveryMs: 1000, redisUrl: null },
      onMatch: () => {},
      ...{ clock: systemClock, logger: silentLogger, signal: new AbortController().signal },
    });
  } finally {
    await cluster.close();
  }
}

async function whatIsShown(screen: MatchFeed): Promise<FeedMatch[]> {
  const shown: FeedMatch[] = [];
  for await (const event of screen.subscribe({ signal: new AbortController().signal })) {
    if (event.kind === 'match') shown.push(event.match);
  }
  return shown;
}
