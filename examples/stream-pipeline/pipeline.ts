import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTopics, json, kafkaAt, publish, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import type { Article, RawItem } from './article.ts';
import { cleanseArticles, type Read, recommend, visitFeeds } from './stages.ts';

export interface PipelineReport {
  itemCount: number;
  fresh: Article[];
  duplicates: RawItem[];
  /** New articles after the feeds were visited again and had nothing new. */
  freshAgain: number;
  recommendations: Record<string, string[]>;
}

/** From feeds to recommendations: three stages that know only the topics between them. */
export async function runPipeline(brokers: string[], folder: string, show: Show): Promise<PipelineReport> {
  const kafka = kafkaAt(brokers, 'pipeline');
  await createTopics(kafka, {
    'articles.raw': {},
    articles: {},
    reads: {},
    recommendations: { config: { 'cleanup.policy': 'compact' } },
  });
  const files = await readdir(folder);
  const documents = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));

  const itemCount = await visitFeeds(kafka, documents);
  show.log(`articles.raw     ${itemCount} items of ${files.length} feeds`);
  const { fresh, duplicates } = await cleanseArticles(kafka);
  show.log(`articles         ${fresh.length} of them are new`);
  for (const { feed, title } of duplicates) show.log(`                 known already: "${title}" (${feed})`);

  await visitFeeds(kafka, documents);
  const { fresh: again } = await cleanseArticles(kafka);
  show.log(`articles         ${again.length} more after another visit to the same feeds`);

  await publish(kafka, 'reads', reads());
  await recommend(kafka);
  const recommendations: PipelineReport['recommendations'] = {};
  await readToEnd(kafka, {
    topic: 'recommendations',
    eachMessage: ({ message }) => void (recommendations[String(message.key)] = json<string[]>(message)),
  });
  for (const [reader, titles] of Object.entries(recommendations)) {
    show.log(`recommendations  for ${reader}:`);
    for (const title of titles) show.log(`                   ${title}`);
  }
  return { itemCount, fresh, duplicates, freshAgain: again.length, recommendations };
}

function reads(): { key: string; value: string }[] {
  const opened: Read[] = [
    { reader: 'ida', url: 'https://harbour.example/2026/herring' },
    { reader: 'jon', url: 'https://harbour.example/2026/storm' },
    { reader: 'kim', url: 'https://island.example/a/hotels' },
  ];
  return opened.map((read) => ({ key: read.reader, value: JSON.stringify(read) }));
}
