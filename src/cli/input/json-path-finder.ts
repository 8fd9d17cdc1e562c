const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Longer names are no names that anybody asks for. */
const MAX_NAME_BYTES = 1024;

/** Follows the text of a JSON document to the array at a path of field names, without keeping what it passes. */
export class JsonPathFinder {
  readonly #path: readonly string[];
  #depth = 0;
  /** Leading names of the path whose objects we are in. */
  #entered = 0;
  /** The value that comes next belongs to the next name of the path. */
  #isAhead = false;
  #isInString = false;
  #isEscaped = false;
  #name: number[] = [];

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  /** Position of the array's opening bracket in this chunk; -1: not yet. */
  push(chunk: Buffer): number {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#isInString) this.#inString(byte);
      else if (this.#outside(byte)) return i;
    }
    return -1;
  }

  #inString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#isInString = false;
      return;
    }
    if (this.#name.length < MAX_NAME_BYTES) this.#name.push(byte);
  }

  /** True for the bracket we look for. */
  #outside(byte: number): boolean {
    switch (byte) {
      case QUOTE:
        this.#isInString = true;
        this.#isAhead = false;
        this.#name = [];
        return false;
      case 0x3a: // ":"
        this.#isAhead = this.#depth === this.#entered + 1 && this.#lastName() === this.#path[this.#entered];
        return false;
      case 0x2c: // ","
        this.#isAhead = false;
        return false;
      case 0x7b: // "{"
        if (this.#isAhead && this.#entered < this.#path.length - 1) this.#entered++;
        this.#depth++;
        this.#isAhead = false;
        return false;
      case 0x5b: // "["
        if (this.#isAhead && this.#entered === this.#path.length - 1) return true;
        this.#depth++;
        this.#isAhead = false;
        return false;
      case 0x7d: // "}"
      case 0x5d: // "]"
        if (this.#depth === this.#entered + 1 && this.#entered > 0) this.#entered--;
        this.#depth--;
        return false;
      default:
        return false;
    }
  }

  #lastName(): string {
    const text = Buffer.from(this.#name).toString('utf8');
    if (!text.includes('\\')) return text;
    try {
      return JSON.parse(`"${text}"`);
    } catch {
      return text;
    }
  }
}

/** Names of the fields of a JSON object that hold arrays, as far as its beginning shows; for an error message. */
export function topLevelArrays(head: Buffer): string[] {
  const text = head.toString('utf8');
  const names: string[] = [];
  let depth = 0;
  for (const match of text.matchAll(/"((?:[^"\\]|\\.)*)"\s*(:\s*\[)?|[{}[\]]/gs)) {
    if (match[0] === '{' || match[0] === '[') depth++;
    else if (match[0] === '}' || match[0] === ']') depth--;
    else if (match[2]) {
      if (depth === 1) names.push(match[1]!);
      depth++;
    }
  }
  return names;
}
