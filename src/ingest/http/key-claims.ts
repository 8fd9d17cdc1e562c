// Whose turn it is with an idempotency key, when several servers take events for the same topics. A function of the log alone.
import { z } from 'zod';
import type { WrittenEvent } from '../event-writer.ts';

/** What the topic of keys holds; see docs/formats.md, "Idempotency keys". */
const recordSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('claim'),
    /** Of this claim alone. */
    by: z.string(),
    /** The claim whose turn it ends; null: nobody's. */
    after: z.string().nullable(),
    fingerprint: z.string(),
    count: z.int().min(1),
  }),
  z.strictObject({
    kind: z.literal('end'),
    by: z.string(),
    /** By index: partition and offset of what is written. */
    written: z.array(z.tuple([z.int(), z.string().regex(/^-?\d+$/)]).nullable()),
    isInDoubt: z.boolean(),
  }),
]);

export type KeyRecord = z.infer<typeof recordSchema>;

/** What all servers know of one key. */
export interface KeyState {
  /** The claim whose turn it is; null: nobody's. */
  holder: string | null;
  fingerprint: string;
  count: number;
  /** By index: what ended turns have written. */
  written: (WrittenEvent | undefined)[];
  /** A turn ended without saying all that it wrote: whoever is next looks into the topic. */
  isInDoubt: boolean;
  /** Of the newest record, epoch ms. */
  atMs: number;
  /** When this server read it, on its own monotonic clock. */
  seenMs: number;
}

export function encodeKeyRecord(record: KeyRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** Null for what is no record of ours. */
function decodeKeyRecord(value: Buffer | null): KeyRecord | null {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(value?.toString() ?? ''));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * Every server reads the same records in the same order and so comes to the same holder: a claim gets the turn when it is nobody's, or when it names
 * the holder whose turn it ends. All other claims are as if they had not been written.
 */
export class KeyClaims {
  readonly #keepMs: number;
  readonly #states = new Map<string, KeyState>();
  #eventCount = 0;

  /** `keepMs`: a key is forgotten so long after its newest record, by the records' own times. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Events of all keys that are known. */
  get eventCount(): number {
    return this.#eventCount;
  }

  state(hash: string): KeyState | undefined {
    return this.#states.get(hash);
  }

  /** Takes in the next record of the log; returns it when it could be read. */
  take(hash: string, value: Buffer | null, atMs: number, seenMs: number): KeyRecord | null {
    const record = decodeKeyRecord(value);
    if (!record) return null;
    this.#forgetBefore(atMs - this.#keepMs);
    const state = this.#states.get(hash);
    const next = record.kind === 'claim' ? claimed(state, record) : ended(state, record);
    if (!next) return record;
    this.#forget(hash);
    this.#states.set(hash, { ...next, atMs, seenMs });
    this.#eventCount += next.count;
    return record;
  }

  /** The map is in the order of the newest records. */
  #forgetBefore(atMs: number): void {
    for (const [hash, state] of this.#states) {
      if (state.atMs >= atMs) return;
      this.#forget(hash);
    }
  }

  #forget(hash: string): void {
    const state = this.#states.get(hash);
    if (!state) return;
    this.#states.delete(hash);
    this.#eventCount -= state.count;
  }
}

type NextState = Omit<KeyState, 'atMs' | 'seenMs'>;

function claimed(state: KeyState | undefined, record: KeyRecord & { kind: 'claim' }): NextState | null {
  const { by, after, fingerprint, count } = record;
  // What is not known any more is nobody's, whatever the claim names.
  if (!state) return { holder: by, fingerprint, count, written: [], isInDoubt: after !== null };
  if (state.holder !== after || state.fingerprint !== fingerprint || state.count !== count) return null;
  return { ...state, holder: by, isInDoubt: state.isInDoubt || after !== null };
}

/** The end of a turn that was taken away is not believed: who has the turn now looks into the topic. */
function ended(state: KeyState | undefined, record: KeyRecord & { kind: 'end' }): NextState | null {
  if (!state || state.holder !== record.by) return null;
  const written = Array.from({ length: state.count }, (_, index) => {
    const place = record.written[index];
    return place ? { partition: place[0], offset: BigInt(place[1]) } : state.written[index];
  });
  return { ...state, holder: null, written, isInDoubt: record.isInDoubt };
}
