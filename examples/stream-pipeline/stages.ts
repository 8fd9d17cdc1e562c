import type { Kafka } from 'kafkajs';
import { json, publish, readToEnd } from '../support/kafka.ts';
import { type Article, cleanse, itemsOf, type RawItem } from './article.ts';
import { ArticleIndex, overlap } from './similarity.ts';

/** A reader opened an article. */
export interface Read {
  reader: string;
  url: string;
}

/** Stage 1: what the feeds have now, every item as it is. Feeds repeat themselves with every visit; that is for the next stage. */
export async function visitFeeds(kafka: Kafka, documents: readonly string[]): Promise<number> {
  const items = documents.flatMap(itemsOf);
  await publish(
    kafka,
    'articles.raw',
    items.map((item) => ({ key: item.feed, value: JSON.stringify(item) })),
  );
  return items.length;
}

/**
 * Stage 2: cleansed, and each only once. What is known of earlier articles is read back from the stage's own output. So a stage
 * that is killed behind writing an article and before remembering that it read the item reads the item again and finds it known.
 */
export async function cleanseArticles(kafka: Kafka): Promise<{ fresh: Article[]; duplicates: RawItem[] }> {
  const known: Article[] = [];
  await readToEnd(kafka, { topic: 'articles', eachMessage: ({ message }) => void known.push(json<Article>(message)) });
  const fresh: Article[] = [];
  const duplicates: RawItem[] = [];
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  await readToEnd(kafka, {
    topic: 'articles.raw',
    groupId: 'cleanse',
    eachMessage: async ({ message }) => {
      const item = json<RawItem>(message);
      const article = cleanse(item);
      if (known.some(({ id, text }) => id === article.id || overlap(text, article.text) > 0.7)) {
        duplicates.push(item);
        return;
      }
      await producer.send({ topic: 'articles', messages: [{ key: article.id, value: JSON.stringify(article) }] });
      known.push(article);
      fresh.push(article);
    },
  });
  await producer.disconnect();
  return { fresh, duplicates };
}

/** Stage 3: for everybody who reads, three articles about the same things that he has not read. */
export async function recommend(kafka: Kafka): Promise<void> {
  const index = new ArticleIndex();
  const idOf = new Map<string, string>();
  await readToEnd(kafka, {
    topic: 'articles',
    eachMessage: ({ message }) => {
      const article = json<Article>(message);
      index.add(article);
      idOf.set(article.url, article.id);
    },
  });
  const readBy = new Map<string, Set<string>>();
  await readToEnd(kafka, {
    topic: 'reads',
    eachMessage: ({ message }) => {
      const { reader, url } = json<Read>(message);
      const read = readBy.get(reader) ?? new Set();
      const id = idOf.get(url);
      if (id !== undefined) readBy.set(reader, read.add(id));
    },
  });
  // Compacted: the newest list of a reader is the one that counts, so that this may run as often as it likes.
  const messages = [...readBy].map(([reader, read]) => {
    const titles = index.likeThese(read, 3).map(({ title }) => title);
    return { key: reader, value: JSON.stringify(titles) };
  });
  await publish(kafka, 'recommendations', messages);
}
