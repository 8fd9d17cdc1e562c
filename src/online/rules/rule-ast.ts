// What a rule program says, as a tree. Positions are character offsets into the program's text.

/** `[start, end)` in the text of the program. */
export interface Span {
  start: number;
  end: number;
}

/** A literal: int64 values beyond 2^53 are bigint. */
export type Literal = string | number | bigint | boolean | null;

export type ComparisonOperator = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A field of an event of one type; nested fields have several names. */
export interface FieldPath {
  type: string;
  path: string[];
  span: Span;
}

export type Condition =
  | { kind: 'and' | 'or'; of: Condition[]; span: Span }
  | { kind: 'not'; of: Condition; span: Span }
  /** An event of that type happened. */
  | { kind: 'event'; type: string; span: Span }
  | { kind: 'compare'; field: FieldPath; operator: ComparisonOperator; value: Literal; span: Span }
  | { kind: 'in'; field: FieldPath; values: Literal[]; span: Span }
  /** A regular expression of JavaScript, unicode mode, found anywhere in a string. */
  | { kind: 'matches'; field: FieldPath; pattern: string; span: Span }
  /** The field is there and not null. */
  | { kind: 'exists'; field: FieldPath; span: Span };

/** `N TIMES`, `AT LEAST N TIMES`; plain steps happen once. */
export interface Repetition {
  count: number;
  isAtLeast: boolean;
}

export interface Step {
  condition: Condition;
  repetition: Repetition;
  /** `NOT FOLLOWED-BY`: must not happen before the next step, or before the time is over where it is the last. */
  isNegated: boolean;
  span: Span;
}

/** Sliding: counted from the first event of a match. Tumbling: both ends in one window, aligned to the epoch in UTC. */
export interface TimeWindow {
  kind: 'sliding' | 'tumbling';
  ms: number;
}

/** Which events may begin the next match: those behind the last event, the last event itself, or all. */
export type AfterMatch = 'skip-past-last' | 'skip-to-last' | 'no-skip';

export type ActionTarget =
  | { kind: 'none' | 'log' | 'dashboard' }
  | { kind: 'topic'; topic: string }
  | { kind: 'http'; url: string }
  | { kind: 'redis'; key: string };

export interface Action {
  name: string;
  /** What the action is told: a literal, or the field of the match's last event of that type. */
  parameters: { name: string; value: { literal: Literal } | { field: FieldPath } }[];
  target: ActionTarget;
  span: Span;
}

export interface Rule {
  /** As written behind RULE; else the name of its first action. */
  name: string;
  isNamed: boolean;
  steps: Step[];
  within: TimeWindow | null;
  /** Fields that all events of a match have in common, by name. */
  forEach: string[][];
  /** How much older than the newest event of its partition an event may be and still count. */
  latenessMs: number;
  afterMatch: AfterMatch;
  actions: Action[];
  span: Span;
}
