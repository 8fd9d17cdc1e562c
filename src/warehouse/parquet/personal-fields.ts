import { createHmac } from 'node:crypto';
import type { PersonalRule } from '../table/record-rules.ts';
import { ByteHeap } from './byte-heap.ts';
import {
  closeBrace,
  closeBracket,
  colon,
  comma,
  type JsonReader,
  maxDepth,
  openBrace,
  openBracket,
} from './json-reader.ts';
import { quote } from './json-scanner.ts';

/** What is to be done with the fields of an object: with a field itself, or with what is in it. */
export interface PersonalNode {
  action: 'hash' | 'drop' | null;
  within: Map<string, PersonalNode>;
}

export function personalTree(rules: readonly PersonalRule[]): PersonalNode {
  const root: PersonalNode = { action: null, within: new Map() };
  for (const { path, action } of rules) {
    let node = root;
    for (const name of path) {
      const next = node.within.get(name) ?? { action: null, within: new Map() };
      node.within.set(name, next);
      node = next;
    }
    node.action = action;
  }
  return root;
}

/**
 * Copies JSON values and leaves personal fields out or puts a keyed hash in their place: the HMAC-SHA256 of the text of a string, or of the JSON text
 * of any other value, in 64 hex digits. Null stays null.
 */
export class PersonalFields {
  readonly #reader: JsonReader;
  readonly #heap: ByteHeap;
  readonly #salt: string;
  readonly #name = new ByteHeap();

  constructor(reader: JsonReader, heap: ByteHeap, salt: string | null) {
    this.#reader = reader;
    this.#heap = heap;
    this.#salt = salt ?? '';
  }

  /** Passes the value at the reader's position and appends it, treated as `node` says, to the heap. */
  copy(node: PersonalNode | undefined, depth = 0): boolean {
    const reader = this.#reader;
    const first = reader.peek();
    const start = reader.position;
    if (depth > maxDepth) return reader.fail('too-deep', `expected at most ${maxDepth} levels of nesting, came more`);
    if (node?.action === 'hash' && first !== 0x6e) return this.#appendHash(first);
    if (node !== undefined && node.within.size > 0) {
      if (first === openBrace) return this.#copyObject(node, depth);
      if (first === openBracket) return this.#copyArray(node, depth);
    }
    if (!reader.skipValue()) return false;
    this.#heap.append(reader.buffer, start, reader.position);
    return true;
  }

  #copyObject(node: PersonalNode, depth: number): boolean {
    const reader = this.#reader;
    reader.position++;
    this.#byte(openBrace);
    let isFirst = true;
    let byte = reader.peek();
    while (byte !== closeBrace) {
      if (byte !== quote) return reader.failHere('the name of a field in quotes');
      const nameStart = reader.position++;
      this.#name.length = 0;
      if (!reader.readString(this.#name)) return false;
      const nameEnd = reader.position;
      const name = Buffer.from(this.#name.bytes.buffer, 0, this.#name.length).toString('utf8');
      if (reader.peek() !== colon) return reader.failHere('":" after the name of a field');
      reader.position++;
      const part = node.within.get(name);
      if (part?.action === 'drop') {
        if (!reader.skipValue()) return false;
      } else {
        if (!isFirst) this.#byte(comma);
        isFirst = false;
        this.#heap.append(reader.buffer, nameStart, nameEnd);
        this.#byte(colon);
        if (!this.copy(part, depth + 1)) return false;
      }
      byte = reader.peek();
      if (byte !== comma && byte !== closeBrace) return reader.failHere('"," or "}"');
      if (byte === closeBrace) break;
      reader.position++;
      byte = reader.peek();
      if (byte === closeBrace) return reader.failHere('the name of a field in quotes');
    }
    reader.position++;
    this.#byte(closeBrace);
    return true;
  }

  #copyArray(node: PersonalNode, depth: number): boolean {
    const reader = this.#reader;
    reader.position++;
    this.#byte(openBracket);
    if (reader.peek() === closeBracket) {
      reader.position++;
      this.#byte(closeBracket);
      return true;
    }
    for (;;) {
      if (!this.copy(node, depth + 1)) return false;
      const next = reader.peek();
      if (next !== comma && next !== closeBracket) return reader.failHere('"," or "]"');
      reader.position++;
      this.#byte(next);
      if (next === closeBracket) return true;
    }
  }

  #appendHash(first: number): boolean {
    const reader = this.#reader;
    const start = reader.position;
    let bytes: Uint8Array;
    if (first === quote) {
      reader.position++;
      this.#name.length = 0;
      if (!reader.readString(this.#name)) return false;
      bytes = this.#name.bytes.subarray(0, this.#name.length);
    } else {
      if (!reader.skipValue()) return false;
      bytes = reader.buffer.subarray(start, reader.position);
    }
    const text = Buffer.from(`"${createHmac('sha256', this.#salt).update(bytes).digest('hex')}"`);
    this.#heap.append(text, 0, text.length);
    return true;
  }

  #byte(byte: number): void {
    this.#heap.reserve(1);
    this.#heap.bytes[this.#heap.length++] = byte;
  }
}
