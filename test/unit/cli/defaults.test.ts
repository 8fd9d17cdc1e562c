import { describe, expect, it } from 'vitest';
import { parseBytes, parseDuration, writeBytes, writeDuration } from '../../../src/cli/arguments.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { withDescendants } from '../../../src/cli/with-descendants.ts';

const options = [...withDescendants(createProgram())].flatMap((command) => command.options);

describe('defaults in --help', () => {
  it.each([
    ['durations', parseDuration],
    ['sizes', parseBytes],
  ])('of %s are written as a user would write them, and read back as the same', (_, parse) => {
    const parsed = options.filter(({ parseArg }) => parseArg === parse);
    const withDefault = parsed.filter(({ defaultValue }) => typeof defaultValue === 'number');
    expect(withDefault.length).toBeGreaterThan(2);
    for (const { long, defaultValue, defaultValueDescription } of withDefault) {
      expect([long, defaultValueDescription]).toEqual([long, expect.stringMatching(/^\d+(ms|[smhd]|[KMG]?B)?$/)]);
      expect([long, parse(defaultValueDescription!)]).toEqual([long, defaultValue]);
    }
  });

  it('have the largest unit without a fraction', () => {
    expect([600_000, 7_200_000, 250, 1500, 0, 86_400_000].map(writeDuration)).toEqual([
      ...['10m', '2h', '250ms', '1500ms', '0ms', '1d'],
    ]);
    expect([1024 ** 2, 1500, 0].map(writeBytes)).toEqual(['1MB', '1500', '0']);
  });
});
