import { describe, expect, it } from 'vitest';
import { checkRule } from '../../../../src/online/rules/check-rule.ts';
import { type EngineState, parseRecord } from '../../../../src/online/rules/engine-state.ts';
import { formatRules } from '../../../../src/online/rules/format-rules.ts';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import type { Rule } from '../../../../src/online/rules/rule-ast.ts';
import { RuleEngine, type RuleMatch } from '../../../../src/online/rules/rule-engine.ts';
import { RuleError } from '../../../../src/online/rules/rule-error.ts';
import { type CheckpointHead, checkpointLines, recordsOf } from '../../../../src/online/rules/state-lines.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { columnsOf } from './event-batches.ts';
import { type Random, randomLog, randomRule } from './random-rules.ts';
import { type OracleEvent, type OracleMatch, oracleMatches, placeOf } from './rule-oracle.ts';

const firstSeed = Number(process.env.SLUICE_SEED ?? 1);

function randomProgram(random: Random): { text: string; rules: Rule[] } {
  for (;;) {
    const rules = [randomRule(random, 'one'), randomRule(random, 'two')];
    const text = formatRules(rules);
    try {
      for (const rule of rules) checkRule(rule, text);
      return { text, rules };
    } catch (error) {
      if (!(error instanceof RuleError)) throw error; // the generator makes senseless rules too: those are refused
    }
  }
}

const plain = ({ rule, key, atMs, events }: RuleMatch): OracleMatch => ({
  rule: rule.name,
  key,
  atMs,
  events: events.map(placeOf),
});
const inOrder = (matches: readonly OracleMatch[]): string[] => matches.map((match) => JSON.stringify(match)).sort();

const writeDown = (state: EngineState): string[] => [
  ...checkpointLines(state, { formatVersion: 3, program: '', matchesBytes: 0 }),
];

function readAgain(lines: readonly string[]): EngineState {
  const iterator = lines.values();
  const { partitions, counts } = parseRecord(iterator.next().value!) as CheckpointHead;
  return { partitions, counts, records: recordsOf(iterator) };
}

/** Feeds the partitions in random turns and batches, some of them twice, and dies between them when `kills` says so. */
function run(
  program: { text: string; rules: Rule[] },
  log: OracleEvent[][],
  random: Random,
  kills: boolean,
): OracleMatch[] {
  let engine = new RuleEngine(program.rules, program.text);
  for (const partition of log) engine.assign('t', partition[0]!.partition, 0n);
  const found: OracleMatch[] = [];
  let checkpoint = writeDown(engine.state());
  let foundAtCheckpoint = 0;
  for (;;) {
    const open = log.filter((events) => engine.position('t', events[0]!.partition)! <= BigInt(events.at(-1)!.offset));
    if (open.length === 0) break;
    const events = open[Math.floor(random() * open.length)]!;
    const from = events.findIndex(({ offset }) => BigInt(offset) >= engine.position('t', events[0]!.partition)!);
    const start = Math.max(0, from - Math.floor(random() * 3)); // redelivered
    engine.push(columnsOf(events.slice(start, from + 1 + Math.floor(random() * 8)), random() < 0.5));
    found.push(...engine.takeMatches().map(plain));
    if (kills && random() < 0.3) {
      checkpoint = writeDown(engine.state());
      foundAtCheckpoint = found.length;
    }
    if (kills && random() < 0.2) {
      engine = new RuleEngine(program.rules, program.text);
      engine.restore(readAgain(checkpoint));
      found.length = foundAtCheckpoint;
    }
  }
  engine.finish();
  return [...found, ...engine.takeMatches().map(plain)];
}

describe('rules find what a brute-force oracle finds', () => {
  it('for 150 random programs over random logs, whatever the turns of partitions, the batches and the redeliveries', () => {
    let matchCount = 0;
    for (let seed = firstSeed; seed < firstSeed + 150; seed++) {
      const random = seededRandom(seed);
      const program = randomProgram(random);
      const log = randomLog(random);
      const expected = inOrder(oracleMatches(program.rules, log));
      matchCount += expected.length;
      expect(inOrder(run(program, log, random, false)), `seed ${seed}\n${program.text}`).toEqual(expected);
    }
    expect(matchCount).toBeGreaterThan(300);
  });

  it('for 500 random programs that are killed and restored from their checkpoints', () => {
    for (let seed = firstSeed + 10_000; seed < firstSeed + 10_500; seed++) {
      const random = seededRandom(seed);
      const program = randomProgram(random);
      const log = randomLog(random);
      const expected = inOrder(oracleMatches(program.rules, log));
      expect(inOrder(run(program, log, random, true)), `seed ${seed}\n${program.text}`).toEqual(expected);
    }
  });
});

describe('the program text', () => {
  it('comes back from the formatter as the same rules', () => {
    for (let seed = firstSeed; seed < firstSeed + 60; seed++) {
      const { text, rules } = randomProgram(seededRandom(seed));
      const read = parseRules(text);
      expect(formatRules(read), `seed ${seed}`).toBe(text);
      const withoutSpans = (value: unknown): unknown =>
        JSON.parse(JSON.stringify(value, (key, v) => (key === 'span' ? undefined : v)));
      expect(withoutSpans(read), `seed ${seed}`).toEqual(withoutSpans(rules));
    }
  });
});
