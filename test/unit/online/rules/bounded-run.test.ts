import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../../../../src/online/rules/rule-engine.ts';
import { columnsOf } from './event-batches.ts';
import type { OracleEvent } from './rule-oracle.ts';

const program = 'WHEN Cart FOLLOWED-BY Paid WITHIN 1 hour FOR EACH user ACTION Bought\n';
const event = (partition: number, offset: number, type: string, timeMs: number, user: string): OracleEvent => ({
  ...{ topic: 't', partition, offset, timeMs, type },
  fields: { user },
});

function engineAt(state?: ReturnType<RuleEngine['state']>, text = program): RuleEngine {
  const engine = new RuleEngine(parseRules(text), text);
  if (state) engine.restore(state);
  for (const partition of [0, 1]) engine.assign('t', partition, 0n);
  return engine;
}

const foundBy = (engine: RuleEngine): string[] =>
  engine.takeMatches().map(({ key, events }) => `${key}: ${events.map(({ timeMs }) => timeMs)}`);

describe('what goes on after a bounded run', () => {
  it('takes events of a partition that was behind, though rules have seen later ones; late is only what is late in its own partition', () => {
    const bounded = engineAt();
    bounded.push(columnsOf([event(0, 0, 'Cart', 1000, 'a'), event(0, 1, 'Other', 2000, 'a')], false));
    bounded.end('t', 0); // as far as it went when the run began
    bounded.push(columnsOf([event(1, 0, 'Cart', 50_000, 'b'), event(1, 1, 'Paid', 60_000, 'a')], false));
    expect(foundBy(bounded)).toEqual(['a: 1000,60000']);

    const live = engineAt(bounded.state());
    const behind = [event(0, 2, 'Paid', 1999, 'b'), event(0, 3, 'Cart', 3000, 'c'), event(0, 4, 'Paid', 4000, 'c')];
    live.push(columnsOf([...behind, event(0, 5, 'Paid', 70_000, 'b')], false));
    expect(foundBy(live)).toEqual(['c: 3000,4000']);
    live.finish();
    expect(foundBy(live)).toEqual(['b: 50000,70000']);
    expect(live.counts.late).toBe(1);
  });

  it.each([
    ['3 TIMES Cart', ['a: 1000,2000,5000']],
    ['3 TIMES Cart AFTER MATCH NO SKIP', ['a: 1000,2000,5000', 'a: 2000,5000,5500', 'a: 5000,5500,6000']],
    ['AT LEAST 3 TIMES Cart', ['a: 1000,2000,5000']],
    ['AT LEAST 3 TIMES Cart WITHIN TUMBLING 4 seconds', ['a: 5000,5500,6000']],
  ])('counts what comes later and is older at its time: %s', (counted, expected) => {
    const text = `WHEN ${counted.includes('WITHIN') ? counted : counted.replace('Cart', 'Cart WITHIN 1 hour')} FOR EACH user ACTION Many\n`;
    const bounded = engineAt(undefined, text);
    bounded.push(columnsOf([event(0, 0, 'Cart', 5000, 'a')], false));
    bounded.end('t', 0);
    bounded.finish();
    const behind = [event(1, 0, 'Cart', 1000, 'a'), event(1, 1, 'Cart', 2000, 'a')];
    const middle = engineAt(bounded.state(), text);
    middle.push(columnsOf(behind, false));
    middle.end('t', 0);
    middle.end('t', 1);
    const live = engineAt(middle.state(), text);
    live.push(columnsOf([event(1, 2, 'Cart', 5500, 'a'), event(1, 3, 'Cart', 6000, 'a')], false));
    live.finish();
    expect([...foundBy(middle), ...foundBy(live)]).toEqual(expected);
  });
});
