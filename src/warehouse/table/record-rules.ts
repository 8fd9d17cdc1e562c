/**
 * What a contract does to a record before its fields become columns. Plain data, so that it can be sent to a worker thread. Paths are the names
 * of fields from the record's own object inwards; a path goes through every element of an array.
 */
export interface RecordRules {
  /** Records that do not match are left out and counted as filtered. Null: all are loaded. */
  filter: string | null;
  /** Of a declared table: where its columns come from. Null: inferred, every field is its own column. */
  columns: ColumnRule[] | null;
  personal: PersonalRule[];
  /** Secret of the keyed hashes; never printed. Null where nothing is hashed. */
  salt: string | null;
}

export interface ColumnRule {
  name: string;
  from: string[];
  /** JSON text that stands in where the field is missing or null; null: nothing does. */
  default: string | null;
}

export interface PersonalRule {
  path: string[];
  action: 'hash' | 'drop';
}

/** A path in text, `user.address."odd name"`. @throws Error with what was expected. */
export function parsePath(text: string): string[] {
  const parts: string[] = [];
  const part = /\s*(?:"((?:[^"\\]|\\.)*)"|([^."\s]+))\s*(\.|$)/y;
  for (let at = 0; at < text.length || parts.length === 0; ) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) throw new Error(`expected a path like user.address.city, came ${JSON.stringify(text)}`);
    parts.push(match[1] === undefined ? match[2]! : (JSON.parse(`"${match[1]}"`) as string));
    at = part.lastIndex;
    if (match[3] === '.' && at >= text.length) throw new Error(`expected a name after the last point of ${text}`);
  }
  return parts;
}

export function formatPath(path: readonly string[]): string {
  return path.map((name) => (/^[^."\s]+$/.test(name) ? name : JSON.stringify(name))).join('.');
}
