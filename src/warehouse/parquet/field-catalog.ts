import { columnNameProblem, maxColumnCount } from '../table/column-name.ts';
import type { Column, TableSchema } from '../table/table-schema.ts';
import { FieldSlot } from './field-slot.ts';

/** Field names that are remembered besides the columns; beyond them a name is looked at record by record. */
const maxOtherNames = 4096;

/**
 * All field names that records have shown, and the schema they lead to. In a declared table an unknown field is ignored; in
 * an inferred one it is `undecided` until its type is known.
 */
export class FieldCatalog {
  /** Stands before the first field of a record; its `next` is the field that usually comes first. */
  readonly start = new FieldSlot('', 'ignored');
  readonly #slots = new Map<string, FieldSlot>();
  readonly #timeField: string | null;
  /** Fields that are folders, and no columns. */
  readonly #partitionBy: readonly string[];
  #schema: TableSchema;
  #columns: Column[] = [];
  #required: FieldSlot[] = [];
  #foldedNames = new Map<string, string>();
  /** Names of the current record beyond `maxOtherNames`, for its duplicates. */
  #passing = new Map<string, FieldSlot>();
  #passingRecord = -1;

  constructor(schema: TableSchema, timeField: string | null, partitionBy: readonly string[] = []) {
    this.#schema = schema;
    this.#timeField = timeField;
    this.#partitionBy = partitionBy;
    this.useSchema(schema);
  }

  get schema(): TableSchema {
    return this.#schema;
  }

  /** Notes in an inferred schema which of its integer columns have shown values beyond 2^53. */
  noteWide(): void {
    if (this.#schema.mode !== 'inferred') return;
    const isNew = ({ name, type, isWide }: Column) =>
      type === 'int64' && !isWide && this.#slots.get(name)?.isWide === true;
    if (!this.#schema.columns.some(isNew)) return;
    const columns = this.#schema.columns.map((column) => (isNew(column) ? { ...column, isWide: true } : column));
    this.#schema = { ...this.#schema, id: 0, columns };
  }

  /** Slots of the required columns. */
  get required(): readonly FieldSlot[] {
    return this.#required;
  }

  /** All columns in the order in which they came up, which is that of the builders; the schema may list them differently. */
  get columns(): readonly Column[] {
    return this.#columns;
  }

  /** Takes a schema that holds all columns known so far, and perhaps more; the new ones. */
  useSchema(schema: TableSchema): Column[] {
    this.#schema = schema;
    this.#foldedNames = new Map(schema.columns.map(({ name }) => [name.toLowerCase(), name]));
    const known = new Set(this.#columns.map(({ name }) => name));
    const added = schema.columns.filter(({ name }) => !known.has(name));
    for (const column of added) {
      this.#slotOf(column.name).useColumn(column, this.#columns.length, schema.mode === 'inferred');
      this.#columns.push(column);
    }
    this.#required = schema.columns.filter(({ isRequired }) => isRequired).map(({ name }) => this.#slotOf(name));
    return added;
  }

  /** The slot of a name that a record has. */
  find(name: string, record: number): FieldSlot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    if (this.#slots.size - this.#schema.columns.length < maxOtherNames) return this.#slotOf(name);
    if (this.#passingRecord !== record) {
      this.#passing.clear();
      this.#passingRecord = record;
    }
    const passing = this.#passing.get(name) ?? this.#newSlot(name);
    passing.isPassing = true;
    this.#passing.set(name, passing);
    return passing;
  }

  /** True when a field of that name waits for a column. */
  isUndecided(name: string): boolean {
    const kind = this.#slots.get(name)?.kind;
    return kind === undefined ? this.#newSlot(name).kind === 'undecided' : kind === 'undecided';
  }

  #slotOf(name: string): FieldSlot {
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = this.#newSlot(name);
      this.#slots.set(name, slot);
    }
    return slot;
  }

  #newSlot(name: string): FieldSlot {
    const isOpen = this.#schema.mode === 'inferred' && !this.#partitionBy.includes(name);
    const slot = new FieldSlot(name, isOpen ? 'undecided' : 'ignored');
    slot.isTime = name === this.#timeField;
    const problem = isOpen ? this.#problemOf(name) : null;
    if (problem !== null) {
      slot.kind = 'unusable';
      slot.problem = problem;
    }
    return slot;
  }

  #problemOf(name: string): string | null {
    const problem = columnNameProblem(name);
    if (problem !== null) return `${problem}: declare the columns to leave this field out`;
    const twin = this.#foldedNames.get(name.toLowerCase());
    if (twin !== undefined && twin !== name) {
      return `field ${JSON.stringify(name)} differs from the column ${JSON.stringify(twin)} only in upper and lower case, which query engines cannot tell apart`;
    }
    if (twin === undefined && this.#schema.columns.length >= maxColumnCount) {
      return `field ${JSON.stringify(name)} would be one column more than ${maxColumnCount}: declare the columns`;
    }
    return null;
  }

  /** Widens an inferred schema by new columns; those that were added (some names cannot be columns). */
  addColumns(columns: readonly Column[]): Column[] {
    const wider = [...this.#schema.columns];
    for (const column of columns) {
      const problem = this.#problemOf(column.name);
      if (problem === null) {
        wider.push(column);
        this.#schema = { ...this.#schema, id: 0, columns: wider };
        this.#foldedNames.set(column.name.toLowerCase(), column.name);
        continue;
      }
      const slot = this.#slots.get(column.name);
      if (slot === undefined) continue;
      slot.kind = 'unusable';
      slot.problem = problem;
    }
    return this.useSchema(this.#schema);
  }
}
