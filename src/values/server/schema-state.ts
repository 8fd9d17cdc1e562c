import type { CompatibilityLevel, RegistryMode, RegistryRecord, StoredSchema } from './registry-record.ts';

/**
 * What the records of the topic add up to. Of two records that give one version, or one id, to different schemas the first
 * counts: two registries wrote at the same time, and whoever finds its record second takes it back. So all registries that read
 * the topic agree, and no id ever changes its meaning.
 */
export class SchemaState {
  readonly #subjects = new Map<string, Map<number, StoredSchema>>();
  readonly #byId = new Map<number, StoredSchema>();
  readonly #levels = new Map<string | null, CompatibilityLevel>();
  readonly #modes = new Map<string | null, RegistryMode>();
  #maxId = 0;

  /** Also of schemas that are gone: an id is never given twice while the registry runs. */
  get maxId(): number {
    return this.#maxId;
  }

  /** What must be written to undo a record that lost a race; null: the record counts. */
  apply(record: RegistryRecord): RegistryRecord | null {
    switch (record.kind) {
      case 'config':
        setOrDelete(this.#levels, record.subject, record.level);
        return null;
      case 'mode':
        setOrDelete(this.#modes, record.subject, record.mode);
        return null;
      case 'delete-subject':
        this.#deleteUpTo(record.subject, record.version);
        return null;
      case 'schema':
        return record.schema ? this.#put(record.schema) : this.#remove(record.subject, record.version);
    }
  }

  subjects(withDeleted: boolean): string[] {
    return [...this.#subjects.keys()].filter((subject) => this.versions(subject, withDeleted).length > 0).sort();
  }

  /** In order of their numbers. */
  versions(subject: string, withDeleted: boolean): StoredSchema[] {
    const versions = [...(this.#subjects.get(subject)?.values() ?? [])];
    return versions.filter(({ isDeleted }) => withDeleted || !isDeleted).sort((a, b) => a.version - b.version);
  }

  version(subject: string, version: number): StoredSchema | null {
    return this.#subjects.get(subject)?.get(version) ?? null;
  }

  /** Any version that has the id, be it deleted. */
  byId(id: number): StoredSchema | null {
    return this.#byId.get(id) ?? null;
  }

  withId(id: number, withDeleted: boolean): StoredSchema[] {
    return this.all(withDeleted).filter((schema) => schema.id === id);
  }

  /** The id that the same schema has in whatever subject. */
  idOf(schema: SchemaContent): number | null {
    const wanted = contentOf(schema);
    for (const known of this.#byId.values()) if (contentOf(known) === wanted) return known.id;
    return null;
  }

  all(withDeleted: boolean): StoredSchema[] {
    return this.subjects(withDeleted).flatMap((subject) => this.versions(subject, withDeleted));
  }

  /** Versions that refer to one. */
  referencesTo(subject: string, version: number): StoredSchema[] {
    return this.all(false).filter(({ references }) =>
      references.some((reference) => reference.subject === subject && reference.version === version),
    );
  }

  /** Of a subject of its own; null: it has none. The subject null is the registry itself. */
  level(subject: string | null): CompatibilityLevel | null {
    return this.#levels.get(subject) ?? null;
  }

  mode(subject: string | null): RegistryMode | null {
    return this.#modes.get(subject) ?? null;
  }

  #put(schema: StoredSchema): RegistryRecord | null {
    const { subject, version, id } = schema;
    this.#maxId = Math.max(this.#maxId, id);
    const sameVersion = this.version(subject, version);
    if (sameVersion && (sameVersion.id !== id || contentOf(sameVersion) !== contentOf(schema))) {
      return { kind: 'schema', subject, version, schema: sameVersion };
    }
    const sameId = this.#byId.get(id);
    if (sameId && contentOf(sameId) !== contentOf(schema)) return { kind: 'schema', subject, version, schema: null };
    const versions = this.#subjects.get(subject) ?? new Map<number, StoredSchema>();
    versions.set(version, schema);
    this.#subjects.set(subject, versions);
    if (!sameId || sameId.isDeleted) this.#byId.set(id, schema);
    return null;
  }

  #remove(subject: string, version: number): null {
    const versions = this.#subjects.get(subject);
    const gone = versions?.get(version);
    if (!versions || !gone) return null;
    versions.delete(version);
    if (versions.size === 0) this.#subjects.delete(subject);
    const other = this.all(true).find(({ id }) => id === gone.id);
    setOrDelete(this.#byId, gone.id, other ?? null);
    return null;
  }

  #deleteUpTo(subject: string, last: number | null): void {
    const versions = this.#subjects.get(subject);
    for (const [version, schema] of versions ?? []) {
      if (last === null || version > last || schema.isDeleted) continue;
      const deleted = { ...schema, isDeleted: true };
      versions!.set(version, deleted);
      if (this.#byId.get(schema.id) === schema) this.#byId.set(schema.id, deleted);
    }
  }
}

/** Same type, text and references. */
export function isSameSchema(left: SchemaContent, right: SchemaContent): boolean {
  return contentOf(left) === contentOf(right);
}

type SchemaContent = Pick<StoredSchema, 'type' | 'text' | 'references'>;

function contentOf({ type, text, references }: SchemaContent): string {
  return JSON.stringify([type, text, references.map(({ name, subject, version }) => [name, subject, version])]);
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}
