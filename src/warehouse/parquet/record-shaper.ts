import type { ColumnRule, RecordRules } from '../table/record-rules.ts';
import type { ByteHeap } from './byte-heap.ts';
import { FieldProbe } from './field-probe.ts';
import { JsonReader, openBrace } from './json-reader.ts';
import type { Failure } from './json-scanner.ts';
import { PersonalFields, type PersonalNode, personalTree } from './personal-fields.ts';

/**
 * Writes a record's JSON object anew as a contract asks: of a declared table an object with its columns (from wherever they come, with
 * defaults) and the fields of the event time and of the folders; of an inferred one all fields. Personal fields are hashed or left out on the way.
 */
export class RecordShaper {
  readonly #reader = new JsonReader();
  readonly #heap: ByteHeap;
  readonly #personal: PersonalFields;
  readonly #tree: PersonalNode;
  readonly #outputs: Output[] | null;
  readonly #probe: FieldProbe;

  /** `kept`: fields that are needed although they may be no columns, as that of the event time. */
  constructor(rules: RecordRules, heap: ByteHeap, kept: readonly string[]) {
    this.#heap = heap;
    this.#personal = new PersonalFields(this.#reader, heap, rules.salt);
    this.#tree = personalTree(rules.personal);
    this.#outputs = rules.columns === null ? null : outputsOf(rules.columns, this.#tree, kept);
    this.#probe = new FieldProbe((this.#outputs ?? []).map(({ path }) => path));
  }

  /** Appends the shaped value of [start, end) to the heap; or why it cannot be read. What is no object is copied as it is. */
  shape(payload: Uint8Array, start: number, end: number): Failure | null {
    const reader = this.#reader;
    const heap = this.#heap;
    const mark = heap.length;
    reader.start(payload, start, end);
    const isObject = reader.peek() === openBrace;
    if (!isObject) {
      heap.append(payload, start, end);
      return null;
    }
    const isShaped = this.#outputs === null ? this.#personal.copy(this.#tree) : this.#writeColumns(this.#outputs);
    if (isShaped && (this.#outputs !== null || reader.peek() === -1)) return null;
    heap.length = mark;
    if (isShaped) reader.failHere('the end of the value after its object');
    return reader.failure;
  }

  #writeColumns(outputs: readonly Output[]): boolean {
    const reader = this.#reader;
    if (!this.#probe.read(reader)) return false;
    if (reader.peek() !== -1) return reader.failHere('the end of the value after its object');
    let separator = openBraceText;
    for (const [index, output] of outputs.entries()) {
      const start = this.#probe.starts[index]!;
      if (start < 0 && output.default === null) continue;
      this.#append(separator);
      separator = commaText;
      this.#append(output.name);
      if (start < 0) this.#append(output.default!);
      else {
        reader.position = start;
        if (!this.#personal.copy(output.personal)) return false;
      }
    }
    if (separator === openBraceText) this.#append(openBraceText);
    this.#append(closeBraceText);
    return true;
  }

  #append(bytes: Uint8Array): void {
    this.#heap.append(bytes, 0, bytes.length);
  }
}

const openBraceText = Buffer.from('{');
const commaText = Buffer.from(',');
const closeBraceText = Buffer.from('}');

interface Output {
  path: string[];
  /** `"name":` */
  name: Uint8Array;
  default: Uint8Array | null;
  personal: PersonalNode | undefined;
}

function outputsOf(columns: readonly ColumnRule[], tree: PersonalNode, kept: readonly string[]): Output[] {
  const output = ({ name, from, default: text }: ColumnRule): Output => ({
    path: from,
    name: Buffer.from(`${JSON.stringify(name)}:`),
    default: text === null ? null : Buffer.from(text),
    personal: nodeAt(tree, from),
  });
  const others = [...new Set(kept)].filter((name) => !columns.some((column) => column.name === name));
  return [...columns, ...others.map((name) => ({ name, from: [name], default: null }))].map(output);
}

function nodeAt(tree: PersonalNode, path: readonly string[]): PersonalNode | undefined {
  let node: PersonalNode | undefined = tree;
  for (const name of path) node = node?.within.get(name);
  return node;
}
