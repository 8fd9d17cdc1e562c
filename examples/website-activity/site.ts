import { HttpIngest, IngestServer } from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import type { Activity } from './visits.ts';

export interface Site {
  /** `http://host:port` */
  url: string;
  close(): Promise<void>;
}

/** What takes the events of the shop's pages, as `sluice ingest http --web-topics activity` does: pages load `/sluice.js` from it. */
export async function openSite(brokers: string[]): Promise<Site> {
  const cluster = new KafkaCluster({ brokers, clientId: 'site', logger: silentLogger });
  const surroundings = { clock: systemClock, logger: silentLogger };
  const ingest = new HttpIngest({ cluster, topics: null, webTopics: ['activity'], tokens: null, ...surroundings });
  const server = await IngestServer.start({ ingest, host: '127.0.0.1', port: 0, logger: silentLogger });
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await ingest.close();
      await cluster.close();
    },
  };
}

/** What a page does when somebody leaves it: `navigator.sendBeacon` with all that has happened. The visitor is the record's key. */
export async function sendBeacon({ url }: Site, activities: Activity[]): Promise<void> {
  const answer = await fetch(`${url}/beacon?topic=activity&keyField=visitor`, {
    method: 'POST',
    body: JSON.stringify(activities),
  });
  if (!answer.ok) throw new Error(`expected the site to take the events, got ${answer.status}: ${await answer.text()}`);
}
