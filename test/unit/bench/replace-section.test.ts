import { describe, expect, it } from 'vitest';
import { replaceSection } from '../../../bench/replace-section.ts';

const page = '# Benchmarks\n\nAbout.\n\n## Broker\n\n| a |\n|---|\n\n## Rules\n\nold\n\n## Console\n\nstays\n';

describe('the page of benchmarks', () => {
  it('gets the section of the part that was run, and keeps all others as they are', () => {
    expect(replaceSection(page, 'Rules', 'new\n')).toBe(page.replace('old', 'new'));
  });

  it('gets a section that it did not have at its end', () => {
    expect(replaceSection(page, 'Loader', 'rows')).toBe(`${page}\n## Loader\n\nrows\n`);
  });
});
