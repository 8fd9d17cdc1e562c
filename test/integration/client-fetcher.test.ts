// Promises of the batch fetcher, against brokers whose every answer the test decides.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import {
  BatchFetcher,
  type BatchFetcherOptions,
  type FetchedPartition,
  KafkaCluster,
} from '../../src/wire/client/index.ts';
import {
  apiKeys,
  type DeepPartial,
  encodeBatch,
  errorCodes,
  type FetchRequest,
  type FetchResponsePartitionData,
} from '../../src/wire/index.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const topicId = 'a'.repeat(32);
let broker: ScriptedBroker;
let second: ScriptedBroker;
let cluster: KafkaCluster;
let fetcher: BatchFetcher;

beforeEach(async () => {
  broker = await ScriptedBroker.start();
  second = await ScriptedBroker.start(broker.cluster);
  broker.setTopic('t', topicId, [
    [1, 3],
    [1, 3],
    [2, 3],
  ]);
  cluster = new KafkaCluster({
    brokers: [broker.address],
    clientId: 'test',
    retryTimeoutMs: 2_000,
    logger: silentLogger,
  });
});

afterEach(async () => {
  await fetcher?.close();
  await cluster.close();
  await Promise.all([broker.stop(), second.stop()]);
});

function open(options: Partial<BatchFetcherOptions> = {}): BatchFetcher {
  fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 2_000, ...options });
  return fetcher;
}

type Asked = FetchRequest['topics'][number]['partitions'][number];

/** Answers Fetch on a node partition by partition; a partition without an answer makes the broker wait, as a long poll does. */
function onFetch(node: ScriptedBroker, answer: (asked: Asked) => DeepPartial<FetchResponsePartitionData> | null): void {
  node.on(apiKeys.Fetch, async (request) => {
    const responses = request.topics.map((topic) => ({
      topicId: topic.topicId,
      partitions: topic.partitions.flatMap((asked) => {
        const data = answer(asked);
        return data ? [{ partitionIndex: asked.partition, ...data }] : [];
      }),
    }));
    if (responses.every(({ partitions }) => partitions.length === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { responses };
  });
}

/** One batch of ten records from `offset`. */
function ten(offset: bigint, leaderEpoch = 3): DeepPartial<FetchResponsePartitionData> {
  const records = Array.from({ length: 10 }, (_, i) => ({ value: `${offset + BigInt(i)}` }));
  return {
    highWatermark: 100n,
    lastStableOffset: 90n,
    logStartOffset: 0n,
    records: encodeBatch(records, { baseOffset: offset, timestampMs: 1n, leaderEpoch }),
  };
}

async function pollUntil(test: (all: FetchedPartition[]) => boolean): Promise<FetchedPartition[]> {
  const all: FetchedPartition[] = [];
  const endMs = performance.now() + 10_000;
  while (!test(all)) {
    if (performance.now() > endMs) throw new Error(`polled too long; got ${all.length}`);
    all.push(...(await fetcher.poll()));
  }
  return all;
}

const rangesOf = (all: readonly FetchedPartition[]): string[] =>
  all.map(
    ({ partition, fetchOffset, nextOffset, error }) =>
      `${partition}: ${fetchOffset}-${nextOffset}${error ? ` ${error.code}` : ''}`,
  );

const fetches = (node: ScriptedBroker): FetchRequest[] => node.of(apiKeys.Fetch).map(({ message }) => message);

describe('what poll hands over', () => {
  it('comes from all leaders, gapless, by topic id, with everything a checkpoint needs', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    onFetch(second, ({ fetchOffset }) => ten(fetchOffset));
    open();
    for (const partition of [0, 1, 2]) fetcher.assign('t', partition, 5n);
    const all = await pollUntil((got) =>
      [0, 1, 2].every((p) => got.some((f) => f.partition === p && f.nextOffset >= 35n)),
    );
    for (const partition of [0, 1, 2]) {
      const mine = all.filter((fetched) => fetched.partition === partition);
      expect(mine.map(({ fetchOffset }) => fetchOffset)).toEqual(mine.map((_, i) => 5n + 10n * BigInt(i)));
    }
    expect(all[0]).toMatchObject({ topicId, leaderEpoch: 3, highWatermark: 100n, lastStableOffset: 90n, error: null });
    const [request] = broker.of(apiKeys.Fetch);
    expect(request).toMatchObject({
      version: 17,
      message: {
        isolationLevel: 1,
        sessionEpoch: -1,
        topics: [{ topicId, partitions: [{ currentLeaderEpoch: 3 }, {}] }],
      },
    });
  });

  it('is one answer ahead of the caller, and never more', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    open();
    fetcher.assign('t', 0, 0n);
    await fetcher.poll();
    await new Promise((resolve) => setTimeout(resolve, 200)); // the caller works on what it got
    expect(fetches(broker).map(({ topics }) => topics[0]!.partitions[0]!.fetchOffset)).toEqual([0n, 10n]);
    expect(fetcher.progress('t', 0)!.position).toBe(10n);
  });

  it('is nothing, after the time limit, when there is nothing', async () => {
    onFetch(broker, () => null);
    open({ maxWaitMs: 100 });
    fetcher.assign('t', 0, 0n);
    const startedMs = performance.now();
    expect(await fetcher.poll()).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it('stops at once when the caller is told to', async () => {
    onFetch(broker, () => null);
    open();
    fetcher.assign('t', 0, 0n);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(fetcher.poll({ signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('memory and fairness', () => {
  it('shares the limit between the leaders', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    onFetch(second, ({ fetchOffset }) => ten(fetchOffset));
    open({ maxBytes: 1_000_000, maxPartitionBytes: 800_000 });
    for (const partition of [0, 1, 2]) fetcher.assign('t', partition, 0n);
    await pollUntil((got) => got.length >= 3);
    expect(fetches(second).at(-1)).toMatchObject({
      maxBytes: 500_000,
      topics: [{ partitions: [{ partitionMaxBytes: 500_000 }] }],
    });
  });

  it('asks first for the partition that was served longest ago', async () => {
    // The broker has room for one partition per answer: the first that is asked for.
    broker.on(apiKeys.Fetch, (request) => {
      const [first] = request.topics[0]!.partitions;
      return {
        responses: [{ topicId, partitions: [{ partitionIndex: first!.partition, ...ten(first!.fetchOffset) }] }],
      };
    });
    open();
    fetcher.assign('t', 0, 0n);
    fetcher.assign('t', 1, 0n);
    const all = await pollUntil((got) => got.length >= 20);
    const counts = [0, 1].map((partition) => all.filter((fetched) => fetched.partition === partition).length);
    expect(Math.abs(counts[0]! - counts[1]!)).toBeLessThanOrEqual(1);
  });

  it('a paused partition is not fetched, and keeps what was fetched for it', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    open();
    fetcher.assign('t', 0, 0n);
    fetcher.assign('t', 1, 0n);
    await pollUntil((got) => got.some(({ partition }) => partition === 0));
    await new Promise((resolve) => setTimeout(resolve, 100)); // the next answer is there
    fetcher.pause('t', 0);
    const meanwhile = await pollUntil((got) => got.length >= 5);
    expect(meanwhile.every(({ partition }) => partition === 1)).toBe(true);
    const heldFrom = fetcher.progress('t', 0)!.position;
    const askedBefore = askedFor(0).length;
    fetcher.resume('t', 0);
    const [next] = (await pollUntil((got) => got.some(({ partition }) => partition === 0))).filter(
      ({ partition }) => partition === 0,
    );
    expect(next!.fetchOffset).toBe(heldFrom);
    expect(
      askedFor(0)
        .slice(0, askedBefore + 1)
        .filter((offset) => offset === heldFrom),
    ).toHaveLength(1);
  });

  const askedFor = (partition: number): bigint[] =>
    fetches(broker).flatMap(({ topics }) =>
      topics.flatMap(({ partitions }) =>
        partitions.filter((p) => p.partition === partition).map(({ fetchOffset }) => fetchOffset),
      ),
    );

  it('an answer for a partition that was assigned elsewhere meanwhile does not count', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    broker.on(apiKeys.Fetch, async (request) => {
      const asked = request.topics[0]!.partitions[0]!;
      if (asked.fetchOffset === 0n) await held;
      return { responses: [{ topicId, partitions: [{ partitionIndex: 0, ...ten(asked.fetchOffset) }] }] };
    });
    open();
    fetcher.assign('t', 0, 0n);
    const polling = fetcher.poll();
    await new Promise((resolve) => setTimeout(resolve, 50));
    fetcher.assign('t', 0, 70n);
    release();
    expect(rangesOf(await polling)).toEqual(['0: 70-80']);
  });
});

describe('trouble', () => {
  it('follows a partition to its new leader', async () => {
    onFetch(broker, ({ fetchOffset }) => (fetchOffset < 20n ? ten(fetchOffset) : { errorCode: 6 }));
    onFetch(second, ({ fetchOffset }) => ten(fetchOffset, 4));
    second.on(apiKeys.OffsetForLeaderEpoch, () => ({
      topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 3, endOffset: 20n }] }],
    }));
    open();
    fetcher.assign('t', 0, 0n);
    await pollUntil((got) => got.length === 2);
    broker.setTopic('t', topicId, [[2, 4]]);
    expect(rangesOf(await pollUntil((got) => got.length === 1))).toEqual(['0: 20-30']);
    const [validated] = second.of(apiKeys.OffsetForLeaderEpoch);
    expect(validated!.message).toMatchObject({ topics: [{ partitions: [{ currentLeaderEpoch: 4, leaderEpoch: 3 }] }] });
  });

  it('waits for a broker that restarts, without a word to the caller', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    open({ maxWaitMs: 300 });
    fetcher.assign('t', 0, 0n);
    await pollUntil((got) => got.length === 1);
    await broker.stop();
    setTimeout(() => void broker.listen(), 600);
    const all = await pollUntil((got) => got.length >= 3);
    expect(rangesOf(all.slice(0, 3))).toEqual(['0: 10-20', '0: 20-30', '0: 30-40']);
  });

  it('stops a partition whose log diverges after a change of leaders (KIP-320), and the others go on', async () => {
    onFetch(broker, ({ partition, fetchOffset }) => ten(fetchOffset, partition === 0 ? 2 : 3));
    broker.on(apiKeys.OffsetForLeaderEpoch, () => ({
      topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 2, endOffset: 15n }] }],
    }));
    open();
    fetcher.assign('t', 0, 20n, { leaderEpoch: 2 });
    fetcher.assign('t', 1, 0n);
    const all = await pollUntil(
      (got) => got.filter(({ partition }) => partition === 1).length >= 3 && got.some(({ error }) => error),
    );
    expect(all.filter(({ partition }) => partition === 0)).toEqual([
      expect.objectContaining({
        error: expect.objectContaining({ code: 'log-truncated', divergingOffset: 15n }),
        batches: [],
      }),
    ]);
  });

  it('reads on when the position is in the log of the epoch it was written in', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    broker.on(apiKeys.OffsetForLeaderEpoch, () => ({
      topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 2, endOffset: 20n }] }],
    }));
    open();
    fetcher.assign('t', 0, 20n, { leaderEpoch: 2 });
    expect(rangesOf(await pollUntil((got) => got.length === 2))).toEqual(['0: 20-30', '0: 30-40']);
    expect(broker.of(apiKeys.OffsetForLeaderEpoch)).toHaveLength(1);
  });

  it('tells OFFSET_OUT_OF_RANGE once, and never goes anywhere else by itself', async () => {
    onFetch(broker, ({ partition, fetchOffset }) => (partition === 0 ? { errorCode: 1 } : ten(fetchOffset)));
    open();
    fetcher.assign('t', 0, 500n);
    fetcher.assign('t', 1, 0n);
    const all = await pollUntil((got) => got.filter(({ partition }) => partition === 1).length >= 4);
    const failed = all.filter(({ partition }) => partition === 0);
    expect(rangesOf(failed)).toEqual(['0: 500-500 offset-out-of-range']);
    expect(failed[0]!.error).toMatchObject({ kafkaName: 'OFFSET_OUT_OF_RANGE' });
  });

  it('tells that a topic was created anew instead of reading the new one', async () => {
    onFetch(broker, ({ fetchOffset }) => (fetchOffset < 10n ? ten(fetchOffset) : { errorCode: 100 }));
    open();
    fetcher.assign('t', 0, 0n);
    await pollUntil((got) => got.length === 1);
    broker.setTopic('t', 'b'.repeat(32), [[1, 0]]);
    const [failed] = await pollUntil((got) => got.length === 1);
    expect(failed!.error).toMatchObject({
      kafkaName: 'INCONSISTENT_TOPIC_ID',
      message: expect.stringContaining('created again'),
    });
  });

  it('tells that a topic stays away, after giving it the time to come back', async () => {
    open({ missingTopicMs: 300, maxWaitMs: 200 });
    fetcher.assign('gone', 0, 0n);
    fetcher.assign('t', 9, 0n);
    const all = await pollUntil((got) => got.length === 2);
    expect(rangesOf(all).sort()).toEqual(['0: 0-0 unknown-topic-or-partition', '9: 0-0 unknown-topic-or-partition']);
  });

  it('tells a corrupt batch as an error of its partition', async () => {
    onFetch(broker, () => {
      const data = ten(0n);
      (data.records as Buffer)[70]! ^= 1;
      return data;
    });
    open();
    fetcher.assign('t', 0, 0n);
    expect((await pollUntil((got) => got.length === 1))[0]!.error).toMatchObject({ kafkaName: 'CORRUPT_MESSAGE' });
  });
});

describe('a replica that is closer (KIP-392)', () => {
  /** The leader, node 1, points to node 2; what node 2 answers is up to the test. */
  function rackAware(): BatchFetcher {
    cluster = new KafkaCluster({
      brokers: [broker.address],
      clientId: 'test',
      clientConfig: { 'client.rack': 'west' },
      retryTimeoutMs: 2_000,
      logger: silentLogger,
    });
    fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 2_000 });
    return fetcher;
  }

  it('is read from once the leader names it, and the leader is left alone', async () => {
    onFetch(broker, () => ({ highWatermark: 100n, preferredReadReplica: 2 }));
    onFetch(second, ({ fetchOffset }) => ten(fetchOffset));
    rackAware().assign('t', 0, 5n);
    const all = await pollUntil((got) => got.length >= 3);
    expect(rangesOf(all)).toEqual(['0: 5-15', '0: 15-25', '0: 25-35']);
    expect(fetches(broker)).toHaveLength(1);
    expect(fetches(broker)[0]!.rackId).toBe('west');
  });

  it('that lags behind or is gone is given up for the leader, whatever it says about the offset', async () => {
    let asked = 0;
    onFetch(broker, ({ fetchOffset }) => (asked++ === 0 ? { preferredReadReplica: 2 } : ten(fetchOffset)));
    onFetch(second, () => ({ errorCode: errorCodes.OFFSET_OUT_OF_RANGE }));
    rackAware().assign('t', 0, 5n);
    expect(rangesOf(await pollUntil((got) => got.length >= 1))).toEqual(['0: 5-15']);
    await second.stop();
    asked = 0;
    fetcher.assign('t', 0, 50n);
    expect(rangesOf(await pollUntil((got) => got.some(({ fetchOffset }) => fetchOffset === 50n)))).toContain(
      '0: 50-60',
    );
    await second.listen();
  });

  it('is not asked for by a client that does not say where it is', async () => {
    onFetch(broker, ({ fetchOffset }) => ten(fetchOffset));
    open();
    fetcher.assign('t', 0, 5n);
    await pollUntil((got) => got.length >= 1);
    expect(fetches(broker)[0]!.rackId).toBe('');
  });
});
