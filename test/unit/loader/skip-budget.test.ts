import { describe, expect, it } from 'vitest';
import { checkSkipBudget, type RefusedShare } from '../../../src/loader/skip-budget.ts';

const limits = { topic: 'events', partition: 3, skipBudget: 0.1, timeField: 'ts', hasLanded: false };

function roll(landed: number, codes: Record<string, number>): RefusedShare {
  const dead = Object.values(codes).reduce((sum, count) => sum + count, 0);
  return { landedCount: BigInt(landed), deadCount: BigInt(dead), deadCodes: new Map(Object.entries(codes)) };
}

describe('checkSkipBudget', () => {
  it('lets a share within the budget pass, and any share of a few records', () => {
    expect(() => checkSkipBudget(roll(90, { 'not-json': 10 }), limits)).not.toThrow();
    expect(() => checkSkipBudget(roll(0, { 'not-json': 99 }), limits)).not.toThrow();
  });

  it('names the share and the reasons beyond it', () => {
    expect(() => checkSkipBudget(roll(100, { 'not-json': 20, 'wrong-type': 5 }), limits)).toThrow(
      'events-3: 25 of 125 records cannot be loaded (20 not-json, 5 wrong-type), more than the skip budget of 0.1',
    );
  });

  it('takes it for a wrong setting when not one record has the time field', () => {
    const all = roll(0, { 'missing-time': 150 });
    const generous = { ...limits, skipBudget: 1 };
    expect(() => checkSkipBudget(all, generous)).toThrow('expected the event time in field "ts"');
    expect(() => checkSkipBudget(all, { ...generous, hasLanded: true })).not.toThrow();
    expect(() => checkSkipBudget(roll(1, { 'missing-time': 150 }), generous)).not.toThrow();
  });
});
