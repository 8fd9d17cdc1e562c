import { refusing } from '../core/decode-guard.ts';
import { isNull, type JsonSpan, jsonMembers } from '../core/json-members.ts';
import { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import { rewriteRow } from './connect-types.ts';
import { EnvelopeSchemas } from './envelope-schema.ts';

export interface DebeziumOptions {
  /**
   * A delete becomes: `row`, the last state of the row with `__deleted` true (all other rows have it false); `drop`, nothing, as
   * filtered; `dead`, a dead letter.
   */
  deletes: 'row' | 'drop' | 'dead';
  /** What the null value after a delete becomes: nothing (as filtered), or a dead letter. */
  tombstones: 'drop' | 'dead';
  /** Fields of the envelope to add: `op` becomes `__op`, `source.lsn` becomes `__source_lsn`. */
  add: readonly string[];
}

type Members = Map<string, JsonSpan>;

/**
 * Takes the row out of the envelope of a change event (Debezium: before, after, source, op, ts_ms), which another decoder has
 * made JSON; the envelope may itself stand beside its schema (`{"schema":...,"payload":...}`). Snapshots, inserts and
 * updates become the new row. Truncates and messages of the transaction log are no rows: filtered.
 */
export class DebeziumDecoder implements ValueDecoder {
  readonly tombstone: RefusedValue | null;
  readonly #inner: ValueDecoder;
  readonly #options: DebeziumOptions;
  readonly #additions: readonly { label: string; path: readonly string[] }[];
  readonly #schemas = new EnvelopeSchemas();
  readonly #to = new JsonText();

  constructor(inner: ValueDecoder, options: DebeziumOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#additions = options.add.map((name) => ({
      label: `${JSON.stringify(addedName(name))}:`,
      path: name.split('.'),
    }));
    const reason = 'a tombstone: the row was deleted';
    this.tombstone = { code: options.tombstones === 'drop' ? 'filtered' : 'tombstone', reason };
  }

  prepare(values: Iterable<Buffer>, signal: AbortSignal): Promise<void> {
    return this.#inner.prepare(values, signal);
  }

  get columns(): readonly ValueColumn[] {
    return this.#inner.columns;
  }

  decode(value: Buffer): Buffer | RefusedValue {
    const text = this.#inner.decode(value);
    return Buffer.isBuffer(text) ? refusing(() => this.#unwrap(text)) : text;
  }

  #unwrap(text: Buffer): Buffer {
    const outer = jsonMembers(text);
    const payload = outer.get('payload');
    const schema = outer.get('schema');
    const isWrapped = payload !== undefined && schema !== undefined && !outer.has('op');
    if (isWrapped && isNull(text, payload)) throw new ValueError(this.tombstone!.code, this.tombstone!.reason);
    const envelope = isWrapped ? jsonMembers(text, payload.start, payload.end) : outer;
    const { row, isDeleted } = this.#rowOf(text, envelope);
    const to = this.#to;
    to.reset(text.length);
    const writers = isWrapped ? this.#schemas.writers(text.toString('utf8', schema.start, schema.end)) : null;
    if (writers && writers.size > 0) rewriteRow(text, row, writers, to);
    else to.copy(text, row.start, row.end);
    this.#addFields(text, envelope, isDeleted);
    return to.view();
  }

  #rowOf(text: Buffer, envelope: Members): { row: JsonSpan; isDeleted: boolean } {
    const op = opOf(text, envelope);
    if (op === 't' || op === 'm') throw new ValueError('filtered', `a change of kind "${op}" is no row`);
    const isDeleted = op === 'd';
    if (isDeleted && this.#options.deletes !== 'row') {
      throw new ValueError(this.#options.deletes === 'drop' ? 'filtered' : 'deleted-row', 'the row was deleted');
    }
    const name = isDeleted ? 'before' : 'after';
    const row = envelope.get(name);
    if (!row || text[row.start] !== 0x7b) {
      throw new ValueError('no-row', `expected the row in "${name}" of a change of kind "${op}", came none`);
    }
    return { row, isDeleted };
  }

  /** Puts the added fields before the closing brace of the row. */
  #addFields(text: Buffer, envelope: Members, isDeleted: boolean): void {
    const to = this.#to;
    const additions = this.#additions.map(({ label, path }) => ({ label, span: find(text, envelope, path) }));
    to.length--;
    let isFirst = /^\{\s*$/.test(to.view().toString('latin1', 0, 64));
    const separate = (): void => {
      if (!isFirst) to.raw(',');
      isFirst = false;
    };
    for (const { label, span } of additions) {
      separate();
      to.utf8Text(label);
      if (span) to.copy(text, span.start, span.end);
      else to.raw('null');
    }
    if (this.#options.deletes === 'row') {
      separate();
      to.raw(`"__deleted":${isDeleted}`);
    }
    to.raw('}');
  }
}

/** `source.ts_ms` -> `__source_ts_ms`, as Debezium's own unwrapping names them. */
export function addedName(name: string): string {
  return `__${name.replaceAll('.', '_')}`;
}

const ops = new Set(['c', 'r', 'u', 'd', 't', 'm']);

function opOf(text: Buffer, envelope: Members): string {
  const span = envelope.get('op');
  const op = span ? text.toString('utf8', span.start + 1, span.end - 1) : '';
  if (!ops.has(op)) {
    throw new ValueError(
      'not-debezium',
      'expected the envelope of a change with "op" c, r, u, d, t or m; came another value',
    );
  }
  return op;
}

function find(text: Buffer, envelope: Members, [first, ...rest]: readonly string[]): JsonSpan | null {
  const span = envelope.get(first!);
  if (!span || rest.length === 0) return span ?? null;
  return text[span.start] === 0x7b ? find(text, jsonMembers(text, span.start, span.end), rest) : null;
}
