import { describe, expect, it } from 'vitest';
import { fieldKey } from '../../../../src/online/rules/event-columns.ts';
import { KeyTable } from '../../../../src/online/rules/key-table.ts';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../../../../src/online/rules/rule-engine.ts';
import { columnsOf } from './event-batches.ts';
import type { OracleEvent } from './rule-oracle.ts';

const program =
  'WHEN Cart NOT FOLLOWED-BY Purchase WITHIN 1 minute FOR EACH user ACTION Lost\n' +
  'WHEN Cart FOLLOWED-BY Purchase WITHIN 1 minute FOR EACH user ACTION Paid\n';

/** Every 20 ms somebody new has a cart, and somebody of 40 seconds ago pays. */
const carts: OracleEvent[] = Array.from({ length: 12_000 }, (_, i) => ({
  topic: 't',
  partition: 0,
  offset: i,
  timeMs: i * 10,
  type: i % 2 === 0 ? 'Cart' : 'Purchase',
  fields: { user: i % 2 === 0 ? `u${i}` : `u${i - 4001}` },
}));

function run(maxStateBytes: number, batchRows: number): { matches: string[]; remembered: number; given: number } {
  const engine = new RuleEngine(parseRules(program), program, { maxStateBytes });
  engine.assign('t', 0, 0n);
  const matches: string[] = [];
  let remembered = 0; // halfway
  for (let from = 0; from < carts.length; from += batchRows) {
    engine.push(columnsOf(carts.slice(from, from + batchRows), false));
    if (from === 6000) remembered = [...engine.state().records].length;
    for (const { rule, key, atMs } of engine.takeMatches()) matches.push(JSON.stringify([rule.name, key, atMs]));
  }
  return { matches: matches.sort(), remembered, given: engine.counts.droppedRuns };
}

describe('the memory of rules', () => {
  it('is bounded: the oldest beginnings are given up and counted, the same ones however the log was cut into batches', () => {
    const full = run(2 ** 30, 400);
    expect(full.given).toBe(0);
    expect(full.remembered).toBeGreaterThan(3500);
    const small = run(600_000, 400);
    expect(small.given).toBeGreaterThan(1000);
    // Two rules share it; a beginning and its event take more than 250 bytes.
    expect(small.remembered).toBeLessThan(600_000 / 250);
    expect(small.matches.length).toBeLessThan(full.matches.length);
    expect(run(600_000, 150)).toMatchObject({ matches: small.matches, given: small.given });
  });

  it.each(['AT LEAST 5000 TIMES', '5000 TIMES'])(
    'holds each event of %s once, not once for each beginning',
    (counted) => {
      const text = `WHEN ${counted} Cart WITHIN 1 hour ACTION Many\n`;
      const engine = new RuleEngine(parseRules(text), text, { maxStateBytes: 2_000_000 });
      engine.assign('t', 0, 0n);
      engine.push(columnsOf(carts, false));
      engine.finish();
      const matches = engine.takeMatches();
      expect(matches.map(({ events, atMs }) => [events.length, atMs])).toEqual([[5000, 99_980]]);
      expect(matches[0]!.events.map(({ offset }) => Number(offset))).toEqual(
        Array.from({ length: 5000 }, (_, i) => i * 2),
      );
      expect(engine.counts.droppedRuns).toBe(0);
    },
  );

  it('gives the numbers of keys that nobody needs to other keys, and keeps those that are needed', () => {
    const table = new KeyTable([fieldKey(['user'])], 2000);
    const column = table.addRule(2);
    const bind = (values: string[]): void => {
      const codes = Int32Array.from(values.keys());
      table.bind({
        ...{ topic: 't', partition: 0, count: values.length, typeNames: [] },
        ...{ offsets: new BigInt64Array(0), times: new Float64Array(0), types: new Int32Array(0) },
        fields: new Map([[fieldKey(['user']), { codes, values }]]),
      });
    };
    const first = Array.from({ length: 3000 }, (_, i) => `a${i}`);
    bind(first);
    const ids = first.map((_, row) => table.idOf(row));
    expect(new Set(ids).size).toBe(first.length);
    table.setFirstRun(ids[7]!, column, 99);
    expect(table.isFull).toBe(true);
    table.sweep(new Set([ids[9]!]));
    const second = Array.from({ length: 2000 }, (_, i) => `b${i}`);
    bind(second);
    const reused = second.map((_, row) => table.idOf(row));
    expect(Math.max(...reused)).toBeLessThanOrEqual(3000);
    expect(reused).not.toContain(ids[7]);
    expect(reused).not.toContain(ids[9]);
    expect(second.every((value, row) => table.textOf(reused[row]!) === `s${value}`)).toBe(true);
    bind(first);
    expect(table.idOf(7)).toBe(ids[7]);
    expect(table.firstRun(ids[7]!, column)).toBe(99);
    expect(table.idOf(9)).toBe(ids[9]);
    expect(table.textOf(table.idOf(8))).toBe('sa8');
  });
});
