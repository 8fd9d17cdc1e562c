import type { Node } from 'ohm-js';
import { checkRule } from './check-rule.ts';
import type {
  Action,
  ActionTarget,
  AfterMatch,
  ComparisonOperator,
  Condition,
  FieldPath,
  Literal,
  Repetition,
  Rule,
  Span,
  Step,
  TimeWindow,
} from './rule-ast.ts';
import { RuleError } from './rule-error.ts';
import { ruleGrammar } from './rule-grammar.ts';
import { syntaxError } from './syntax-error.ts';

/** Reads a program. Throws RuleError, at the first place that is wrong: form first, then sense. */
export function parseRules(text: string): Rule[] {
  const match = ruleGrammar.match(text);
  if (match.failed()) throw syntaxError(text, match);
  const rules = (semantics(match) as unknown as { tree: (source: string) => Rule[] }).tree(text);
  if (rules.length === 0) throw new RuleError(text, { start: 0, end: 0 }, 'expected a rule, found nothing', firstRule);
  const names = new Set<string>();
  for (const rule of rules) {
    checkRule(rule, text);
    if (names.has(rule.name)) {
      const hint = 'a name of its own: RULE another_name WHEN ...';
      throw new RuleError(text, rule.span, `expected rules with different names, found ${rule.name} twice`, hint);
    }
    names.add(rule.name);
  }
  return rules;
}

const firstRule = 'the shortest rule there is: WHEN Login ACTION Hello';

type Clause =
  | { kind: 'within'; window: TimeWindow; span: Span }
  | { kind: 'for each'; paths: string[][]; span: Span }
  | { kind: 'allow lateness'; ms: number; span: Span }
  | { kind: 'after match'; policy: AfterMatch; span: Span };

const spanOf = (node: Node): Span => ({ start: node.source.startIdx, end: node.source.endIdx });
const tree = <T>(node: Node, text: string): T => (node as unknown as { tree: (source: string) => T }).tree(text);
const trees = <T>(node: Node, text: string): T[] => node.children.map((child) => tree<T>(child, text));
const only = <T>(node: Node, text: string): T | null => trees<T>(node, text)[0] ?? null;

const millisecondsOf: Record<string, number> = {
  ms: 1,
  millisecond: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

/** `2 hours`, `1.5 minutes`, `500ms`: in milliseconds. */
function durationMs(node: Node, text: string): number {
  const source = node.sourceString;
  const unit = /[a-z]+$/i.exec(source)![0].toLowerCase();
  const factor = millisecondsOf[unit] ?? millisecondsOf[unit.replace(/s$/, '')];
  const span = spanOf(node);
  if (factor === undefined) {
    throw new RuleError(text, span, `expected a unit of time, found ${unit}`, 'ms, seconds, minutes, hours or days');
  }
  const ms = Math.round(Number.parseFloat(source) * factor);
  if (ms < 0 || ms > 366 * 86_400_000) throw new RuleError(text, span, `expected at most 366 days, found ${source}`);
  return ms;
}

function numberOf(source: string): Literal {
  const value = Number(source);
  return /^-?\d+$/.test(source) && !Number.isSafeInteger(value) ? BigInt(source) : value;
}

function combined(kind: 'and' | 'or', first: Node, rest: Node, node: Node, text: string): Condition {
  const of = [tree<Condition>(first, text), ...trees<Condition>(rest, text)];
  return of.length === 1 ? of[0]! : { kind, of, span: spanOf(node) };
}

const negated = (condition: Condition, isNegated: boolean, span: Span): Condition =>
  isNegated ? { kind: 'not', of: condition, span } : condition;

/** The comparison behind a field, as a function of the field. */
type Comparison = (field: FieldPath, span: Span) => Condition;

const once: Repetition = { count: 1, isAtLeast: false };

const semantics = ruleGrammar.createSemantics().addOperation<unknown>('tree(text)', {
  Program(rules) {
    return trees(rules, this.args.text);
  },
  Rule(heading, _when, pattern, clauses, _action, actions, _end) {
    const text: string = this.args.text;
    return ruleOf(
      {
        name: only<string>(heading, text),
        steps: tree<Step[]>(pattern, text),
        clauses: trees<Clause>(clauses, text),
        actions: tree<Action[]>(actions, text),
        span: spanOf(this),
      },
      text,
    );
  },
  Heading(_rule, name) {
    return tree(name, this.args.text);
  },
  Pattern(first, rest) {
    return [tree<Step>(first, this.args.text), ...trees<Step>(rest, this.args.text)];
  },
  Next(link, step) {
    const text: string = this.args.text;
    return { ...tree<Step>(step, text), isNegated: tree<boolean>(link, text), span: spanOf(this) };
  },
  Link(not, _followedBy) {
    return not.numChildren > 0;
  },
  Step_prefixed(count, condition) {
    return stepOf(condition, tree(count, this.args.text), this, this.args.text);
  },
  Step_suffixed(condition, count) {
    return stepOf(condition, tree(count, this.args.text), this, this.args.text);
  },
  Step_once(condition) {
    return stepOf(condition, once, this, this.args.text);
  },
  Count(atLeast, integer, _times): Repetition {
    return { count: Number(integer.sourceString), isAtLeast: atLeast.numChildren > 0 };
  },
  Or(first, _or, rest) {
    return combined('or', first, rest, this, this.args.text);
  },
  And(first, _and, rest) {
    return combined('and', first, rest, this, this.args.text);
  },
  Unary_not(_not, condition) {
    return negated(tree(condition, this.args.text), true, spanOf(this));
  },
  Primary_group(_open, condition, _close) {
    return tree(condition, this.args.text);
  },
  Primary_comparison(field, comparison) {
    return tree<Comparison>(comparison, this.args.text)(tree(field, this.args.text), spanOf(this));
  },
  Primary_event(name): Condition {
    return { kind: 'event', type: tree(name, this.args.text), span: spanOf(this) };
  },
  Comparison_notEquals(_not, _equals, literal): Comparison {
    const value = tree<Literal>(literal, this.args.text);
    return (field, span) => ({ kind: 'compare', field, operator: '!=', value, span });
  },
  Comparison_operator(symbol, literal): Comparison {
    const operator = tree<ComparisonOperator>(symbol, this.args.text);
    const value = tree<Literal>(literal, this.args.text);
    return (field, span) => ({ kind: 'compare', field, operator, value, span });
  },
  Comparison_in(not, _in, _open, list, _close): Comparison {
    const values = trees<Literal>(list.asIteration(), this.args.text);
    return (field, span) => negated({ kind: 'in', field, values, span }, not.numChildren > 0, span);
  },
  Comparison_matches(not, _matches, literal): Comparison {
    const pattern = tree<string>(literal, this.args.text);
    return (field, span) => negated({ kind: 'matches', field, pattern, span }, not.numChildren > 0, span);
  },
  Comparison_exists(_exists): Comparison {
    return (field, span) => ({ kind: 'exists', field, span });
  },
  Field(type, _dots, path): FieldPath {
    return { type: tree(type, this.args.text), path: trees(path, this.args.text), span: spanOf(this) };
  },
  operator(symbol): ComparisonOperator {
    const source = symbol.sourceString.toLowerCase();
    if (source === 'equals' || source === '==') return '=';
    return source === '<>' ? '!=' : (source as ComparisonOperator);
  },
  Clause_tumblingBehind(_within, _tumbling, duration): Clause {
    return withinOf('tumbling', duration, this, this.args.text);
  },
  Clause_tumbling(_tumbling, _within, duration): Clause {
    return withinOf('tumbling', duration, this, this.args.text);
  },
  Clause_within(_within, _sliding, duration): Clause {
    return withinOf('sliding', duration, this, this.args.text);
  },
  Clause_forEach(_forEach, list): Clause {
    return { kind: 'for each', paths: trees(list.asIteration(), this.args.text), span: spanOf(this) };
  },
  Clause_lateness(_allow, _lateness, duration): Clause {
    return { kind: 'allow lateness', ms: durationMs(duration, this.args.text), span: spanOf(this) };
  },
  Clause_afterMatch(_afterMatch, policy): Clause {
    return { kind: 'after match', policy: tree(policy, this.args.text), span: spanOf(this) };
  },
  Path(first, _dots, rest) {
    return [tree(first, this.args.text), ...trees(rest, this.args.text)];
  },
  Policy_past(_skip, _past, _last, _event): AfterMatch {
    return 'skip-past-last';
  },
  Policy_to(_skip, _to, _last, _event): AfterMatch {
    return 'skip-to-last';
  },
  Policy_none(_no, _skip): AfterMatch {
    return 'no-skip';
  },
  Actions(list) {
    return trees(list.asIteration(), this.args.text);
  },
  Action(name, parameters, target): Action {
    const text: string = this.args.text;
    return {
      name: tree(name, text),
      parameters: only<Action['parameters']>(parameters, text) ?? [],
      target: only<ActionTarget>(target, text) ?? { kind: 'none' },
      span: spanOf(this),
    };
  },
  Parameters(_open, list, _close) {
    return trees(list.asIteration(), this.args.text);
  },
  Parameter(name, _equals, value) {
    return { name: tree(name, this.args.text), value: tree(value, this.args.text) };
  },
  Value_literal(value) {
    return { literal: tree(value, this.args.text) };
  },
  Value_field(field) {
    return { field: tree(field, this.args.text) };
  },
  Target_topic(_to, _topic, topic): ActionTarget {
    return { kind: 'topic', topic: tree(topic, this.args.text) };
  },
  Target_http(_to, _http, url): ActionTarget {
    return { kind: 'http', url: tree(url, this.args.text) };
  },
  Target_redis(_to, _redis, key): ActionTarget {
    return { kind: 'redis', key: tree(key, this.args.text) };
  },
  Target_log(_to, _log): ActionTarget {
    return { kind: 'log' };
  },
  Target_dashboard(_to, _dashboard): ActionTarget {
    return { kind: 'dashboard' };
  },
  string(_literal) {
    return textOf(this.sourceString);
  },
  number(_sign, _digits, _dot, _fraction, _e, _s, _exponent) {
    return numberOf(this.sourceString);
  },
  true(_word) {
    return true;
  },
  false(_word) {
    return false;
  },
  null(_word) {
    return null;
  },
  name(_word) {
    const source = this.sourceString;
    return source.startsWith('`') ? source.slice(1, -1) : source;
  },
});

function stepOf(condition: Node, repetition: Repetition, node: Node, text: string): Step {
  return { condition: tree(condition, text), repetition, isNegated: false, span: spanOf(node) };
}

function withinOf(kind: TimeWindow['kind'], duration: Node, node: Node, text: string): Clause {
  return { kind: 'within', window: { kind, ms: durationMs(duration, text) }, span: spanOf(node) };
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };

/** The text of a quoted literal. A backslash before anything but n, t and r stands for what follows: `\\`, `\"`. */
function textOf(source: string): string {
  return source.slice(1, -1).replace(/\\(.)/gs, (_all, char: string) => escapes[char] ?? char);
}

interface RuleParts {
  name: string | null;
  steps: Step[];
  clauses: Clause[];
  actions: Action[];
  span: Span;
}

function ruleOf({ name, steps, clauses, actions, span }: RuleParts, text: string): Rule {
  const seen = new Set<string>();
  for (const clause of clauses) {
    if (seen.has(clause.kind)) {
      throw new RuleError(text, clause.span, `expected ${clause.kind.toUpperCase()} once, found it twice`);
    }
    seen.add(clause.kind);
  }
  const find = <K extends Clause['kind']>(kind: K): Extract<Clause, { kind: K }> | undefined =>
    clauses.find((clause): clause is Extract<Clause, { kind: K }> => clause.kind === kind);
  return {
    name: name ?? actions[0]!.name,
    isNamed: name !== null,
    steps,
    within: find('within')?.window ?? null,
    forEach: find('for each')?.paths ?? [],
    latenessMs: find('allow lateness')?.ms ?? 0,
    afterMatch: find('after match')?.policy ?? 'skip-past-last',
    actions,
    span,
  };
}
