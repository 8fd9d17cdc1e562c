import type { MatchResult } from 'ohm-js';
import { RuleError } from './rule-error.ts';

/** Common slips and what was probably meant, by what stands at the place of the error. */
const hints: [pattern: RegExp, hint: string][] = [
  [/^followed\s*by\b/i, 'write FOLLOWED-BY, with a hyphen'],
  [/^(followedby|followed_by)\b/i, 'write FOLLOWED-BY, with a hyphen'],
  [/^then\b/i, 'the next step begins with FOLLOWED-BY'],
  [/^(&&|&)/, 'write AND'],
  [/^(\|\||\|)/, 'write OR'],
  [/^!(?!=)/, 'write NOT'],
  [/^(is|equal|eq|equals?to)\b/i, 'write EQUALS or ='],
  [/^(like|regex|regexp|=~|~)/i, 'write MATCHES "a regular expression"'],
  [/^(contains|includes)\b/i, 'write MATCHES "the text"'],
  [/^times?\b/i, 'a count stands before TIMES: 3 TIMES'],
  [/^do\b/i, 'what happens stands behind ACTION'],
  [/^(by|per|group\s+by|partition\s+by)\b/i, 'events belong together by FOR EACH field'],
  [/^[“”„«»‘’]/, 'use straight quotes: "text"'],
];

/** What the parser library offers of a failed match; its types leave it out. */
interface Failure {
  getRightmostFailurePosition(): number;
  getRightmostFailures(): { toString(): string }[];
}

/** Where the parser came to its end, what it could have gone on with, what stands there, and a hint where we have one. */
export function syntaxError(text: string, match: MatchResult): RuleError {
  const failure = match as unknown as Failure;
  const start = failure.getRightmostFailurePosition();
  const rest = text.slice(start);
  const found = /^(\w+(-\w+)*|"[^"\n]*"?|\s*$|.)/.exec(rest)?.[0] ?? '';
  const isEnd = rest.trim() === '';
  const expected = namesOf(failure.getRightmostFailures().map(String));
  const problem = `expected ${listOf(expected)}, found ${isEnd ? 'the end of the text' : found}`;
  return new RuleError(
    text,
    { start, end: start + Math.max(1, found.length) },
    problem,
    hintFor(rest, expected, isEnd),
  );
}

/** What helps most first; of a long list only that. */
function namesOf(failures: readonly string[]): string[] {
  const names = [...new Set(failures.map(nameOf))].filter((name) => name !== null);
  const rank = (name: string): number => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  names.sort((a, b) => rank(a) - rank(b));
  const short = names.filter((name) => !rarelyMeant.has(name));
  return names.length > 5 && short.length > 0 ? short : names;
}

const order = ['a comparison', 'IN', 'MATCHES', 'EXISTS', 'AND', 'OR', 'FOLLOWED-BY', 'WITHIN', 'ACTION'];
const rarelyMeant = new Set([
  '.',
  'NOT',
  'AFTER MATCH',
  'ALLOW',
  'AT LEAST',
  'TUMBLING',
  'a count',
  'FOR EACH',
  ';',
  'TO',
  '(',
]);

/** Null for what helps nobody: white space, comments, letters inside a word. */
function nameOf(failure: string): string | null {
  if (/^not /.test(failure) || /space|comment|letter|digit|alnum|any object/.test(failure)) return null;
  if (/^"\W"$/.test(failure)) return failure.slice(1, -1);
  const keyword = /^"([a-z][a-z-]*)"/i.exec(failure);
  if (keyword) return shortFor[keyword[1]!] ?? keyword[1]!.toUpperCase();
  return failure === 'end of input' ? 'the end' : failure;
}

/** Keywords of two words are known by their first. */
const shortFor: Record<string, string> = { for: 'FOR EACH', after: 'AFTER MATCH', at: 'AT LEAST' };

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'something else';
  if (names.length === 1) return names[0]!;
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function hintFor(rest: string, expected: readonly string[], isEnd: boolean): string | null {
  if (/^["'][^"'\n]*$/m.test(rest.split('\n')[0]!)) return 'the text in quotes does not end on this line';
  if (expected.includes('DASHBOARD') && /^(screen|console|browser|page)\b/i.test(rest)) return 'write TO DASHBOARD';
  for (const [pattern, hint] of hints) if (pattern.test(rest)) return hint;
  if (isEnd && expected.includes('ACTION')) return 'a rule ends with ACTION and a name, as in: ACTION Wedding';
  if (/^within\b/i.test(rest) && !expected.includes('WITHIN')) return 'WITHIN stands behind all steps, before ACTION';
  return null;
}
