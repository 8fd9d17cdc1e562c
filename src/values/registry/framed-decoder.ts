import { type Clock, SluiceError } from '../../shared/index.ts';
import { refusing } from '../core/decode-guard.ts';
import { BadSchemaError, ValueError } from '../core/value-error.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import type { RegisteredSchema } from './registered-schema.ts';

/** What a decoder needs of a registry. */
export interface SchemaSource {
  schemaById(id: number, signal: AbortSignal): Promise<RegisteredSchema | null>;
}

/** How payloads of one schema are read. */
export interface PayloadSchema {
  /** The JSON text of what is in `value` from `position` on, valid until the next call. @throws ValueError */
  decode(value: Buffer, position: number): Buffer;
  /** The columns of such a value; the same list for values of the same type. */
  columns(value: Buffer, position: number): readonly ValueColumn[];
}

/** Repeats work that may fail for a while; the loader's own way of waiting. */
export type Patience = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

const magicByte = 0;
const frameBytes = 5;
/** Ids are signed integers for the registry. */
const maxId = 0x7fff_ffff;
/** Schemas kept compiled. */
const maxCompiled = 500;
/** After which an id that the registry did not know is asked for again. */
const unknownForMs = 30_000;

interface Compiled {
  schema: PayloadSchema | RefusedValue;
  /** Monotonic; null: known for good. */
  askedAtMs: number | null;
}

/**
 * Values in Confluent's wire format: a zero byte, the schema's id in four bytes (big-endian), the payload. `compile` makes the
 * reading of one schema's payloads. What `prepare` fetched serves the calls of `decode` that follow it at once.
 */
export class FramedDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly #source: SchemaSource;
  readonly #compile: (schema: RegisteredSchema) => PayloadSchema;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #compiled = new Map<number, Compiled>();
  readonly #announced = new Set<readonly ValueColumn[]>();
  #columns = new Map<string, ValueColumn>();

  constructor(options: {
    source: SchemaSource;
    compile: (schema: RegisteredSchema) => PayloadSchema;
    clock: Clock;
    /** Left out: trouble with the registry ends `prepare` at once. */
    patience?: Patience | undefined;
  }) {
    this.#source = options.source;
    this.#compile = options.compile;
    this.#clock = options.clock;
    this.#patience = options.patience ?? ((work) => work());
  }

  async prepare(values: Iterable<Buffer>, signal: AbortSignal): Promise<void> {
    if (this.#compiled.size > maxCompiled) this.#dropOldest();
    for (const value of values) {
      if (!isFramed(value)) continue;
      const id = value.readUInt32BE(1);
      let compiled = this.#compiled.get(id);
      if (!compiled || this.#isStale(compiled)) {
        compiled = await this.#patience(() => this.#fetch(id, signal), signal);
        this.#compiled.set(id, compiled);
      }
      if ('decode' in compiled.schema) this.#announce(compiled.schema.columns(value, frameBytes));
    }
  }

  /** Of two schemas that type a field differently the one met last counts: the newer one, as a rule. */
  get columns(): readonly ValueColumn[] {
    return [...this.#columns.values()];
  }

  decode(value: Buffer): Buffer | RefusedValue {
    if (!isFramed(value)) return notFramed(value);
    const id = value.readUInt32BE(1);
    const schema = this.#compiled.get(id)?.schema;
    if (!schema) {
      throw new SluiceError('not-prepared', `expected schema ${id} to have been prepared`, { isRetriable: true });
    }
    return 'decode' in schema ? refusing(() => schema.decode(value, frameBytes)) : schema;
  }

  /** Others may be between their `prepare` and their `decode`: what came last stays. */
  #dropOldest(): void {
    for (const id of [...this.#compiled.keys()].slice(0, maxCompiled / 2)) this.#compiled.delete(id);
  }

  #announce(columns: readonly ValueColumn[]): void {
    if (this.#announced.has(columns)) return;
    this.#announced.add(columns);
    for (const column of columns) this.#columns.set(column.name, column);
  }

  #isStale({ askedAtMs }: Compiled): boolean {
    return askedAtMs !== null && this.#clock.monotonicMs() - askedAtMs >= unknownForMs;
  }

  async #fetch(id: number, signal: AbortSignal): Promise<Compiled> {
    const schema = id > maxId ? null : await this.#source.schemaById(id, signal);
    if (!schema) {
      const reason = `expected a schema that the registry knows, came id ${id}`;
      return { schema: { code: 'unknown-schema', reason }, askedAtMs: this.#clock.monotonicMs() };
    }
    return { schema: this.#compileOrRefuse(schema), askedAtMs: null };
  }

  #compileOrRefuse(schema: RegisteredSchema): PayloadSchema | RefusedValue {
    try {
      return this.#compile(schema);
    } catch (error) {
      if (!(error instanceof BadSchemaError || error instanceof ValueError)) throw error;
      return { code: error.code, reason: `schema ${schema.id}: ${error.message}` };
    }
  }
}

function isFramed(value: Buffer): boolean {
  return value.length >= frameBytes && value[0] === magicByte;
}

function notFramed(value: Buffer): RefusedValue {
  const came = value.length === 0 ? 'no bytes' : `${value.length} bytes that begin with ${value[0]}`;
  return { code: 'not-framed', reason: `expected a zero byte and a schema id of four bytes, came ${came}` };
}
