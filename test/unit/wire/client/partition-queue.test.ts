import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackOff } from '../../../../src/wire/client/back-off.ts';
import { PartitionQueue } from '../../../../src/wire/client/partition-queue.ts';
import { isAtOrAfter, nextSequence, type ProducerBatch } from '../../../../src/wire/client/producer-batch.ts';

const backOff = (): BackOff => new BackOff({ firstMs: 1, maxMs: 1 });
const newQueue = (batchBytes = 30): PartitionQueue => new PartitionQueue('t', 0, batchBytes, backOff());

function add(queue: PartitionQueue, value: string, bytes = 10, nowMs = 0): { isNew: boolean; isFull: boolean } {
  return queue.append({ value }, bytes, undefined, nowMs);
}

const valuesOf = (batch: ProducerBatch): string[] => batch.records.map(({ value }) => String(value));

describe('PartitionQueue', () => {
  it('lets a batch go when it is full, was waited for, is followed by another, or somebody is in a hurry', () => {
    const queue = newQueue();
    expect(add(queue, 'a', 10, 100)).toEqual({ isNew: true, isFull: false });
    expect(queue.isReady(100, 5, false)).toBe(false);
    expect(queue.dueAtMs(5)).toBe(105);
    expect(queue.isReady(105, 5, false)).toBe(true);
    expect(queue.isReady(100, 5, true)).toBe(true);
    expect(add(queue, 'b', 20, 101)).toEqual({ isNew: false, isFull: true });
    expect(queue.isReady(101, 5, false)).toBe(true);
    expect(add(queue, 'c', 10, 101)).toEqual({ isNew: true, isFull: false });
    expect(valuesOf(queue.takeHead(true))).toEqual(['a', 'b']);
    expect(queue.isReady(101, 5, false)).toBe(false);
  });

  it('gives a record that is larger than a batch one of its own', () => {
    const queue = newQueue();
    add(queue, 'small');
    add(queue, 'large', 500);
    add(queue, 'small again');
    expect([1, 2, 3].map(() => valuesOf(queue.takeHead(true)))).toEqual([['small'], ['large'], ['small again']]);
  });

  it('numbers batches by their records, and wraps as the Java client does', () => {
    const queue = newQueue(20);
    for (const value of ['a', 'b', 'c']) add(queue, value);
    expect(queue.takeHead(true).baseSequence).toBe(0);
    expect(queue.takeHead(true).baseSequence).toBe(2);
    expect(nextSequence(2147483647, 1)).toBe(0);
    expect(nextSequence(2147483646, 5)).toBe(3);
  });

  it('sends nothing more until every batch in flight was answered, when one has to go again', () => {
    const queue = newQueue(10);
    for (const value of ['a', 'b', 'c']) add(queue, value);
    const [a, b] = [queue.takeHead(true), queue.takeHead(true)];
    queue.retry(a, 0, new Error('not leader'));
    expect(queue.isReady(10_000, 0, true)).toBe(false);
    queue.retry(b, 0, new Error('out of order'));
    expect(queue.isReady(0, 0, true)).toBe(false); // the back-off
    expect([1, 2, 3].map(() => valuesOf(queue.takeHead(true))[0])).toEqual(['a', 'b', 'c']);
  });

  it('numbers what follows a refused batch anew', () => {
    const queue = newQueue(10);
    for (const value of ['a', 'refused', 'c', 'd']) add(queue, value);
    const [a, refused, c] = [queue.takeHead(true), queue.takeHead(true), queue.takeHead(true)];
    queue.delivered(a, 0);
    queue.refused(refused, 0);
    queue.retry(c, 0, new Error('out of order'));
    expect(
      [queue.takeHead(true), queue.takeHead(true)].map((batch) => [valuesOf(batch)[0], batch.baseSequence]),
    ).toEqual([
      ['c', 1],
      ['d', 2],
    ]);
  });

  it('halves a batch that was too large without changing its sequences', () => {
    const queue = newQueue(100);
    for (const value of ['a', 'b', 'c', 'd', 'e']) add(queue, value);
    const whole = queue.takeHead(true);
    queue.replace(
      whole,
      whole.split(() => 10),
      0,
    );
    const halves = [queue.takeHead(true), queue.takeHead(true)];
    expect(halves.map((batch) => [batch.baseSequence, valuesOf(batch)])).toEqual([
      [0, ['a', 'b']],
      [2, ['c', 'd', 'e']],
    ]);
  });
});

/** What a broker does with the batches of an idempotent producer (KIP-98). */
class BrokerModel {
  readonly log: string[] = [];
  #expected = 0;

  append(batch: ProducerBatch): 'appended' | 'duplicate' | 'out-of-order' | 'refused' {
    if (batch.baseSequence < this.#expected) return 'duplicate';
    if (batch.baseSequence > this.#expected) return 'out-of-order';
    if (valuesOf(batch).includes('poison')) return 'refused';
    this.#expected += batch.records.length;
    this.log.push(...valuesOf(batch));
    return 'appended';
  }
}

describe('five batches in flight, answers lost, leaders moving, batches refused', () => {
  it('every record that is not refused lands once and in order', () => {
    const step = fc.constantFrom(
      'add',
      'add',
      'poison',
      'send',
      'send',
      'ok',
      'ok',
      'lose-answer',
      'not-leader',
      'break',
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const queue = newQueue();
        const broker = new BrokerModel();
        const wire: ProducerBatch[] = [];
        const added: string[] = [];
        const run = (what: string): void => {
          if (what === 'add' || what === 'poison') {
            const value = what === 'poison' ? 'poison' : `v${added.length}`;
            const fillsBatch = what === 'poison' ? 1000 : 10; // alone in its batch
            add(queue, value, fillsBatch);
            if (what === 'add') added.push(value);
          } else if (what === 'send') {
            if (wire.length < 5 && queue.isReady(1e9, 0, true)) wire.push(queue.takeHead(true));
          } else if (what === 'break') {
            const brokenAt = new Error('connection closed');
            for (const batch of wire.splice(0)) queue.retry(batch, 0, brokenAt);
          } else if (wire.length > 0) {
            answer(wire.shift()!, what);
          }
        };
        const answer = (batch: ProducerBatch, what: string): void => {
          const result = what === 'not-leader' ? 'not-leader' : broker.append(batch);
          if (result === 'out-of-order') expect(queue.hasOlderTrouble(batch)).toBe(true);
          if (result === 'refused' && what !== 'lose-answer') queue.refused(batch, 0);
          else if (what === 'ok' && result !== 'out-of-order') queue.delivered(batch, 0);
          else queue.retry(batch, 0, new Error(what));
        };
        for (const what of steps) run(what);
        for (let i = 0; i < 5000 && !queue.isEmpty; i++) run(i % 2 === 0 ? 'send' : 'ok');
        expect(queue.isEmpty).toBe(true);
        expect(broker.log).toEqual(added);
      }),
      { numRuns: 300 },
    );
  });
});

describe('sequences', () => {
  it('of batches that are on their way together are ordered across the wrap from 2^31 - 1 to 0', () => {
    const newest = 0x7fffffff;
    expect([isAtOrAfter(3, 3), isAtOrAfter(4, 3), isAtOrAfter(2, 3)]).toEqual([true, true, false]);
    expect([isAtOrAfter(0, newest), isAtOrAfter(9, newest - 5), isAtOrAfter(newest, 0)]).toEqual([true, true, false]);
  });

  it('end with that of the last record of a batch, which may be past the wrap', () => {
    const queue = newQueue(40);
    for (const value of ['a', 'b', 'c', 'd']) add(queue, value);
    const batch = queue.takeHead(false);
    batch.baseSequence = 0x7ffffffe;
    expect(batch.lastSequence).toBe(1);
  });
});
