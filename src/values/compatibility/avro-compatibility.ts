import { branchFor, canTake, readerFieldFor } from '../avro/avro-resolution.ts';
import { type AvroEnum, type AvroRecord, type AvroType, describeType } from '../avro/avro-type.ts';

/** Why values of `writer` cannot be read as `reader` (Avro's schema resolution); empty: they can. */
export function avroReadProblems(reader: AvroType, writer: AvroType): string[] {
  return new AvroComparison().problems(writer, reader, '');
}

class AvroComparison {
  /** Pairs of records that are being compared, or were: a record may be part of itself. */
  readonly #compared = new Map<AvroRecord, Set<AvroRecord>>();

  problems(writer: AvroType, reader: AvroType, path: string): string[] {
    if (writer.kind === 'union') return writer.branches.flatMap((branch) => this.problems(branch, reader, path));
    if (reader.kind === 'union') {
      const branch = branchFor(writer, reader.branches);
      return branch
        ? this.problems(writer, branch, path)
        : [`${at(path)}: the reader's union lacks ${describeType(writer)}`];
    }
    if (!canTake(writer, reader))
      return [`${at(path)}: ${describeType(writer)} cannot be read as ${describeType(reader)}`];
    if (writer.kind === 'record') return this.#recordProblems(writer, reader as AvroRecord, path);
    if (writer.kind === 'enum') return enumProblems(writer, reader as AvroEnum, path);
    if (writer.kind === 'array' && reader.kind === 'array')
      return this.problems(writer.items, reader.items, `${path}[]`);
    if (writer.kind === 'map' && reader.kind === 'map') return this.problems(writer.values, reader.values, `${path}{}`);
    return [];
  }

  #recordProblems(writer: AvroRecord, reader: AvroRecord, path: string): string[] {
    const compared = this.#compared.get(writer) ?? new Set<AvroRecord>();
    this.#compared.set(writer, compared);
    if (compared.has(reader)) return [];
    compared.add(reader);
    const sources = new Map(writer.fields.map((field) => [readerFieldFor(field, reader), field]));
    return reader.fields.flatMap((field) => {
      const source = sources.get(field);
      const place = `${path}/${field.name}`;
      if (source) return this.problems(source.type, field.type, place);
      return field.default === undefined ? [`${place}: a new field needs a default`] : [];
    });
  }
}

function enumProblems(writer: AvroEnum, reader: AvroEnum, path: string): string[] {
  const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
  if (missing.length === 0 || reader.default !== null) return [];
  return [`${at(path)}: the reader's enum lacks ${missing.join(', ')}`];
}

function at(path: string): string {
  return path === '' ? '/' : path;
}
