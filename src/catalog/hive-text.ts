/**
 * A text as a literal of Hive's and Spark's SQL. Whatever could end the literal, or the statement in the eyes of a client that cuts
 * a file at semicolons, what a client may take for a variable or a comment, and whatever depends on the client's character set is
 * written as `\uXXXX`, which both undo.
 */
export function hiveLiteral(text: string): string {
  const escaped = text.replace(/[^A-Za-z0-9 !#%&()*+,./:<=>?@[\]^_|~-]|(?<=-)-/g, unicodeEscape);
  return `'${escaped}'`;
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A name in backticks. */
export function hiveName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Null when Hive and Spark can have a column of that name; else what is wrong with it. */
export function hiveNameProblem(name: string): string | null {
  return problemOf(/[\s.,:;`'"$(){}<>=]/, name);
}

/** The same of a field of a struct: Hive keeps the type as text, and reads only letters, digits and `_` there as a name. */
export function hiveFieldProblem(name: string): string | null {
  return problemOf(/[^\p{L}\p{N}_]/u, name);
}

function problemOf(refused: RegExp, name: string): string | null {
  const [wrong] = refused.exec(name) ?? [];
  return wrong === undefined ? null : `${JSON.stringify(wrong)} in ${JSON.stringify(name)}`;
}
