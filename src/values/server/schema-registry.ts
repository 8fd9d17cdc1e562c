import type { Clock, Logger } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { type ComparableSchema, parseComparable } from '../compatibility/comparable-schema.ts';
import { BadSchemaError } from '../core/value-error.ts';
import type { SchemaReference, SchemaType } from '../registry/registered-schema.ts';
import { canonicalText } from './canonical-text.ts';
import { compatibilityProblems } from './compatibility-check.ts';
import { failures } from './registry-failure.ts';
import type { CompatibilityLevel, RegistryMode, RegistryRecord, StoredSchema } from './registry-record.ts';
import { isSameSchema, SchemaState } from './schema-state.ts';
import { SchemaTopic } from './schema-topic.ts';

export interface SchemaRegistryOptions {
  cluster: KafkaCluster;
  /** Confluent's name when left out: `_schemas`. */
  topic?: string | undefined;
  replicationFactor?: number | undefined;
  clock: Clock;
  logger: Logger;
}

/** A schema as somebody sends it. */
export interface NewSchema {
  type: SchemaType;
  text: string;
  references: SchemaReference[];
}

const defaultLevel: CompatibilityLevel = 'BACKWARD';
const maxReferenceDepth = 30;

/**
 * The registry: what it knows is what the records of its topic say. Writes go one after the other; each looks at everything that was
 * written before it, writes, and reads its own record back. When another registry on the same topic was faster, the record
 * did not count: it is taken back, and the work is done again on what is there now.
 */
export class SchemaRegistry {
  readonly state: SchemaState;
  readonly #topic: SchemaTopic;
  /** Records that lost a race, by what undoes them. */
  readonly #undoings: RegistryRecord[];
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(topic: SchemaTopic, undoings: RegistryRecord[], state: SchemaState) {
    this.#topic = topic;
    this.#undoings = undoings;
    this.state = state;
  }

  /** Reads the topic to its end, creating it when it is not there. */
  static async open(options: SchemaRegistryOptions, signal: AbortSignal): Promise<SchemaRegistry> {
    const { cluster, clock, logger, topic = '_schemas', replicationFactor = -1 } = options;
    const state = new SchemaState();
    const undoings: RegistryRecord[] = [];
    const onRecord = (record: RegistryRecord): void => {
      const undoing = state.apply(record);
      if (undoing) undoings.push(undoing);
    };
    const opened = await SchemaTopic.open({ cluster, topic, replicationFactor, clock, logger, onRecord }, signal);
    return new SchemaRegistry(opened, undoings, state);
  }

  close(): Promise<void> {
    return this.#topic.close();
  }

  /** The id of the schema: its own, if the subject has it already. `wanted`: id and version to give it, in mode IMPORT. */
  register(
    subject: string,
    schema: NewSchema,
    wanted: { id?: number | undefined; version?: number | undefined },
    signal: AbortSignal,
  ): Promise<StoredSchema> {
    const { parsed, text } = this.parse(schema);
    const canonical = { ...schema, text };
    return this.#write(signal, () => {
      const known = this.find(subject, canonical, false);
      if (known) return { result: known, records: [] };
      const mode = this.modeOf(subject);
      if (mode === 'READONLY' || mode === 'READONLY_OVERRIDE') {
        throw failures.notPermitted(`Subject ${subject} is in read-only mode`);
      }
      if (mode !== 'IMPORT' && wanted.id !== undefined)
        throw failures.notPermitted(`Subject ${subject} is not in import mode`);
      if (mode !== 'IMPORT') this.#checkCompatible(subject, parsed);
      const stored = this.#next(subject, canonical, wanted);
      return { result: stored, records: [{ kind: 'schema', subject, version: stored.version, schema: stored }] };
    });
  }

  /** The version of a subject that has this schema. */
  find(subject: string, schema: NewSchema, withDeleted: boolean): StoredSchema | null {
    const references = JSON.stringify(schema.references);
    const versions = this.state.versions(subject, withDeleted);
    return (
      versions.find(
        ({ type, text, references: own }) =>
          type === schema.type &&
          JSON.stringify(own) === references &&
          canonicalText(type, text) === canonicalText(type, schema.text),
      ) ?? null
    );
  }

  /** @throws RegistryFailure 42201 when it is no schema, or refers to something that is not there. */
  parse(schema: NewSchema): { parsed: ComparableSchema; text: string } {
    try {
      const parsed = parseComparable(schema.type, schema.text, this.#resolve(schema.references));
      return { parsed, text: schema.type === 'PROTOBUF' ? schema.text : canonicalText(schema.type, schema.text) };
    } catch (error) {
      if (error instanceof BadSchemaError) throw failures.invalidSchema(error.message);
      throw error;
    }
  }

  /** What speaks against a schema beside some versions of a subject. */
  problems(schema: ComparableSchema, versions: readonly StoredSchema[], level: CompatibilityLevel): string[] {
    const earlier = versions.map((stored) => ({ version: stored.version, schema: this.parse(stored).parsed }));
    return compatibilityProblems(schema, earlier, level);
  }

  levelOf(subject: string): CompatibilityLevel {
    return this.state.level(subject) ?? this.state.level(null) ?? defaultLevel;
  }

  modeOf(subject: string): RegistryMode {
    const global = this.state.mode(null) ?? 'READWRITE';
    return global === 'READONLY_OVERRIDE' ? global : (this.state.mode(subject) ?? global);
  }

  setLevel(subject: string | null, level: CompatibilityLevel | null, signal: AbortSignal): Promise<void> {
    return this.#write(signal, () => ({ result: undefined, records: [{ kind: 'config', subject, level }] }));
  }

  setMode(subject: string | null, mode: RegistryMode | null, force: boolean, signal: AbortSignal): Promise<void> {
    return this.#write(signal, () => {
      const schemas = subject === null ? this.state.all(false) : this.state.versions(subject, false);
      if (mode === 'IMPORT' && !force && schemas.length > 0) {
        throw failures.notPermitted('Cannot import since found existing subjects');
      }
      return { result: undefined, records: [{ kind: 'mode', subject, mode }] };
    });
  }

  /** The numbers of the versions that were deleted: softly, or for good if they were deleted softly before. */
  deleteSubject(subject: string, isPermanent: boolean, signal: AbortSignal): Promise<number[]> {
    return this.#write(signal, () => {
      const versions = this.state.versions(subject, isPermanent);
      if (versions.length === 0) {
        const isSoft = this.state.versions(subject, true).length > 0;
        throw isSoft ? failures.subjectSoftDeleted(subject) : failures.subjectNotFound(subject);
      }
      if (isPermanent && versions.some(({ isDeleted }) => !isDeleted)) throw failures.subjectNotDeleted(subject);
      for (const { version } of versions) this.#checkUnreferenced(subject, version);
      const last = versions.at(-1)!.version;
      const records: RegistryRecord[] = isPermanent
        ? versions.map(({ version }) => ({ kind: 'schema', subject, version, schema: null }))
        : [{ kind: 'delete-subject', subject, version: last }];
      return { result: versions.map(({ version }) => version), records };
    });
  }

  deleteVersion(stored: StoredSchema, isPermanent: boolean, signal: AbortSignal): Promise<void> {
    const { subject, version } = stored;
    return this.#write(signal, () => {
      const current = this.state.version(subject, version);
      if (!current) throw failures.versionNotFound(version);
      if (isPermanent && !current.isDeleted) throw failures.versionNotDeleted(subject, version);
      if (!isPermanent && current.isDeleted) throw failures.versionSoftDeleted(subject, version);
      this.#checkUnreferenced(subject, version);
      const schema = isPermanent ? null : { ...current, isDeleted: true };
      return { result: undefined, records: [{ kind: 'schema', subject, version, schema }] };
    });
  }

  #checkUnreferenced(subject: string, version: number): void {
    const others = this.state.referencesTo(subject, version).filter((schema) => schema.subject !== subject);
    if (others.length > 0) throw failures.referenced(subject, version);
  }

  #checkCompatible(subject: string, schema: ComparableSchema): void {
    const problems = this.problems(schema, this.state.versions(subject, false), this.levelOf(subject));
    if (problems.length > 0) throw failures.incompatible(subject, problems.slice(0, 20));
  }

  #next(
    subject: string,
    schema: NewSchema,
    wanted: { id?: number | undefined; version?: number | undefined },
  ): StoredSchema {
    const lastVersion = this.state.versions(subject, true).at(-1)?.version ?? 0;
    const id = wanted.id ?? this.state.idOf(schema) ?? this.state.maxId + 1;
    const version = wanted.version ?? lastVersion + 1;
    const sameId = this.state.byId(id);
    if ((sameId && !isSameSchema(sameId, schema)) || this.state.version(subject, version)) {
      throw failures.notPermitted(`Overwriting the schema with id ${id} or version ${version} is not permitted.`);
    }
    return { subject, version, id, ...schema, isDeleted: false };
  }

  /** The texts of everything that references lead to, those that others need first. */
  #resolve(references: readonly SchemaReference[], depth = 0): { name: string; text: string }[] {
    if (depth > maxReferenceDepth)
      throw new BadSchemaError(`expected at most ${maxReferenceDepth} references in a row`);
    const found = new Map<string, { name: string; text: string }>();
    for (const { name, subject, version } of references) {
      const stored = version < 0 ? this.state.versions(subject, false).at(-1) : this.state.version(subject, version);
      if (!stored)
        throw new BadSchemaError(`no schema reference found for subject "${subject}" and version ${version}`);
      for (const inner of this.#resolve(stored.references, depth + 1)) found.set(inner.text, inner);
      found.set(stored.text, { name, text: stored.text });
    }
    return [...found.values()];
  }

  /** One write after the other: decide on what is known, write, read back, and again when another registry came first. */
  #write<T>(signal: AbortSignal, decide: () => { result: T; records: RegistryRecord[] }): Promise<T> {
    const work = async (): Promise<T> => {
      await this.#topic.catchUp(signal);
      for (;;) {
        await this.#undo(signal);
        const { result, records } = decide();
        if (records.length === 0) return result;
        await this.#topic.append(records, signal);
        if (this.#undoings.length === 0) return result;
      }
    };
    const done = this.#writing.then(work, work);
    this.#writing = done.catch(() => {});
    return done;
  }

  /** Takes back what lost a race, be it ours or another registry's: after compaction only the record that counts is left. */
  async #undo(signal: AbortSignal): Promise<void> {
    while (this.#undoings.length > 0) {
      const records = this.#undoings.splice(0).map((undoing): RegistryRecord => {
        if (undoing.kind !== 'schema') return undoing;
        return { ...undoing, schema: this.state.version(undoing.subject, undoing.version) };
      });
      await this.#topic.append(records, signal);
    }
  }
}
