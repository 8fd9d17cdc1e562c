import type { Condition, Rule, Step } from './rule-ast.ts';
import { RuleError } from './rule-error.ts';
import { alternativesOf } from './step-alternatives.ts';

const maxCount = 10_000;

/** What the grammar cannot say. Throws RuleError at the first thing that makes no sense. */
export function checkRule(rule: Rule, text: string): void {
  for (const [index, step] of rule.steps.entries()) checkStep(rule, step, index, text);
  if (rule.within?.ms === 0) throw new RuleError(text, rule.span, 'expected WITHIN more than 0, found 0');
  const known = new Set(rule.steps.filter((step) => !step.isNegated).flatMap((step) => typesOf(step.condition)));
  for (const action of rule.actions) {
    for (const { value } of action.parameters) {
      if ('field' in value && !known.has(value.field.type)) {
        const hint = `the rule matches ${[...known].join(', ')}`;
        const problem = `expected a field of an event of the match, found ${value.field.type}`;
        throw new RuleError(text, value.field.span, problem, hint);
      }
    }
  }
}

function checkStep(rule: Rule, step: Step, index: number, text: string): void {
  checkConditions(step.condition, text);
  const isLast = index === rule.steps.length - 1;
  const { count, isAtLeast } = step.repetition;
  if (count < 1 || count > maxCount) {
    throw new RuleError(text, step.span, `expected a count from 1 to ${maxCount}, found ${count}`);
  }
  if (step.isNegated && rule.steps[index - 1]?.isNegated) {
    const hint = 'write NOT FOLLOWED-BY (A OR B)';
    throw new RuleError(text, step.span, 'expected a step between two NOT FOLLOWED-BY', hint);
  }
  if (step.isNegated && count > 1) {
    throw new RuleError(
      text,
      step.span,
      'expected no count behind NOT FOLLOWED-BY',
      'one such event is enough to end the match',
    );
  }
  if (step.isNegated && isLast && !rule.within) {
    const hint = 'WITHIN says how long to wait: ... NOT FOLLOWED-BY Purchase WITHIN 1 hour';
    throw new RuleError(text, step.span, 'expected WITHIN for a rule that ends with NOT FOLLOWED-BY', hint);
  }
  if (isAtLeast && isLast && !rule.within) {
    const hint = 'WITHIN says how long further events belong to the same match';
    throw new RuleError(text, step.span, 'expected WITHIN for a rule that ends with AT LEAST', hint);
  }
  if (isAtLeast && isLast && rule.afterMatch !== 'skip-past-last') {
    const hint = 'further events belong to the match before, so none of them can begin another';
    throw new RuleError(
      text,
      step.span,
      'expected AFTER MATCH SKIP PAST LAST EVENT for a rule that ends with AT LEAST',
      hint,
    );
  }
  for (const { positives, absents } of alternativesOf(step.condition, text)) {
    if (positives.length === 0) {
      throw new RuleError(
        text,
        step.span,
        'expected an event that happens, found only what must not happen',
        index === 0 ? 'a rule begins with an event' : 'use NOT FOLLOWED-BY for a step that must not happen',
      );
    }
    if (index === 0 && absents.length > 0) {
      const hint = 'NOT counts from the step before on: put it into a later step';
      throw new RuleError(text, step.span, 'expected no NOT of another event in the first step', hint);
    }
    if (step.isNegated && (positives.length > 1 || absents.length > 0)) {
      const hint = 'conditions on one type, or several joined by OR';
      throw new RuleError(text, step.span, 'expected a single event behind NOT FOLLOWED-BY', hint);
    }
  }
}

function checkConditions(condition: Condition, text: string): void {
  switch (condition.kind) {
    case 'and':
    case 'or':
      for (const part of condition.of) checkConditions(part, text);
      return;
    case 'not':
      checkConditions(condition.of, text);
      return;
    case 'matches':
      try {
        new RegExp(condition.pattern, 'u');
      } catch (error) {
        const problem = `expected a regular expression, found "${condition.pattern}": ${(error as Error).message}`;
        throw new RuleError(text, condition.span, problem, 'a backslash is written twice: "\\\\d+"');
      }
      return;
    case 'in':
      if (condition.values.length === 0) {
        throw new RuleError(text, condition.span, 'expected values behind IN, found none', 'IN ("DE", "FR")');
      }
      return;
    case 'compare':
      if (
        !['=', '!='].includes(condition.operator) &&
        !['number', 'bigint', 'string'].includes(typeof condition.value)
      ) {
        const problem = `expected a number or a text to compare by ${condition.operator}, found ${condition.value}`;
        throw new RuleError(text, condition.span, problem, 'true, false and null can only be compared by EQUALS');
      }
      return;
    default:
      return;
  }
}

function typesOf(condition: Condition): string[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.of.flatMap(typesOf);
    case 'not':
      return typesOf(condition.of);
    case 'event':
      return [condition.type];
    default:
      return [condition.field.type];
  }
}
