import { describe, expect, it } from 'vitest';
import { RequestBudget } from '../../../../src/log/server/request-budget.ts';

describe('the budget of requests in memory', () => {
  it('wakes everybody who waits, once, when it is no longer exceeded', () => {
    const budget = new RequestBudget(100, 100);
    let wakeCount = 0;
    budget.take(150);
    expect(budget.isExceeded).toBe(true);
    budget.whenThereIsRoom(() => wakeCount++);
    budget.release(40);
    expect(wakeCount).toBe(0);
    budget.release(20);
    budget.release(20);
    expect(wakeCount).toBe(1);
    expect(budget.isExceeded).toBe(false);
  });

  it('does not wake who has left', () => {
    const budget = new RequestBudget(100, 100);
    const wake = (): void => expect.unreachable();
    budget.take(150);
    budget.whenThereIsRoom(wake);
    budget.forget(wake);
    budget.release(150);
    expect(budget.requestBytes).toBe(0);
  });

  it('refuses the incomplete frame that goes over the limit, and never one that shrinks', () => {
    const budget = new RequestBudget(100, 100);
    expect(budget.changePartial(0, 80)).toBe(true);
    expect(budget.changePartial(0, 30)).toBe(false);
    expect(budget.changePartial(80, 75)).toBe(true);
    expect(budget.changePartial(30, 0)).toBe(true);
    expect(budget.changePartial(0, 25)).toBe(true);
  });
});
