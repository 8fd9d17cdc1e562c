import { createHash } from 'node:crypto';
import { DOMParser, type Element } from '@xmldom/xmldom';

/** An item as the feed had it. */
export interface RawItem {
  feed: string;
  title: string;
  link: string;
  publishedAt: string;
  description: string;
}

/** What is left of it when it has been cleansed. */
export interface Article {
  /** The same for all items that lead to one page. */
  id: string;
  feed: string;
  title: string;
  url: string;
  /** RFC 3339; null when the feed gave no date that can be read. */
  publishedAt: string | null;
  text: string;
}

/** The items of an RSS 2.0 document, as they are. */
export function itemsOf(xml: string): RawItem[] {
  const channel = new DOMParser().parseFromString(xml, 'text/xml').getElementsByTagName('channel')[0]!;
  return [...channel.getElementsByTagName('item')].map((item) => ({
    feed: childText(channel, 'title'),
    title: childText(item, 'title'),
    link: childText(item, 'link'),
    publishedAt: childText(item, 'pubDate'),
    description: childText(item, 'description'),
  }));
}

function childText(parent: Element, name: string): string {
  return parent.getElementsByTagName(name)[0]?.textContent ?? '';
}

/** Text instead of markup, an address without what it was followed from, a time of one form. */
export function cleanse({ feed, title, link, publishedAt, description }: RawItem): Article {
  const url = canonicalUrl(link);
  const publishedMs = Date.parse(publishedAt);
  return {
    id: createHash('sha256').update(url).digest('hex').slice(0, 12),
    feed,
    title: plainText(title),
    url,
    publishedAt: Number.isNaN(publishedMs) ? null : new Date(publishedMs).toISOString(),
    text: plainText(description),
  };
}

function canonicalUrl(link: string): string {
  const url = new URL(link.trim());
  for (const name of [...url.searchParams.keys()]) if (name.startsWith('utm_')) url.searchParams.delete(name);
  url.hash = '';
  return url.href.replace(/\/$/, '');
}

function plainText(markup: string): string {
  const document = new DOMParser({ onError: () => {} }).parseFromString(`<p>${markup}</p>`, 'text/html');
  return (document.documentElement?.textContent ?? '').replace(/\s+/g, ' ').trim();
}
