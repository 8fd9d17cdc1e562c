// What rules find, by trying everything: no state, no order of arrival, no alternatives shared with the product.
import type { Condition, FieldPath, Literal, Rule, Step } from '../../../../src/online/rules/rule-ast.ts';

export interface OracleEvent {
  topic: string;
  partition: number;
  offset: number;
  timeMs: number;
  type: string | null;
  fields: Record<string, Literal>;
}

export interface OracleMatch {
  rule: string;
  key: Literal[];
  atMs: number;
  /** `topic-partition@offset`, in the order of events. */
  events: string[];
}

export const placeOf = ({
  topic,
  partition,
  offset,
}: {
  topic: string;
  partition: number;
  offset: number | bigint;
}): string => `${topic}-${partition}@${offset}`;

/** `log` holds the events of each partition in the order of offsets; late ones are found here. */
export function oracleMatches(rules: readonly Rule[], log: readonly OracleEvent[][]): OracleMatch[] {
  const newestMs = Math.max(...log.flat().map(({ timeMs }) => timeMs));
  return rules.flatMap((rule) => {
    const seen = log.flatMap((partition) => onTime(partition, rule.latenessMs));
    seen.sort(
      (a, b) => a.timeMs - b.timeMs || cmp(a.topic, b.topic) || a.partition - b.partition || a.offset - b.offset,
    );
    const keys = new Map<string, OracleEvent[]>();
    for (const event of seen) {
      const key = rule.forEach.map((path) => event.fields[path.join('.')] ?? null);
      if (key.includes(null)) continue;
      const text = JSON.stringify(key);
      keys.set(text, [...(keys.get(text) ?? []), event]);
    }
    return [...keys].flatMap(([key, events]) =>
      matchesOfKey(rule, events, newestMs).map(({ atMs, events: places }) => ({
        rule: rule.name,
        key: JSON.parse(key) as Literal[],
        atMs,
        events: places,
      })),
    );
  });
}

const cmp = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function onTime(partition: readonly OracleEvent[], latenessMs: number): OracleEvent[] {
  let newest = Number.NEGATIVE_INFINITY;
  return partition.filter((event) => {
    const isOnTime = event.timeMs >= newest - latenessMs;
    newest = Math.max(newest, event.timeMs);
    return isOnTime;
  });
}

interface Candidate {
  start: number;
  /** Of the last event. */
  last: number;
  /** By what matches are ordered: index of the completing event, or the end of the time it waits for. */
  doneAt: number;
  atMs: number;
  deadline: number;
  events: string[];
}

function matchesOfKey(rule: Rule, events: OracleEvent[], newestMs: number): { atMs: number; events: string[] }[] {
  const found: Candidate[] = [];
  let candidates = events.flatMap((_event, start) => runFrom(rule, events, start, newestMs) ?? []);
  while (candidates.length > 0) {
    candidates.sort((a, b) => a.doneAt - b.doneAt || a.start - b.start);
    const match = candidates.shift()!;
    found.push(match);
    if (rule.afterMatch === 'skip-past-last') candidates = candidates.filter(({ start }) => start > match.last);
    if (rule.afterMatch === 'skip-to-last') candidates = candidates.filter(({ start }) => start >= match.last);
    const last = rule.steps.at(-1)!;
    if (last.repetition.isAtLeast && !last.isNegated) {
      candidates = candidates.filter(({ start }) => events[start]!.timeMs > match.deadline);
    }
  }
  return found;
}

function runFrom(rule: Rule, events: OracleEvent[], start: number, newestMs: number): Candidate | null {
  const startMs = events[start]!.timeMs;
  const { within } = rule;
  const deadline = !within
    ? Number.POSITIVE_INFINITY
    : within.kind === 'sliding'
      ? startMs + within.ms
      : Math.floor(startMs / within.ms) * within.ms + within.ms - 1;
  const inTime = events.filter(({ timeMs }) => timeMs <= deadline);
  const used: number[] = [];
  let position = start - 1;
  let guard: Step | null = null;
  for (const [index, step] of rule.steps.entries()) {
    if (step.isNegated) {
      guard = step;
      continue;
    }
    const from = position;
    const completions = new Set<number>();
    for (let n = 0; n < step.repetition.count; n++) {
      const done = complete(step, inTime, position, index === 0 && n === 0);
      if (!done) return null;
      used.push(...done);
      position = Math.max(...done);
      completions.add(position);
    }
    for (let i = from + 1; guard && i < position; i++) {
      if (!completions.has(i) && ways(guard.condition).some((way) => way.positives.some((p) => meets(p, inTime[i]!))))
        return null;
    }
    guard = null;
  }
  if (guard) {
    const isBroken = inTime.some(
      (event, i) => i > position && ways(guard!.condition).some((way) => way.positives.some((p) => meets(p, event))),
    );
    if (isBroken || deadline >= newestMs) return null;
  }
  const order = [...used].sort((a, b) => a - b);
  const last = order.at(-1)!;
  return {
    start,
    last,
    doneAt: guard ? deadline : last,
    atMs: guard ? deadline : inTime[last]!.timeMs,
    deadline,
    events: order.map((i) => placeOf(inTime[i]!)),
  };
}

/** The events of the way that is complete first, all behind `after`. */
function complete(step: Step, events: OracleEvent[], after: number, isStart: boolean): number[] | null {
  let best: number[] | null = null;
  for (const way of ways(step.condition)) {
    const picked = way.positives.map((p) => events.findIndex((event, i) => i > after && meets(p, event)));
    if (picked.includes(-1)) continue;
    if (isStart && !picked.includes(after + 1)) continue;
    const end = Math.max(...picked);
    const isBroken = events.some((event, i) => i > after && i < end && way.absents.some((p) => meets(p, event)));
    if (!isBroken && (!best || end < Math.max(...best))) best = picked;
  }
  return best;
}

interface Pattern {
  type: string;
  tests: ((event: OracleEvent) => boolean)[];
}

interface Way {
  positives: Pattern[];
  absents: Pattern[];
}

const meets = ({ type, tests }: Pattern, event: OracleEvent): boolean =>
  event.type === type && tests.every((test) => test(event));

type Atom = { type: string; isNot: boolean; test: ((event: OracleEvent) => boolean) | null };

function ways(condition: Condition): Way[] {
  return conjunctions(condition, false).map((atoms) => {
    const types = [...new Set(atoms.filter(({ isNot }) => !isNot).map(({ type }) => type))];
    const positives = types.map((type) => ({
      type,
      tests: atoms
        .filter((atom) => atom.type === type && atom.test)
        .map((atom) => (event: OracleEvent) => atom.test!(event) !== atom.isNot),
    }));
    const absents = atoms
      .filter((atom) => atom.isNot && !(atom.test && types.includes(atom.type)))
      .map((atom) => ({ type: atom.type, tests: atom.test ? [atom.test] : [] }));
    return { positives, absents };
  });
}

function conjunctions(condition: Condition, isNot: boolean): Atom[][] {
  if (condition.kind === 'not') return conjunctions(condition.of, !isNot);
  if (condition.kind === 'event') return [[{ type: condition.type, isNot, test: null }]];
  if ('of' in condition) {
    const parts = condition.of.map((part) => conjunctions(part, isNot));
    if ((condition.kind === 'or') !== isNot) return parts.flat();
    return parts.reduce((all, part) => all.flatMap((a) => part.map((b) => [...a, ...b])));
  }
  return [[{ type: condition.field.type, isNot, test: (event) => isTrue(condition, event) }]];
}

function isTrue(condition: Exclude<Condition, { kind: 'and' | 'or' | 'not' | 'event' }>, event: OracleEvent): boolean {
  const value = read(condition.field, event);
  switch (condition.kind) {
    case 'exists':
      return value !== undefined && value !== null;
    case 'matches':
      return typeof value === 'string' && new RegExp(condition.pattern, 'u').test(value);
    case 'in':
      return condition.values.some((candidate) => candidate === value);
    case 'compare': {
      const literal = condition.value;
      if (condition.operator === '=') return value === literal;
      if (condition.operator === '!=') return value !== literal;
      if (typeof value !== typeof literal || (typeof value !== 'number' && typeof value !== 'string')) return false;
      const right = literal as typeof value;
      return { '<': value < right, '<=': value <= right, '>': value > right, '>=': value >= right }[condition.operator];
    }
  }
}

const read = (field: FieldPath, event: OracleEvent): Literal | undefined => event.fields[field.path.join('.')];
