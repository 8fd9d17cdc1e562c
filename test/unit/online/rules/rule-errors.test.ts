import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import { RuleError } from '../../../../src/online/rules/rule-error.ts';

function errorOf(text: string): RuleError {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
  throw new Error(`expected an error, but this is a program: ${text}`);
}

/** What a person sees: line and column, expected and found, and a hint where there is one. */
const cases: [text: string, place: string, problem: string, hint: string | null][] = [
  ['', '1:1', 'expected a rule, found nothing', 'the shortest rule there is: WHEN Login ACTION Hello'],
  [
    'WHEN A',
    '1:7',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found the end of the text',
    'a rule ends with ACTION and a name, as in: ACTION Wedding',
  ],
  [
    'WHEN A FOLLOWED BY B ACTION C',
    '1:8',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found FOLLOWED',
    'write FOLLOWED-BY, with a hyphen',
  ],
  [
    'WHEN A\nTHEN B ACTION C',
    '2:1',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found THEN',
    'the next step begins with FOLLOWED-BY',
  ],
  [
    'WHEN A TIMES 3 ACTION B',
    '1:8',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found TIMES',
    'a count stands before TIMES: 3 TIMES',
  ],
  [
    'WHEN A DO B',
    '1:8',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found DO',
    'what happens stands behind ACTION',
  ],
  ['WHEN A && B ACTION C', '1:8', 'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found &', 'write AND'],
  ['WHEN A || B ACTION C', '1:8', 'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found |', 'write OR'],
  ['WHEN A.b IS "x" ACTION C', '1:10', 'expected a comparison, IN, MATCHES or EXISTS, found IS', 'write EQUALS or ='],
  [
    'WHEN A.b LIKE "x" ACTION C',
    '1:10',
    'expected a comparison, IN, MATCHES or EXISTS, found LIKE',
    'write MATCHES "a regular expression"',
  ],
  [
    'WHEN A.b CONTAINS "x" ACTION C',
    '1:10',
    'expected a comparison, IN, MATCHES or EXISTS, found CONTAINS',
    'write MATCHES "the text"',
  ],
  ['WHEN A.b EQUALS', '1:16', 'expected a value, found the end of the text', null],
  ['WHEN A.b EQUALS "man', '1:17', 'expected a value, found "man', 'the text in quotes does not end on this line'],
  ['WHEN A.b EQUALS “man” ACTION C', '1:17', 'expected a value, found “', 'use straight quotes: "text"'],
  ['WHEN A.b IN () ACTION C', '1:6', 'expected values behind IN, found none', 'IN ("DE", "FR")'],
  [
    'WHEN A GROUP BY user ACTION C',
    '1:8',
    'expected AND, OR, FOLLOWED-BY, WITHIN or ACTION, found GROUP',
    'events belong together by FOR EACH field',
  ],
  [
    'WHEN A WITHIN 2 parsecs ACTION C',
    '1:15',
    'expected a unit of time, found parsecs',
    'ms, seconds, minutes, hours or days',
  ],
  ['WHEN A WITHIN 2000 days ACTION C', '1:15', 'expected at most 366 days, found 2000 days', null],
  ['WHEN A WITHIN 0 hours ACTION C', '1:1', 'expected WITHIN more than 0, found 0', null],
  ['WHEN A WITHIN 1 hour WITHIN 2 hours ACTION C', '1:22', 'expected WITHIN once, found it twice', null],
  [
    'WHEN NOT A ACTION C',
    '1:6',
    'expected an event that happens, found only what must not happen',
    'a rule begins with an event',
  ],
  [
    'WHEN A FOLLOWED-BY NOT B ACTION C',
    '1:8',
    'expected an event that happens, found only what must not happen',
    'use NOT FOLLOWED-BY for a step that must not happen',
  ],
  [
    'WHEN A AND NOT B ACTION C',
    '1:6',
    'expected no NOT of another event in the first step',
    'NOT counts from the step before on: put it into a later step',
  ],
  [
    'WHEN A NOT FOLLOWED-BY B ACTION C',
    '1:8',
    'expected WITHIN for a rule that ends with NOT FOLLOWED-BY',
    'WITHIN says how long to wait: ... NOT FOLLOWED-BY Purchase WITHIN 1 hour',
  ],
  [
    'WHEN A NOT FOLLOWED-BY B NOT FOLLOWED-BY D WITHIN 1 h ACTION C',
    '1:26',
    'expected a step between two NOT FOLLOWED-BY',
    'write NOT FOLLOWED-BY (A OR B)',
  ],
  [
    'WHEN A NOT FOLLOWED-BY 2 TIMES B WITHIN 1 h ACTION C',
    '1:8',
    'expected no count behind NOT FOLLOWED-BY',
    'one such event is enough to end the match',
  ],
  [
    'WHEN A NOT FOLLOWED-BY B AND D WITHIN 1 h ACTION C',
    '1:8',
    'expected a single event behind NOT FOLLOWED-BY',
    'conditions on one type, or several joined by OR',
  ],
  [
    'WHEN AT LEAST 3 TIMES A ACTION C',
    '1:6',
    'expected WITHIN for a rule that ends with AT LEAST',
    'WITHIN says how long further events belong to the same match',
  ],
  [
    'WHEN AT LEAST 3 TIMES A WITHIN 1 h AFTER MATCH NO SKIP ACTION C',
    '1:6',
    'expected AFTER MATCH SKIP PAST LAST EVENT for a rule that ends with AT LEAST',
    'further events belong to the match before, so none of them can begin another',
  ],
  ['WHEN 0 TIMES A ACTION C', '1:6', 'expected a count from 1 to 10000, found 0', null],
  [
    'WHEN A.b MATCHES "(" ACTION C',
    '1:6',
    'expected a regular expression, found "(": Invalid regular expression: /(/u: Unterminated group',
    'a backslash is written twice: "\\\\d+"',
  ],
  [
    'WHEN A.b < true ACTION C',
    '1:6',
    'expected a number or a text to compare by <, found true',
    'true, false and null can only be compared by EQUALS',
  ],
  ['WHEN A ACTION C(x = D.y)', '1:21', 'expected a field of an event of the match, found D', 'the rule matches A'],
  ['WHEN A ACTION C TO', '1:19', 'expected DASHBOARD, LOG, REDIS, HTTP or TOPIC, found the end of the text', null],
  [
    'WHEN A ACTION C TO SCREEN',
    '1:20',
    'expected DASHBOARD, LOG, REDIS, HTTP or TOPIC, found SCREEN',
    'write TO DASHBOARD',
  ],
  ['WHEN A ACTION', '1:14', 'expected a name, found the end of the text', null],
  [
    'WHEN A ACTION C\nWHEN B ACTION C',
    '2:1',
    'expected rules with different names, found C twice',
    'a name of its own: RULE another_name WHEN ...',
  ],
];

describe('an error of the language says where it is, what was expected, what was found, and what to do', () => {
  it.each(cases)('%j', (text, place, problem, hint) => {
    const error = errorOf(text);
    expect([`${error.position.line}:${error.position.column}`, error.problem, error.hint]).toEqual([
      place,
      problem,
      hint,
    ]);
  });

  it('shows the line with a mark below the place', () => {
    expect(errorOf('WHEN Login\n  FOLLOWED-BY Purchase.amount OVER 100\nACTION Buyer').message).toBe(
      [
        'line 2, column 31: expected a comparison, IN, MATCHES or EXISTS, found OVER',
        '  2 |   FOLLOWED-BY Purchase.amount OVER 100',
        '    |                               ^^^^',
      ].join('\n'),
    );
  });

  it('refuses a program that would grow without end', () => {
    const many = Array.from({ length: 12 }, (_, i) => `(A${i} OR B${i})`).join(' AND ');
    expect(errorOf(`WHEN ${many} ACTION C`).problem).toMatch(
      /expected at most 64 ways in which a step can happen, found \d+/,
    );
  });
});
