import { formatCondition, formatDuration, formatField, formatLiteral } from './format-rules.ts';
import type { Rule, Step } from './rule-ast.ts';
import { alternativesOf, type EventTest } from './step-alternatives.ts';

/** A rule in plain words: which events it waits for, in which order, how long, and what happens then. */
export function explainRule(rule: Rule, text: string): string {
  const lines: string[] = [];
  let number = 0;
  for (const [index, step] of rule.steps.entries()) {
    if (step.isNegated) {
      const until = index === rule.steps.length - 1 ? 'until the time is over' : 'before the next step';
      lines.push(`     none of this ${until}: ${formatCondition(step.condition)}`);
    } else {
      number++;
      lines.push(...explainStep(step, number, text));
    }
  }
  return [
    `rule ${rule.name}`,
    `  looks for, in the order of event time${rule.forEach.length > 0 ? `, apart for each ${rule.forEach.map((path) => path.join('.')).join(', ')}` : ''}:`,
    ...lines.map((line) => `  ${line}`),
    `  ${explainWindow(rule)}`,
    `  ${explainLateness(rule)}`,
    `  ${explainPolicy(rule)}`,
    ...rule.actions.map((action) => {
      const values = action.parameters.map(({ name, value }) =>
        'field' in value ? `${name} from ${formatField(value.field)}` : `${name} = ${formatLiteral(value.literal)}`,
      );
      const told = values.length > 0 ? `, with ${values.join(', ')}` : '';
      return `  then: ${action.name}${told}${targets[action.target.kind]}`;
    }),
  ].join('\n');
}

const targets = {
  none: '',
  log: ', to the log',
  dashboard: ', to those who watch the dashboard',
  topic: ', to a topic',
  http: ', by an HTTP request',
  redis: ', to a list in Redis',
};

function explainStep(step: Step, number: number, text: string): string[] {
  const { count, isAtLeast } = step.repetition;
  const times = isAtLeast ? `, at least ${count} times` : count > 1 ? `, ${count} times` : '';
  const ways = alternativesOf(step.condition, text).map(({ positives, absents }) => {
    const all = positives.map(explainTest).join(' and ');
    const order = positives.length > 1 ? ', in any order' : '';
    const without = absents.length > 0 ? `, and before that no ${absents.map(explainTest).join(', no ')}` : '';
    return `${all}${order}${without}`;
  });
  if (ways.length === 1) return [`  ${number}. ${ways[0]}${times}`];
  return [`  ${number}. one of these${times}:`, ...ways.map((way) => `       - ${way}`)];
}

function explainTest({ type, tests }: EventTest): string {
  const conditions = tests.map(({ condition, isNegated }) => {
    const source = formatCondition(condition).slice(formatField(condition.field).length + 1);
    return `${isNegated ? 'not ' : ''}${condition.field.path.join('.')} ${source}`;
  });
  return conditions.length > 0 ? `an event ${type} with ${conditions.join(' and ')}` : `an event ${type}`;
}

function explainWindow({ within }: Rule): string {
  if (!within) return 'however long it takes';
  const length = formatDuration(within.ms);
  return within.kind === 'sliding'
    ? `within ${length} of its first event`
    : `within one window of ${length}, aligned to the epoch in UTC`;
}

function explainLateness({ latenessMs }: Rule): string {
  return latenessMs === 0
    ? 'an event older than the newest of its partition comes too late'
    : `an event may come ${formatDuration(latenessMs)} late, and matches wait so long`;
}

function explainPolicy({ afterMatch }: Rule): string {
  switch (afterMatch) {
    case 'no-skip':
      return 'every event may begin a match, even one that is part of another';
    case 'skip-to-last':
      return 'the last event of a match may begin the next one';
    case 'skip-past-last':
      return 'no event up to the last one of a match begins another';
  }
}
