import { fieldKey } from './event-columns.ts';
import type { Rule } from './rule-ast.ts';
import { RuleError } from './rule-error.ts';
import { alternativesOf, type EventTest, type SimpleTest } from './step-alternatives.ts';

/** A condition on one event of one type; its bit stands for it in the masks. */
export interface Atom {
  bit: number;
  type: string;
  tests: SimpleTest[];
}

/** One event for each bit of `needed`, in any order, and none of `absent` before the last of them. */
export interface PlannedAlternative {
  needed: number;
  absent: number;
}

export interface PlannedStep {
  alternatives: PlannedAlternative[];
  count: number;
  /** Atoms that end the run while it waits for this step: NOT FOLLOWED-BY before it. */
  guard: number;
  /**
   * Any one event of these atoms is an occurrence, and nothing needs to be remembered of an occurrence that is not complete; 0: not so, the
   * alternatives have to be looked at.
   */
  anyOf: number;
  /** Where `anyOf` is not 0: what ends the run unless it is an occurrence itself. */
  noneOf: number;
}

/** A rule made ready for events: steps that must happen, with what must not happen between them as masks of atoms. */
export interface RulePlan {
  rule: Rule;
  atoms: Atom[];
  /** By step for which a run waits, the one behind the last being the end of its time: atoms that can do anything to it. */
  interests: number[];
  /** By step: atoms that can do anything to a run that waits for a later one. */
  laterInterests: number[];
  /**
   * A run has come no further than those of its key that began before it: each step is one event, which advances all that wait for it; and none of
   * them only keeps others from beginning.
   */
  isOrdered: boolean;
  /** One step, so many times: then every event of it begins a run and belongs to all runs before it. */
  isCounting: boolean;
  /** Atoms with which a match can begin. */
  firstMask: number;
  steps: PlannedStep[];
  /** NOT FOLLOWED-BY behind the last step: the match holds if none of these happens until its time is over; 0: none. */
  trailingGuard: number;
  /** AT LEAST at the end: further events until the time is over belong to the same match. */
  isAbsorbing: boolean;
  keyFields: string[];
  /** Fields that its actions are told. */
  parameterFields: { type: string; key: string }[];
  /** Atoms of the types of events that have such fields. */
  toldMask: number;
}

/** A mask is a 32-bit integer, and its sign bit stays free. */
const maxAtoms = 30;

/** `text` is the program, for errors. */
export function planRule(rule: Rule, text: string): RulePlan {
  const atoms = new Map<string, Atom>();
  const bitOf = (test: EventTest): number => {
    const identity = JSON.stringify(test, (key, value) =>
      key === 'span' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
    );
    let atom = atoms.get(identity);
    if (!atom) {
      atom = { bit: 1 << atoms.size, type: test.type, tests: test.tests };
      atoms.set(identity, atom);
      if (atoms.size > maxAtoms) {
        const problem = `expected at most ${maxAtoms} different conditions on events, found more`;
        throw new RuleError(text, rule.span, problem, 'split the rule into several');
      }
    }
    return atom.bit;
  };
  const maskOf = (tests: readonly EventTest[]): number => tests.reduce((mask, test) => mask | bitOf(test), 0);

  const steps: PlannedStep[] = [];
  let guard = 0;
  for (const step of rule.steps) {
    const alternatives = alternativesOf(step.condition, text);
    if (step.isNegated) {
      guard = maskOf(alternatives.flatMap(({ positives }) => positives));
      continue;
    }
    const planned = alternatives.map(({ positives, absents }) => ({
      needed: maskOf(positives),
      absent: maskOf(absents),
    }));
    steps.push({ alternatives: planned, count: step.repetition.count, guard, ...shortcut(planned, guard) });
    guard = 0;
  }
  const parameterFields = rule.actions.flatMap(({ parameters }) =>
    parameters.flatMap(({ value }) =>
      'field' in value ? [{ type: value.field.type, key: fieldKey(value.field.path) }] : [],
    ),
  );
  const last = rule.steps.at(-1)!;
  const isAbsorbing = !last.isNegated && last.repetition.isAtLeast;
  const interests = [...steps.map(interestOf), guard];
  return {
    rule,
    atoms: [...atoms.values()],
    interests,
    laterInterests: interests.map((_mask, step) => interests.slice(step + 1).reduce((all, mask) => all | mask, 0)),
    isOrdered: !isAbsorbing && steps.every(({ anyOf }) => anyOf !== 0),
    isCounting: steps.length === 1 && steps[0]!.count > 1 && steps[0]!.anyOf !== 0 && guard === 0,
    firstMask: steps[0]!.alternatives.reduce((mask, { needed }) => mask | needed, 0),
    steps,
    trailingGuard: guard,
    isAbsorbing,
    keyFields: rule.forEach.map(fieldKey),
    parameterFields,
    toldMask: [...atoms.values()].reduce(
      (mask, { bit, type }) => (parameterFields.some((field) => field.type === type) ? mask | bit : mask),
      0,
    ),
  };
}

function interestOf({ alternatives, guard }: PlannedStep): number {
  return alternatives.reduce((all, { needed, absent }) => all | needed | absent, guard);
}

/** Most steps are one event each: then two masks say everything. */
function shortcut(alternatives: readonly PlannedAlternative[], guard: number): { anyOf: number; noneOf: number } {
  const isSingle = alternatives.every(({ needed }) => needed !== 0 && (needed & (needed - 1)) === 0);
  // With several alternatives an absent event ends one of them only.
  const isWhole = alternatives.length === 1 || alternatives.every(({ absent }) => absent === 0);
  if (!isSingle || !isWhole) return { anyOf: 0, noneOf: 0 };
  return {
    anyOf: alternatives.reduce((mask, { needed }) => mask | needed, 0),
    noneOf: alternatives.reduce((mask, { absent }) => mask | absent, guard),
  };
}

/** The last moment (epoch ms) at which an event still belongs to a match whose first event was at `startMs`. */
export function deadlineMs({ within }: Rule, startMs: number): number {
  if (!within) return Number.POSITIVE_INFINITY;
  if (within.kind === 'sliding') return startMs + within.ms;
  return Math.floor(startMs / within.ms) * within.ms + within.ms - 1;
}
