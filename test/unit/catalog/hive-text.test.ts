import { describe, expect, it } from 'vitest';
import { hiveFieldProblem, hiveLiteral, hiveName, hiveNameProblem } from '../../../src/catalog/hive-text.ts';

/** What Hive and Spark make of a literal: BaseSemanticAnalyzer.unescapeSQLString. */
function unescaped(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\u([0-9A-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

describe('a literal', () => {
  it.each([
    ['plain', 'DE'],
    ['quotes', `it's "so"`],
    ['backslashes', '\\u0041\\'],
    ['what clients cut at', 'a;b\nc'],
    ['comments', '-- - ---'],
    ['variables', `$${'{hiveconf:x}'} $x {x}`],
    ['beyond ASCII', 'Österreich 😀'],
    ['percent', 'a%20b%2Fc'],
  ])('of %s is one line of ASCII without what could end it, and means the same', (_what, text) => {
    const literal = hiveLiteral(text);
    expect(unescaped(literal)).toBe(text);
    expect(literal.slice(1, -1).replaceAll(/\\u[0-9A-F]{4}/g, '')).toMatch(/^[^'"\\;${}\n\u0080-\uffff]*$/);
    expect(literal).not.toContain('--');
  });
});

describe('a name', () => {
  it('stands in backticks, doubled within', () => {
    expect(hiveName('a`b')).toBe('`a``b`');
  });

  it('is refused where Hive would take it for something else, with the character', () => {
    expect(['user_id', 'größe', 'user-id', '_key', 'a/b'].map(hiveNameProblem)).toEqual([null, null, null, null, null]);
    expect(
      ['a b', 'a.b', 'a:b', 'a,b', 'a;b', 'a`b', 'a=b', 'a(b', '$a', '{a}'].filter(
        (name) => hiveNameProblem(name) === null,
      ),
    ).toEqual([]);
    expect(hiveNameProblem('a.b')).toBe('"." in "a.b"');
  });

  it('of a field of a struct has letters, digits and _ only', () => {
    expect(['userId', 'größe', '_c', 'a1'].map(hiveFieldProblem)).toEqual([null, null, null, null]);
    expect(['a-b', 'a b', 'a:b', 'a/b', 'a%b'].filter((name) => hiveFieldProblem(name) === null)).toEqual([]);
  });
});
