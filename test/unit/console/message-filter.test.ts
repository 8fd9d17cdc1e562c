import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/console/api/message-filter.ts';

const value = '{"type":"purchase","game":"hh","user":{"country":"DE"},"price_cents":499,"note":"two words"}';

describe('the filter of messages', () => {
  it.each([
    ['purchase'],
    ['PURCHASE'],
    ['key-7'],
    ['purchase key-7'],
    ['game=hh'],
    ['user.country=DE'],
    ['price_cents=499'],
    ['"two words"'],
    ['note="two words" game=hh'],
  ])('finds the record by %s', (text) => {
    expect(parseFilter(text)!('key-7', value)).toBe(true);
  });

  it.each([
    ['refund'],
    ['purchase refund'],
    ['game=h'],
    ['game=HH'],
    ['user=DE'],
    ['toString=x'],
    ['missing=undefined'],
  ])('does not find it by %s', (text) => {
    expect(parseFilter(text)!('key-7', value)).toBe(false);
  });

  it('is none when nothing is looked for', () => {
    expect(parseFilter('  ')).toBeNull();
  });

  it('takes what is no JSON as text', () => {
    expect(parseFilter('plain')!('', 'plain text')).toBe(true);
    expect(parseFilter('game=plain')!('', 'plain text')).toBe(false);
  });
});
