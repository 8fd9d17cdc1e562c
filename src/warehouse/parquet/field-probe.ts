import { ByteHeap } from './byte-heap.ts';
import { closeBrace, colon, comma, type JsonReader, openBrace } from './json-reader.ts';
import { quote } from './json-scanner.ts';

/** A name on a way inwards. */
interface Step {
  /** Numbers of the paths that end here. */
  ends: number[];
  within: Map<string, Step>;
}

/** Finds the values at some paths of a JSON object in one pass over its bytes. Paths do not go into arrays. */
export class FieldProbe {
  /** Where the value of each path begins and ends in the reader's buffer; -1 where there is none, or null. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #root: Step = { ends: [], within: new Map() };
  readonly #name = new ByteHeap();

  constructor(paths: readonly (readonly string[])[]) {
    this.starts = new Int32Array(paths.length);
    this.ends = new Int32Array(paths.length);
    for (const [index, path] of paths.entries()) {
      let step = this.#root;
      for (const name of path) {
        const next = step.within.get(name) ?? { ends: [], within: new Map() };
        step.within.set(name, next);
        step = next;
      }
      step.ends.push(index);
    }
  }

  /** Passes the value at the reader's position. False with the reader's failure set when it is broken, or a name comes twice. */
  read(reader: JsonReader): boolean {
    this.starts.fill(-1);
    return this.#readValue(reader, this.#root);
  }

  #readValue(reader: JsonReader, step: Step): boolean {
    const first = reader.peek();
    const start = reader.position;
    const isPassed = first === openBrace && step.within.size > 0 ? this.#readObject(reader, step) : reader.skipValue();
    if (!isPassed) return false;
    for (const index of step.ends) {
      this.starts[index] = first === 0x6e ? -1 : start;
      this.ends[index] = reader.position;
    }
    return true;
  }

  #readObject(reader: JsonReader, step: Step): boolean {
    const seen = new Set<Step>();
    reader.position++;
    let byte = reader.peek();
    while (byte !== closeBrace) {
      if (byte !== quote) return reader.failHere('the name of a field in quotes');
      reader.position++;
      this.#name.length = 0;
      if (!reader.readString(this.#name)) return false;
      const name = Buffer.from(this.#name.bytes.buffer, 0, this.#name.length).toString('utf8');
      if (reader.peek() !== colon) return reader.failHere('":" after the name of a field');
      reader.position++;
      const next = step.within.get(name);
      if (next === undefined ? !reader.skipValue() : !this.#readValue(reader, next)) return false;
      if (next !== undefined && seen.has(next)) {
        return reader.fail('duplicate-field', `field ${JSON.stringify(name)} is there twice`);
      }
      if (next !== undefined) seen.add(next);
      byte = reader.peek();
      if (byte !== comma && byte !== closeBrace) return reader.failHere('"," or "}"');
      if (byte === closeBrace) break;
      reader.position++;
      byte = reader.peek();
      if (byte === closeBrace) return reader.failHere('the name of a field in quotes');
    }
    reader.position++;
    return true;
  }
}
