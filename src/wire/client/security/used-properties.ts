import type { Properties } from './properties-file.ts';

/** Remembers what was asked for, so that what nobody asked for can be told. */
export class UsedProperties {
  readonly #properties: Properties;
  readonly #used = new Set<string>();

  constructor(properties: Properties) {
    this.#properties = properties;
  }

  /** Empty text counts as set. */
  get(key: string): string | undefined {
    this.#used.add(key);
    return this.#properties.get(key);
  }

  unused(): string[] {
    return [...this.#properties.keys()].filter((key) => !this.#used.has(key));
  }
}
