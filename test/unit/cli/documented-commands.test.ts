import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { withDescendants } from '../../../src/cli/with-descendants.ts';
import { checkCommandLine, commandLinesOf, nameOf } from '../../support/command-lines.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = createProgram();
const documents = [
  'README.md',
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(`${root}examples`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `examples/${path}`),
];
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const leaves = [...withDescendants(program)].filter(({ commands }) => commands.length === 0);

describe('the documents', () => {
  it.each(documents)('%s names only commands and options that exist', (path) => {
    const problems = commandLinesOf(read(path)).flatMap((line) =>
      checkCommandLine(program, line).problems.map((problem) => `${path}:${line.line}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  it('docs/operations.md shows every command', () => {
    const shown = new Set(
      commandLinesOf(read('docs/operations.md')).map((line) => nameOf(checkCommandLine(program, line).command)),
    );
    expect(leaves.map(nameOf).filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('the help', () => {
  it('of every command gives examples only of commands and options that exist', () => {
    const commands = [...withDescendants(program)];
    const problems = commands.flatMap((command) =>
      commandLinesOf(helpOf(command)).flatMap((line) =>
        checkCommandLine(program, line).problems.map((problem) => `${nameOf(command)} --help: ${problem}`),
      ),
    );
    expect(problems).toEqual([]);
    expect(commands.flatMap((command) => commandLinesOf(helpOf(command))).length).toBeGreaterThan(leaves.length / 2);
  });
});

describe('a command line', () => {
  it.each([
    ['$ sluice load --nonsense x', ['no option --nonsense of "sluice load"']],
    ['see `sluice offsets nothing T`', ['no command "sluice offsets nothing"']],
    ['$ sluice offsets show T --partition 0 | head --lines 3', []],
    ["$ sluice undo T --sequence 3 --reason '--not an option'", []],
    ['$ sluice load --topics t \\\n    --nonsense', ['no option --nonsense of "sluice load"']],
  ])('%j is judged by the commands there are', (text, problems) => {
    expect(commandLinesOf(text).flatMap((line) => checkCommandLine(program, line).problems)).toEqual(problems);
  });
});

/** All of a command's help, with the examples behind it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
  return text;
}
