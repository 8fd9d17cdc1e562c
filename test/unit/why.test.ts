import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rows = readFileSync(`${root}docs/why.md`, 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line));

describe('docs/why.md', () => {
  it('answers all twenty-five pains', () => {
    expect(rows.map((row) => Number(/^\| (\d+)/.exec(row)![1]))).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  });

  it.each(rows)('names tests that exist: %s', (row) => {
    const named = [...row.matchAll(/`(test\/[^`]+)` > "([^"]+)"/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file, name] of named) {
      expect(name!.length, `"${name}" could stand anywhere`).toBeGreaterThan(15);
      expect(namesIn(readFileSync(`${root}${file}`, 'utf8')), `${file} > ${name}`).toContainEqual(
        expect.stringContaining(name!),
      );
    }
  });
});

/** Names of tests, of groups and of cases, which stand in quotes on lines that begin with them or with what closes a table. */
function namesIn(source: string): string[] {
  return source
    .split('\n')
    .filter((line) => /^\s*(it|describe|[\])}[`'])/.test(line))
    .flatMap((line) => [...line.matchAll(/(['`])((?:(?!\1).)+)\1/g)].map(([, , name]) => name!));
}
