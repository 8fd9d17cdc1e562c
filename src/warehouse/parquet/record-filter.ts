import { type FilterNode, type FilterValue, parseFilter, pathsOf } from '../table/filter-expression.ts';
import { ByteHeap } from './byte-heap.ts';
import { FieldProbe } from './field-probe.ts';
import { latin1 } from './json-preview.ts';
import { isDigit, JsonReader, minus } from './json-reader.ts';
import { quote } from './json-scanner.ts';

/** True, false, or null for what cannot be said. */
type Truth = boolean | null;

/** Says of records whether a filter lets them through. */
export class RecordFilter {
  readonly #reader = new JsonReader();
  readonly #text = new ByteHeap();
  readonly #probe: FieldProbe;
  readonly #evaluate: () => Truth;

  /** @throws FilterTextError */
  constructor(filter: string) {
    const node = parseFilter(filter);
    this.#probe = new FieldProbe(pathsOf(node));
    let pathCount = 0;
    const compile = (part: FilterNode): (() => Truth) => {
      if (part.kind === 'and' || part.kind === 'or') {
        const [left, right] = [compile(part.left), compile(part.right)];
        return part.kind === 'and' ? () => and(left(), right()) : () => or(left(), right());
      }
      if (part.kind === 'not') {
        const inner = compile(part.of);
        return () => not(inner());
      }
      const index = pathCount++;
      if (part.kind === 'null') return () => this.#probe.starts[index]! < 0 !== part.isNot;
      if (part.kind === 'in') return () => this.#isIn(index, part.values, part.isNot);
      return () => {
        const order = this.#compare(index, part.value);
        return order === null ? null : comparisons[part.operator](order);
      };
    };
    this.#evaluate = compile(node);
  }

  /** A value that is broken JSON matches: it is to be refused with a reason, not to be left out. */
  matches(payload: Uint8Array, start: number, end: number): boolean {
    this.#reader.start(payload, start, end);
    if (!this.#probe.read(this.#reader)) return true;
    return this.#evaluate() === true;
  }

  #isIn(index: number, values: readonly FilterValue[], isNot: boolean): Truth {
    let result: Truth = null;
    for (const value of values) {
      const order = this.#compare(index, value);
      if (order === 0) return !isNot;
      if (order !== null) result = isNot;
    }
    return result;
  }

  /** Below, at or above 0 as the field's value is below, equal to or above the given one; null when they are not of one kind. */
  #compare(index: number, value: FilterValue): number | null {
    const { buffer } = this.#reader;
    const start = this.#probe.starts[index]!;
    if (start < 0) return null;
    const first = buffer[start]!;
    if (value.kind === 'boolean') {
      if (first !== 0x74 && first !== 0x66) return null;
      return Number(first === 0x74) - Number(value.value);
    }
    if (value.kind === 'number') {
      if (first !== minus && !isDigit(first)) return null;
      return compareNumbers(latin1(buffer, start, this.#probe.ends[index]!), value.text);
    }
    if (first !== quote) return null;
    this.#reader.position = start + 1;
    this.#text.length = 0;
    if (!this.#reader.readString(this.#text)) return null;
    const bytes = Buffer.from(this.#text.bytes.buffer, 0, this.#text.length);
    return Buffer.compare(bytes, Buffer.from(value.text));
  }
}

const comparisons = {
  '=': (order: number) => order === 0,
  '!=': (order: number) => order !== 0,
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
};

/** Integers by all their digits, others as doubles. */
function compareNumbers(left: string, right: string): number {
  if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) {
    const [a, b] = [BigInt(left), BigInt(right)];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return Number(left) - Number(right);
}

function and(left: Truth, right: Truth): Truth {
  if (left === false || right === false) return false;
  return left === null || right === null ? null : true;
}

function or(left: Truth, right: Truth): Truth {
  if (left === true || right === true) return true;
  return left === null || right === null ? null : false;
}

function not(value: Truth): Truth {
  return value === null ? null : !value;
}
