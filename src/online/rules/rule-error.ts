import { BadInputError } from '../../shared/index.ts';
import type { Span } from './rule-ast.ts';

/** Where in a program something stands, counted from 1 as editors do. */
export interface TextPosition {
  line: number;
  column: number;
}

export function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

/** A rule that cannot be used: what was expected, what came, the line with a mark below the place, and a hint. */
export class RuleError extends BadInputError {
  readonly position: TextPosition;
  /** The message in one line, without the quoted program text. */
  readonly problem: string;
  readonly hint: string | null;

  constructor(text: string, span: Span, problem: string, hint: string | null = null) {
    const position = positionOf(text, span.start);
    const source = text.split('\n')[position.line - 1] ?? '';
    const width = Math.max(1, Math.min(span.end - span.start, source.length - position.column + 1));
    const gutter = String(position.line);
    const lines = [
      `line ${position.line}, column ${position.column}: ${problem}`,
      `  ${gutter} | ${source}`,
      `  ${' '.repeat(gutter.length)} | ${' '.repeat(position.column - 1)}${'^'.repeat(width)}`,
      ...(hint ? [`  hint: ${hint}`] : []),
    ];
    super(lines.join('\n'));
    this.position = position;
    this.problem = problem;
    this.hint = hint;
  }
}
