import { ByteReader } from '../core/byte-reader.ts';
import { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import { type MessageBytes, moveTo, type Occurrences, scanFields } from './field-scan.ts';
import { type ProtoField, type ProtoMessage, wireTypeOf } from './proto-message.ts';
import { defaultScalar, scalarText, writeScalar } from './proto-scalars.ts';
import { type MessageWriting, wellKnownWriter } from './well-known.ts';

type Found = (Occurrences | undefined)[];

/**
 * Writes messages as JSON text under the names of the .proto file. Fields without presence have their default value when they
 * are not in the bytes (so that a table can tell 0 from "not known"), those with presence are left out.
 */
export class MessageWriter implements MessageWriting {
  readonly from = new ByteReader();
  readonly to = new JsonText();

  /** The text is valid until the next call. @throws ValueError */
  write(message: ProtoMessage, value: MessageBytes): Buffer {
    this.from.start(value.bytes, value.start, value.end);
    this.to.reset(value.end - value.start);
    const isObject = wellKnownWriter(message.name) === null || message.name === 'google.protobuf.Struct';
    if (!isObject) this.to.raw('{"value":');
    this.#writeMessage(message, value);
    if (!isObject) this.to.raw('}');
    return this.to.view();
  }

  #writeMessage(message: ProtoMessage, value: MessageBytes): void {
    this.from.enter();
    const found = scanFields(message, value, this.from);
    const special = wellKnownWriter(message.name);
    if (special) special(this, message, found, value.bytes);
    else this.#writeObject(message, found, value.bytes);
    this.from.leave();
  }

  #writeObject(message: ProtoMessage, found: Found, bytes: Buffer): void {
    const { to } = this;
    to.raw('{');
    let isFirst = true;
    for (const [position, field] of message.fields.entries()) {
      const occurrences = found[position];
      if (!occurrences && field.hasPresence) {
        if (!field.isRequired) continue;
        throw new ValueError('missing-field', `expected the required field ${message.name}.${field.name}`);
      }
      if (!isFirst) to.raw(',');
      isFirst = false;
      to.string(field.name);
      to.raw(':');
      this.writeField(field, occurrences, bytes);
    }
    to.raw('}');
  }

  writeField(field: ProtoField, occurrences: Occurrences | undefined, bytes: Buffer): void {
    if (field.mapKey !== null) this.#writeMap(field, occurrences ?? [], bytes);
    else if (field.isRepeated) this.#writeList(field, occurrences ?? [], bytes);
    else if (!occurrences) this.#writeDefault(field);
    else this.#writeLast(field, occurrences, bytes);
  }

  #writeDefault(field: ProtoField): void {
    if (field.kind === 'message') this.to.raw('null');
    else if (field.kind === 'enum') this.to.string(enumName(field, 0));
    else this.to.raw(defaultScalar(field.kind));
  }

  /** The last value counts; messages that came in parts are put together, which is what joining their bytes does. */
  #writeLast(field: ProtoField, occurrences: Occurrences, bytes: Buffer): void {
    const last = occurrences.length - 3;
    if (field.message === null || last === 0) {
      this.#writeOne(field, bytes, occurrences[last + 1]!, occurrences[last + 2]!);
      return;
    }
    const parts: Buffer[] = [];
    for (let at = 0; at < occurrences.length; at += 3)
      parts.push(bytes.subarray(occurrences[at + 1], occurrences[at + 2]));
    const joined = Buffer.concat(parts);
    this.#writeOne(field, joined, 0, joined.length);
  }

  #writeOne(field: ProtoField, bytes: Buffer, start: number, end: number): void {
    if (field.message) {
      this.#writeMessage(field.message, { bytes, start, end });
      return;
    }
    moveTo(this.from, bytes, start, end);
    this.#writeScalar(field);
  }

  /** The scalar at the reader's position; length-prefixed ones to the reader's end. */
  #writeScalar(field: ProtoField): void {
    if (field.kind === 'enum') this.to.string(enumName(field, Number(BigInt.asIntN(32, BigInt(this.from.varint())))));
    else writeScalar(field.kind as Exclude<ProtoField['kind'], 'enum' | 'message'>, this.from, this.to);
  }

  #writeList(field: ProtoField, occurrences: Occurrences, bytes: Buffer): void {
    const { to, from } = this;
    const isPackable = wireTypeOf(field.kind) !== 2;
    let isFirst = true;
    const separate = (): void => {
      if (!isFirst) to.raw(',');
      isFirst = false;
    };
    to.raw('[');
    for (let at = 0; at < occurrences.length; at += 3) {
      const [wire, start, end] = [occurrences[at]!, occurrences[at + 1]!, occurrences[at + 2]!];
      if (!isPackable || wire !== 2) {
        separate();
        this.#writeOne(field, bytes, start, end);
        continue;
      }
      moveTo(from, bytes, start, end);
      while (from.remaining > 0) {
        separate();
        this.#writeScalar(field);
      }
    }
    to.raw(']');
  }

  /** An entry is a message of key (1) and value (2); of entries with one key the last counts. */
  #writeMap(field: ProtoField, occurrences: Occurrences, bytes: Buffer): void {
    const { to, from } = this;
    const entry = entryOf(field);
    const [keyField, valueField] = entry.fields as [ProtoField, ProtoField];
    const entries = new Map<string, Occurrences | undefined>();
    for (let at = 0; at < occurrences.length; at += 3) {
      const found = scanFields(entry, { bytes, start: occurrences[at + 1]!, end: occurrences[at + 2]! }, from);
      entries.set(this.#keyText(keyField, found[0], bytes), found[1]);
    }
    to.raw('{');
    let isFirst = true;
    for (const [key, value] of entries) {
      if (!isFirst) to.raw(',');
      isFirst = false;
      to.string(key);
      to.raw(':');
      if (value || valueField.kind !== 'message') this.writeField(valueField, value, bytes);
      else this.#writeMessage(valueField.message!, { bytes, start: 0, end: 0 });
    }
    to.raw('}');
  }

  #keyText(field: ProtoField, occurrences: Occurrences | undefined, bytes: Buffer): string {
    const kind = field.mapKey ?? (field.kind as 'string');
    if (!occurrences) return kind === 'string' ? '' : defaultScalar(kind);
    const last = occurrences.length - 3;
    moveTo(this.from, bytes, occurrences[last + 1]!, occurrences[last + 2]!);
    return scalarText(kind, this.from);
  }
}

/** The message that an entry of a map is. */
function entryOf(field: ProtoField): ProtoMessage {
  const known = entries.get(field);
  if (known) return known;
  const plain = { isRepeated: false, mapKey: null, hasPresence: false, isRequired: false, oneof: -1 };
  const key: ProtoField = { ...plain, name: 'key', number: 1, kind: field.mapKey!, message: null, enumNames: null };
  const { kind, message, enumNames } = field;
  const value: ProtoField = { ...plain, name: 'value', number: 2, kind, message, enumNames };
  const byNumber = new Map([
    [1, 0],
    [2, 1],
  ]);
  const entry: ProtoMessage = { name: 'entry', fields: [key, value], byNumber, oneofCount: 0 };
  entries.set(field, entry);
  return entry;
}

const entries = new WeakMap<ProtoField, ProtoMessage>();

/** The name of a number; a number that the schema does not know is its own name. */
function enumName(field: ProtoField, number: number): string {
  return field.enumNames?.get(number) ?? String(number);
}
