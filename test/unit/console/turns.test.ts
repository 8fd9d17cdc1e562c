import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/console/api/turns.ts';

const nobodyLeaves = new AbortController().signal;

/** Work that ends when it is told to. */
function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('turns', () => {
  it('let so many work at a time, the others in their order, also after a failure', async () => {
    const turns = new Turns(1, 10);
    const first = gate();
    const order: string[] = [];
    const one = turns.take(nobodyLeaves, async () => {
      await first.opened;
      order.push('one');
      throw new Error('one failed');
    });
    const two = turns.take(nobodyLeaves, async () => void order.push('two'));
    const three = turns.take(nobodyLeaves, async () => void order.push('three'));
    expect(order).toEqual([]);
    first.open();
    await expect(one).rejects.toThrow('one failed');
    await Promise.all([two, three]);
    expect(order).toEqual(['one', 'two', 'three']);
    await expect(turns.take(nobodyLeaves, async () => 4)).resolves.toBe(4);
  });

  it('refuse whoever comes when too many wait, and begin nothing for those who have gone', async () => {
    const turns = new Turns(1, 1);
    const first = gate();
    const one = turns.take(nobodyLeaves, () => first.opened);
    const gone = new AbortController();
    let isBegun = false;
    const waiting = turns.take(gone.signal, async () => {
      isBegun = true;
    });
    await expect(turns.take(nobodyLeaves, async () => {})).rejects.toMatchObject({ code: 'busy', isRetriable: true });
    gone.abort(new Error('the client has gone'));
    first.open();
    await one;
    await expect(waiting).rejects.toThrow('the client has gone');
    expect(isBegun).toBe(false);
  });
});
