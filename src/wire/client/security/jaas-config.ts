import { BadInputError } from '../../../shared/index.ts';

export interface JaasConfig {
  /** Last part of the class name: `PlainLoginModule`. */
  module: string;
  options: ReadonlyMap<string, string>;
}

const syntax = /^\s*([\w.$]+)\s+(required|requisite|sufficient|optional)\b(.*?);?\s*$/s;
const option = /\s*([\w.]+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s;"']+)/y;

/** Reads `sasl.jaas.config`: `org...PlainLoginModule required username="u" password="p";`. Throws BadInputError without the text: it holds secrets. */
export function parseJaasConfig(text: string): JaasConfig {
  const match = syntax.exec(text);
  if (!match) throw malformed('a login module, "required" and options');
  const options = new Map<string, string>();
  const rest = match[3]!.trimEnd();
  option.lastIndex = 0;
  while (option.lastIndex < rest.length) {
    const found = option.exec(rest);
    if (!found) throw malformed('options of the form name="value"');
    options.set(found[1]!, unquote(found[2]!));
  }
  return { module: match[1]!.split('.').at(-1)!, options };
}

function unquote(value: string): string {
  return /^["']/.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value;
}

function malformed(expected: string): BadInputError {
  return new BadInputError(`sasl.jaas.config: expected ${expected}, ended by a semicolon`);
}
