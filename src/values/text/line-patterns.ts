import { BadInputError } from '../../shared/index.ts';
import type { LineFormat } from '../value-format.ts';
import type { TimeLayout } from './log-time.ts';
import { type TextKind, textKindOf } from './text-fields.ts';

/** How a line is taken apart. */
export interface LinePattern {
  /** The named groups become fields. */
  expression: RegExp;
  /** Fields with a time, and how it is written. */
  times: ReadonlyMap<string, TimeLayout>;
  kinds: ReadonlyMap<string, TextKind>;
  /** A field of this text is null; null: no text is. */
  nullText: string | null;
  /** Fields in which the server has escaped quotes, backslashes and control bytes. */
  escaped: ReadonlySet<string>;
}

const quoted = (name: string): string => `"(?<${name}>(?:[^"\\\\]|\\\\.)*)"`;

/** `host ident user [time] "request" status bytes`; a request that is none (garbage on the port) leaves its three parts null. */
const commonText =
  '^(?<host>\\S+) (?<ident>\\S+) (?<user>.{0,256}?) \\[(?<time>[^\\]]+)\\] ' +
  '"(?:(?<method>[A-Z]{1,32}) (?<path>(?:[^" \\\\]|\\\\.)+)(?: (?<protocol>HTTP/[\\d.]+))?|(?<request>(?:[^"\\\\]|\\\\.)*))" ' +
  '(?<status>\\d{3}) (?<bytes>\\d+|-)';

const builtIn = {
  times: new Map<string, TimeLayout>([['time', 'clf']]),
  kinds: new Map<string, TextKind>([
    ['status', 'number'],
    ['bytes', 'number'],
  ]),
  nullText: '-',
  escaped: new Set(['user', 'path', 'request', 'referer', 'agent']),
};

/** Apache's and nginx's formats of the same names. */
export const linePatterns: Readonly<Record<string, LinePattern>> = {
  common: { ...builtIn, expression: new RegExp(`${commonText}$`, 'u') },
  combined: { ...builtIn, expression: new RegExp(`${commonText} ${quoted('referer')} ${quoted('agent')}$`, 'u') },
};

/** The pattern that the settings of a format describe. @throws BadInputError when it is no regular expression with named groups. */
export function linePatternOf(format: LineFormat): LinePattern {
  const base = linePatterns[format.pattern] ?? ownPattern(format.pattern);
  const kinds = new Map(base.kinds);
  for (const [name, type] of Object.entries(format.types)) kinds.set(name, textKindOf(type));
  return {
    ...base,
    kinds,
    times: format.times ? new Map(Object.entries(format.times)) : base.times,
    nullText: format.nullText === undefined ? base.nullText : format.nullText,
  };
}

function ownPattern(text: string): LinePattern {
  let expression: RegExp;
  try {
    expression = new RegExp(text, 'u');
  } catch (cause) {
    const names = Object.keys(linePatterns).join(', ');
    throw new BadInputError(`pattern: expected ${names} or a regular expression`, { cause });
  }
  if (!/\(\?<[A-Za-z_]/.test(text)) {
    throw new BadInputError('pattern: expected named groups like (?<status>\\d+), which become the fields');
  }
  return { expression, times: new Map(), kinds: new Map(), nullText: null, escaped: new Set() };
}
