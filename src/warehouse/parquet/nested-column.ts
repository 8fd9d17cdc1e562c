import type { ColumnType, DataType, ScalarType } from '../table/data-type.ts';
import { BufferPool } from './buffer-pool.ts';
import { ByteHeap } from './byte-heap.ts';
import { appendPlain, type CellValue, type MapValue, type NestedValue } from './cell-value.ts';
import { ColumnBuilder } from './column-builder.ts';
import { type LeafPage, packLevels } from './leaf-page.ts';
import { leavesOf, type SchemaLeaf, schemaNode } from './schema-nodes.ts';

/**
 * A list, map or struct column of an open file, as Dremel stores it: each leaf of its type has repetition and definition levels
 * and the PLAIN values. Rows without a value are filled in as nulls when the next value or the page is written.
 */
export class NestedColumn extends ColumnBuilder {
  readonly #root: Part;
  readonly #leaves: Leaf[];
  #filledRows = 0;
  #rowsBefore = 0;

  constructor(name: string, type: ColumnType, capacity: number, pool: BufferPool) {
    super(name, type, capacity, pool);
    this.#leaves = leavesOf([schemaNode('', this.dataType)]).map((leaf) => new Leaf(leaf));
    this.#root = compile(this.dataType, 0);
  }

  /** The value of `row`, which is not null; rows rise. */
  appendNested(row: number, value: NestedValue): void {
    this.#rowsBefore = this.#filledRows;
    for (const leaf of this.#leaves) leaf.mark();
    this.#fillTo(row);
    this.#append(this.#root, value, 0, 0);
    this.#filledRows = row + 1;
    this.hasNegativeZero ||= this.#leaves.some((leaf) => leaf.hasNegativeZero);
    this.valueCount++;
    this.lastRow = row;
  }

  override undo(row: number): void {
    if (this.lastRow !== row) return;
    this.#filledRows = this.#rowsBefore;
    for (const leaf of this.#leaves) leaf.toMark();
    this.valueCount--;
    this.lastRow = -1;
  }

  override pages(rowCount: number): LeafPage[] {
    this.#fillTo(rowCount);
    return this.#leaves.map((leaf) => leaf.page());
  }

  override get pageBytes(): number {
    return this.#leaves.reduce((sum, leaf) => sum + leaf.pageBytes, 0);
  }

  override get memoryBytes(): number {
    return this.validity.length + this.#leaves.reduce((sum, leaf) => sum + leaf.memoryBytes, 0);
  }

  override clear(): void {
    super.clear();
    this.#filledRows = 0;
    for (const leaf of this.#leaves) leaf.clear();
  }

  override release(): void {
    super.release();
    this.#filledRows = 0;
    for (const leaf of this.#leaves) leaf.release();
  }

  #fillTo(row: number): void {
    for (; this.#filledRows < row; this.#filledRows++) this.#appendNull(this.#root, 0, 0);
  }

  /** `definition`: what is defined above this part; a part that is not null adds its own level. */
  #append(part: Part, value: NestedValue, repetition: number, definition: number): void {
    if (value === null) this.#appendNull(part, repetition, definition);
    else if (part.kind === 'leaf') this.#leaves[part.first]!.append(value as CellValue, repetition, definition + 1);
    else if (part.kind === 'struct') {
      for (const [index, field] of part.fields.entries()) {
        this.#append(field, (value as readonly NestedValue[])[index]!, repetition, definition + 1);
      }
    } else if (part.kind === 'list') this.#appendList(part, value as readonly NestedValue[], repetition, definition);
    else this.#appendMap(part, value as MapValue, repetition, definition);
  }

  #appendList(part: ListPart, elements: readonly NestedValue[], repetition: number, definition: number): void {
    if (elements.length === 0) this.#appendNull(part, repetition, definition + 1);
    for (const [index, element] of elements.entries()) {
      this.#append(part.element, element, index === 0 ? repetition : part.repetition, definition + 2);
    }
  }

  #appendMap(part: MapPart, { pairs }: MapValue, repetition: number, definition: number): void {
    if (pairs.length === 0) this.#appendNull(part, repetition, definition + 1);
    for (const [index, [key, value]] of pairs.entries()) {
      const level = index === 0 ? repetition : part.repetition;
      // The key is required: it is defined as soon as its pair is.
      this.#leaves[part.first]!.append(key, level, definition + 2);
      this.#append(part.value, value, level, definition + 2);
    }
  }

  #appendNull(part: Part, repetition: number, definition: number): void {
    for (let index = part.first; index < part.end; index++) this.#leaves[index]!.appendNull(repetition, definition);
  }
}

/** A part of the column's type, and which leaves [first, end) are below it. `repetition`: the level of its second element. */
interface PartRange {
  first: number;
  end: number;
}
type ListPart = PartRange & { kind: 'list'; element: Part; repetition: number };
type MapPart = PartRange & { kind: 'map'; value: Part; repetition: number };
type Part = ListPart | MapPart | (PartRange & ({ kind: 'leaf' } | { kind: 'struct'; fields: Part[] }));

function compile(type: DataType, first: number, repetition = 0): Part {
  switch (type.kind) {
    case 'list': {
      const element = compile(type.element, first, repetition + 1);
      return { kind: 'list', element, first, end: element.end, repetition: repetition + 1 };
    }
    case 'map': {
      const value = compile(type.value, first + 1, repetition + 1);
      return { kind: 'map', value, first, end: value.end, repetition: repetition + 1 };
    }
    case 'struct': {
      const fields: Part[] = [];
      let end = first;
      for (const field of type.fields) {
        const part = compile(field.type, end, repetition);
        fields.push(part);
        end = part.end;
      }
      return { kind: 'struct', fields, first, end };
    }
    default:
      return { kind: 'leaf', first, end: first + 1 };
  }
}

const leafPool = new BufferPool(0);

class Leaf {
  readonly #type: ScalarType;
  readonly #maxDefinition: number;
  readonly #maxRepetition: number;
  readonly #definitions = new ByteHeap(leafPool);
  readonly #repetitions = new ByteHeap(leafPool);
  readonly #values = new ByteHeap(leafPool);
  #valueCount = 0;
  hasNegativeZero = false;
  #mark = { entries: 0, bytes: 0, values: 0 };

  constructor({ scalar, maxDefinition, maxRepetition }: SchemaLeaf) {
    this.#type = scalar;
    this.#maxDefinition = maxDefinition;
    this.#maxRepetition = maxRepetition;
  }

  mark(): void {
    this.#mark = { entries: this.#definitions.length, bytes: this.#values.length, values: this.#valueCount };
  }

  toMark(): void {
    const { entries, bytes, values } = this.#mark;
    this.#definitions.length = entries;
    this.#repetitions.length = entries;
    this.#values.length = bytes;
    this.#valueCount = values;
  }

  append(value: CellValue, repetition: number, definition: number): void {
    this.appendNull(repetition, definition);
    appendPlain(this.#values, this.#type, value);
    this.#valueCount++;
    if (value === 0 && Object.is(value, -0)) this.hasNegativeZero = true;
  }

  appendNull(repetition: number, definition: number): void {
    for (const [heap, level] of [
      [this.#repetitions, repetition],
      [this.#definitions, definition],
    ] as const) {
      heap.reserve(1);
      heap.bytes[heap.length++] = level;
    }
  }

  get pageBytes(): number {
    return this.#values.length + this.#definitions.length;
  }

  get memoryBytes(): number {
    return this.#values.bytes.length + this.#definitions.bytes.length + this.#repetitions.bytes.length;
  }

  page(): LeafPage {
    const entryCount = this.#definitions.length;
    const levels = [packLevels(this.#definitions.bytes, entryCount, this.#maxDefinition)];
    if (this.#maxRepetition > 0) levels.unshift(packLevels(this.#repetitions.bytes, entryCount, this.#maxRepetition));
    const bytes = this.#values.bytes.subarray(0, this.#values.length);
    const values = this.#type.kind === 'boolean' ? packBooleans(bytes) : bytes;
    return { entryCount, levels, values, valueCount: this.#valueCount };
  }

  clear(): void {
    this.#definitions.length = 0;
    this.#repetitions.length = 0;
    this.#values.length = 0;
    this.#valueCount = 0;
  }

  release(): void {
    this.clear();
    for (const heap of [this.#definitions, this.#repetitions, this.#values]) heap.release();
  }
}

function packBooleans(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array((bytes.length + 7) >>> 3);
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== 0) packed[index >>> 3]! |= 1 << (index & 7);
  }
  return packed;
}
