/**
 * Sends requests that were valid before bytes were changed, cut or added, and looks that nothing but their own connections
 * suffers: a bystander is answered all the time, the process takes no more memory than its limits allow, and what was
 * written before is still there.
 *
 *   node --import tsx test/campaign/broker-fuzz.ts [--seed N] [--count 1000000]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  apiKeys,
  encodeRequestFrame,
  MetadataRequestSchema,
  MetadataResponseSchema,
  requestSchema,
} from '../../src/wire/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { sampleRequests } from '../support/sample-requests.ts';
import { seededRandom } from '../support/seeded-random.ts';

export interface BrokerFuzzReport {
  /** Frames that were answered after all, that lost their connection, and that made it wait. */
  readonly answered: number;
  readonly closed: number;
  readonly waits: number;
  readonly rssGrowthBytes: number;
}

/** How long a frame may take to be answered before it counts as one that waits. */
const waitMs = 50;

/** Throws when somebody else than the sender suffers. */
export async function fuzzBroker(options: { seed: number; count: number }): Promise<BrokerFuzzReport> {
  const broker = await startTestBroker({ maxPartitions: 300, groups: { maxGroups: 1_000 } });
  try {
    return await new BrokerFuzzer(broker, options.seed).run(options.count);
  } catch (error) {
    throw new Error(`seed ${options.seed}`, { cause: error });
  } finally {
    await broker.stop();
  }
}

class BrokerFuzzer {
  readonly #broker: TestBroker;
  readonly #random: () => number;
  readonly #samples: Buffer[] = [];
  readonly outcomes = { answered: 0, closed: 0, waits: 0 };
  #client: RawClient | null = null;

  constructor(broker: TestBroker, seed: number) {
    this.#broker = broker;
    this.#random = seededRandom(seed);
  }

  async run(count: number): Promise<BrokerFuzzReport> {
    const bystander = await RawClient.open(this.#broker.address);
    const before = await describeTopic(bystander);
    this.#makeSamples(before.topicId);
    const rssBefore = process.memoryUsage().rss;
    for (let sent = 0; sent < count; sent++) {
      await this.#send();
      if (sent % 1_000 === 0) await describeTopic(bystander);
    }
    const after = await describeTopic(bystander);
    if (after.topicId !== before.topicId) throw new Error('topic t is not the one that it was');
    bystander.close();
    this.#client?.close();
    const rssGrowthBytes = process.memoryUsage().rss - rssBefore;
    const { failures } = this.#broker.broker.counters;
    if (failures > 0) throw new Error(`${failures} requests failed inside the broker`);
    return { ...this.outcomes, rssGrowthBytes };
  }

  #makeSamples(topicId: string): void {
    for (const [name, makeRequest] of Object.entries(sampleRequests(topicId))) {
      // Deleting the bystander's topic would be an honest request.
      if (name === 'DeleteTopics') continue;
      const schema = requestSchema(apiKeys[name as keyof typeof apiKeys])!;
      for (let version = schema.validVersions[0]; version <= schema.validVersions[1]; version++) {
        const header = { apiKey: schema.apiKey, apiVersion: version, correlationId: 1, clientId: 'fuzz' };
        this.#samples.push(Buffer.concat(encodeRequestFrame(header, schema, makeRequest(version))));
      }
    }
  }

  /** One frame, on the same connection as the one before if that still stands. */
  async #send(): Promise<void> {
    const client = this.#client ?? (await RawClient.open(this.#broker.address));
    client.write(this.#mutate(this.#pick(this.#samples)));
    const answered = client.receiveFrame().then(
      () => 'answered',
      () => 'closed',
    );
    const outcome = await Promise.race([answered, sleep(waitMs).then(() => 'waits')]);
    this.outcomes[outcome as keyof typeof this.outcomes]++;
    this.#client = outcome === 'answered' ? client : null;
    // A frame may have become a wait, such as a join or a long poll, or a produce request without an answer.
    if (outcome !== 'answered') client.close();
  }

  /** Changes one or two things; the size in front mostly fits. */
  #mutate(sample: Buffer): Buffer {
    let frame: Buffer = Buffer.from(sample);
    const changes = 1 + Math.floor(this.#random() * 2);
    for (let i = 0; i < changes; i++) frame = this.#change(frame);
    if (this.#random() < 0.95) frame.writeInt32BE(frame.length - 4, 0);
    return frame;
  }

  #change(frame: Buffer): Buffer {
    const at = 4 + Math.floor(this.#random() * Math.max(1, frame.length - 4));
    const kind = Math.floor(this.#random() * 6);
    if (kind === 0) frame[Math.min(at, frame.length - 1)]! ^= 1 << Math.floor(this.#random() * 8);
    else if (kind === 1) frame[Math.min(at, frame.length - 1)] = this.#pick([0, 1, 0x7f, 0x80, 0xff]);
    else if (kind === 2) return Buffer.concat([frame.subarray(0, Math.max(4, at))]);
    else if (kind === 3) return Buffer.concat([frame.subarray(0, at), this.#bytes(8), frame.subarray(at)]);
    else if (kind === 4 && at + 4 <= frame.length)
      frame.writeInt32BE(this.#pick([-1, 0x7fff_ffff, -0x8000_0000, 1 << 24]), at);
    else if (kind === 5) return Buffer.concat([frame.subarray(0, at), frame.subarray(Math.min(frame.length, at + 3))]);
    return frame;
  }

  #bytes(max: number): Buffer {
    return Buffer.from(
      Array.from({ length: Math.floor(this.#random() * max) }, () => Math.floor(this.#random() * 256)),
    );
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}

async function describeTopic(client: RawClient): Promise<{ topicId: string; errorCode: number }> {
  const answer = await Promise.race([
    client.request(MetadataRequestSchema, MetadataResponseSchema, 12, { topics: [{ name: 't' }] }),
    sleep(10_000).then(() => {
      throw new Error('the bystander was not answered within 10 s');
    }),
  ]);
  const topic = answer.topics[0]!;
  if (topic.errorCode !== 0) throw new Error(`the bystander got error ${topic.errorCode}`);
  return topic;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  console.log(JSON.stringify(await fuzzBroker({ seed, count: Number(values.count ?? 1_000_000) })));
}
