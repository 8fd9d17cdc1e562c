import { createConsumer, eachEvent } from '../../src/online/index.ts';
import { createTopics, json, kafkaAt, publish, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { type Session, Sessions } from './sessions.ts';
import { openSite, sendBeacon } from './site.ts';
import { type Activity, visits } from './visits.ts';

export interface ActivityReport {
  views: Map<string, number>;
  fruitlessSearches: Map<string, number>;
  funnel: { step: string; sessions: number }[];
}

/** Browsers tell the site what happens; two parties that know nothing of each other read it. */
export async function trackActivity(brokers: string[], show: Show): Promise<ActivityReport> {
  // One topic for all kinds, with the visitor as key: what one visitor does stays in order, whatever it is.
  await createTopics(kafkaAt(brokers, 'website'), { activity: { partitions: 4 }, sessions: {} });
  await browse(brokers, show);

  const { views, fruitlessSearches } = await countPages(brokers);
  show.log('\nWhat is looked at (group "counters")');
  show.table([...views].sort(([, a], [, b]) => b - a).map(([page, count]) => ({ page, views: count })));
  show.log('Searches that found nothing: a list for whoever names the products');
  show.table([...fruitlessSearches].map(([query, count]) => ({ query, searches: count })));

  await cutSessions(brokers);
  const funnel = await funnelOf(brokers);
  show.log('How far sessions come (group "sessions" wrote them to a topic of their own; this is made from that)');
  show.table(funnel);
  return { views, fruitlessSearches, funnel };
}

async function browse(brokers: string[], show: Show): Promise<void> {
  const site = await openSite(brokers);
  const beacons = visits();
  for (const activities of beacons) await sendBeacon(site, activities);
  await site.close();
  show.log(`${beacons.flat().length} activities came to "activity" in ${beacons.length} beacons`);
}

async function countPages(brokers: string[]): Promise<Pick<ActivityReport, 'views' | 'fruitlessSearches'>> {
  const views = new Map<string, number>();
  const fruitlessSearches = new Map<string, number>();
  const count = (counters: Map<string, number>, name: string) => counters.set(name, (counters.get(name) ?? 0) + 1);
  const counters = createConsumer<Activity>({
    brokers,
    group: 'counters',
    topics: ['activity'],
    untilEnd: true, // a service leaves this out and calls start() instead of run()
    handler: eachEvent(({ value: { page, results, query } }) => {
      count(views, page);
      if (results === 0) count(fruitlessSearches, query!);
    }),
  });
  await counters.run();
  return { views, fruitlessSearches };
}

async function cutSessions(brokers: string[]): Promise<void> {
  const sessions = new Sessions();
  const over: Session[] = [];
  const cutter = createConsumer<Activity>({
    brokers,
    group: 'sessions',
    topics: ['activity'],
    untilEnd: true,
    handler: eachEvent(({ value }) => {
      const session = sessions.add(value);
      if (session) over.push(session);
    }),
  });
  await cutter.run();
  over.push(...sessions.finish());
  const messages = over.map((session) => ({ key: session.visitor, value: JSON.stringify(session) }));
  await publish(kafkaAt(brokers, 'sessions'), 'sessions', messages);
}

async function funnelOf(brokers: string[]): Promise<ActivityReport['funnel']> {
  const steps: [step: string, reached: (page: string) => boolean][] = [
    ['came', () => true],
    ['saw a product', (page) => page.startsWith('/product/')],
    ['filled the cart', (page) => page === '/cart'],
    ['ordered', (page) => page === '/order'],
  ];
  const funnel = steps.map(([step]) => ({ step, sessions: 0 }));
  await readToEnd(kafkaAt(brokers, 'funnel'), {
    topic: 'sessions',
    eachMessage: ({ message }) => {
      const { pages } = json<Session>(message);
      for (const [i, [, reached]] of steps.entries()) if (pages.some(reached)) funnel[i]!.sessions++;
    },
  });
  return funnel;
}
