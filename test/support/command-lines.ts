import type { Command } from 'commander';

/** A line that somebody is told to type. */
export interface CommandLine {
  /** The line of the text it begins in, from 1. */
  line: number;
  /** What follows `sluice`. */
  words: string[];
}

/**
 * The `sluice` command lines of a Markdown text or of a help: what stands behind a prompt (`$ sluice ...`), with its continued
 * lines, and what stands between backticks.
 */
export function commandLinesOf(text: string): CommandLine[] {
  const found: CommandLine[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    const prompted = /^\s*(?:\$ )(?:[A-Z_]+=\S+ )*(?:\.\/bin\/)?sluice (.*)$/.exec(lines[at]!);
    if (prompted) {
      let whole = prompted[1]!;
      while (whole.endsWith('\\') && at + 1 < lines.length) whole = `${whole.slice(0, -1)} ${lines[++at]!.trim()}`;
      found.push({ line, words: wordsOf(whole) });
      continue;
    }
    for (const [, quoted] of lines[at]!.matchAll(/`(?:\.\/bin\/)?sluice ([^`]+)`/g)) {
      found.push({ line, words: wordsOf(quoted!) });
    }
  }
  return found;
}

/** The words of one command as a shell splits them, up to a pipe, a redirection, a further command or a comment. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)) {
    if (/^(\||\|\||&&|&|;|>|>>|<|2>.*|#.*)$/.test(word)) break;
    // What begins with a quote is never an option, whatever is in it.
    words.push(/^['"]-/.test(word) ? word : word.replace(/;$/, '').replaceAll(/['"]/g, ''));
    if (word.endsWith(';')) break;
  }
  return words;
}

/** The command that a line names, and what is wrong with the line: a command or an option that does not exist. */
export function checkCommandLine(
  program: Command,
  { line, words }: CommandLine,
): { command: Command; problems: string[] } {
  let command = program;
  let at = 0;
  for (; at < words.length; at++) {
    const next = command.commands.find((child) => child.name() === words[at] || child.aliases().includes(words[at]!));
    if (!next) break;
    command = next;
  }
  const problems: string[] = [];
  const rest = words.slice(at);
  // `...`, `*` and words in capitals stand for whatever the reader puts there.
  const isPlaceholder = rest[0] === undefined || /^(-.*|\.\.\..*|\*|[A-Z_]+)$/.test(rest[0]);
  if (command.commands.length > 0 && command.registeredArguments.length === 0 && !isPlaceholder) {
    problems.push(`no command "${[nameOf(command), rest[0]].join(' ')}"`);
  }
  const known = new Set(['--help', '-h', ...command.options.flatMap(({ long, short }) => [long, short])]);
  // `sluice config show load --topics t` is about a command line of its own.
  if (nameOf(command) === 'sluice config show' && rest[0] !== undefined && !rest[0].startsWith('-'))
    return { command, problems: checkCommandLine(program, { line, words: rest }).problems };
  for (const word of rest) {
    const option = /^(--?[a-z][a-z-]*)/.exec(word)?.[1];
    if (option !== undefined && !known.has(option)) problems.push(`no option ${option} of "${nameOf(command)}"`);
  }
  return { command, problems };
}

/** `sluice offsets list` */
export function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}
