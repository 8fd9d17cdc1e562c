import { describe, expect, it } from 'vitest';
import { type ConsumedBatch, eachEvent, type PositionedSink } from '../../../../src/online/consumer/consumed-batch.ts';
import { ConsumerMetrics } from '../../../../src/online/consumer/consumer-metrics.ts';
import { type ConsumerOptions, settingsOf } from '../../../../src/online/consumer/consumer-options.ts';
import type { DeadLetters, DeadRecord } from '../../../../src/online/consumer/dead-letters.ts';
import { deliverBatch, HandlerFailedError } from '../../../../src/online/consumer/deliver-batch.ts';
import { type Clock, SluiceError, silentLogger } from '../../../../src/shared/index.ts';

/** A clock whose sleeps are over at once, and remembered. */
class QuickClock implements Clock {
  readonly sleeps: number[] = [];
  nowMs = (): number => 0;
  monotonicMs = (): number => 0;
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
  }
}

function batchOf(...numbers: number[]): ConsumedBatch<number> {
  const place = { topic: 't', topicId: '0'.repeat(32), partition: 0 };
  const events = numbers.map((value) => ({
    ...{ ...place, offset: BigInt(value), timestampMs: 0, key: null, headers: [], bytes: Buffer.from(`${value}`) },
    value,
  }));
  return { ...place, first: BigInt(numbers[0]!), next: BigInt(numbers.at(-1)! + 1), events, source: 'log' };
}

function around(handler: ConsumerOptions<number>['handler'], options: Partial<ConsumerOptions<number>> = {}) {
  const clock = new QuickClock();
  const dead: DeadRecord[] = [];
  const deadLetters = {
    send: async (records: readonly DeadRecord[]) => void dead.push(...records),
  } as unknown as DeadLetters;
  const retries = { attempts: 3, firstMs: 100, maxMs: 1000 };
  const settings = settingsOf<number>({ topics: ['t'], handler, clock, logger: silentLogger, retries, ...options });
  const { signal } = new AbortController();
  return {
    ...{ clock, dead },
    surroundings: {
      ...{ settings, metrics: new ConsumerMetrics(undefined, () => []), stopping: signal, aborted: signal },
      deadLetters: options.deadLetterTopic === undefined ? null : deadLetters,
    },
  };
}

describe('a batch', () => {
  it('that fails is handed over again after waits that grow, without what was handled', async () => {
    const seen: number[][] = [];
    let failures = 2;
    const { surroundings, clock } = around(async ({ events }, { handled }) => {
      seen.push(events.map(({ value }) => value));
      handled(events[0]!.offset);
      if (failures-- > 0) throw new Error('not yet');
    });
    expect(await deliverBatch(batchOf(1, 2, 3), null, surroundings)).toBe(4n);
    expect(seen).toEqual([[1, 2, 3], [2, 3], [3]]);
    expect(clock.sleeps).toHaveLength(2);
    expect(clock.sleeps[0]).toBeGreaterThanOrEqual(50);
    expect(clock.sleeps[1]).toBeGreaterThanOrEqual(100);
  });

  it('that fails in every attempt stops the consumer with the offset, when nobody takes dead letters', async () => {
    const { surroundings } = around(
      eachEvent(({ value }) => {
        if (value === 2) throw new Error('two');
      }),
    );
    const delivered = deliverBatch(batchOf(1, 2, 3), null, surroundings);
    await expect(delivered).rejects.toThrow(HandlerFailedError);
    await expect(delivered).rejects.toThrow(/failed 3 times at t-0 offset 1; name a dead-letter topic/);
  });

  it('is taken apart when there is a dead-letter topic: only the events that fail go there', async () => {
    const done: number[] = [];
    const { surroundings, dead } = around(
      ({ events }) => {
        if (events.some(({ value }) => value % 3 === 0)) throw new Error('divisible');
        done.push(...events.map(({ value }) => value));
      },
      { deadLetterTopic: 'dead' },
    );
    expect(await deliverBatch(batchOf(1, 2, 3, 4, 5, 6), null, surroundings)).toBe(7n);
    expect(done).toEqual([1, 2, 4, 5]);
    expect(dead.map(({ offset, reason, attempts }) => [offset, reason, attempts])).toEqual([
      [3n, 'divisible', 3],
      [6n, 'divisible', 3],
    ]);
  });

  it('waits out a sink that says that its trouble passes, for longer than the attempts of others', async () => {
    let calls = 0;
    const sink: PositionedSink<number> = {
      position: async () => null,
      store: async ({ next }) => {
        if (++calls <= 5) throw new SluiceError('down', 'down', { isRetriable: true });
        if (calls <= 10) throw Object.assign(new Error('down'), { isRetriable: true }); // of another's making
        return next;
      },
    };
    const { surroundings, clock } = around(sink);
    expect(await deliverBatch(batchOf(1), null, surroundings)).toBe(2n);
    expect(clock.sleeps).toHaveLength(10);
  });

  it('answers where the sink stands when that is elsewhere', async () => {
    const sink: PositionedSink<number> = {
      position: async () => 7n,
      store: async (_batch, expected) => (expected ? 9n : null),
    };
    const { surroundings } = around(sink);
    expect(await deliverBatch(batchOf(1), 1n, surroundings)).toBe(9n);
    expect(await deliverBatch(batchOf(1), null, surroundings)).toBe(null);
  });
});
