import type { MatchRecord } from './match-record.ts';

/** A match as those see it who watch: a repeated delivery, after a kill, has the same id. */
export interface FeedMatch extends MatchRecord {
  id: string;
}

/** What a subscriber is told. `number` counts the feed's matches from 0. */
export type MatchFeedEvent =
  | { kind: 'match'; number: number; match: FeedMatch }
  /** So many matches went by while the subscriber was busy; it goes on with the oldest that is still kept. */
  | { kind: 'dropped'; count: number };

export interface MatchFeedOptions {
  /** How much is kept for those who come late or are slow: bytes of the matches as JSON. */
  maxBytes: number;
  /** Tells this feed from one of an earlier process, whose numbers mean nothing here. */
  id: string;
}

interface KeptMatch {
  match: FeedMatch;
  bytes: number;
}

/**
 * The newest matches, for any number of watchers. There is one ring for all of them and a subscriber is no more than a
 * position in it: whoever is slow costs no memory and holds up nobody, but loses what the ring no longer has, and is told how much.
 */
export class MatchFeed {
  readonly id: string;
  readonly #maxBytes: number;
  /** By number, oldest first. */
  readonly #kept = new Map<number, KeptMatch>();
  readonly #waiting = new Set<() => void>();
  #bytes = 0;
  #first = 0;
  #next = 0;
  #isClosed = false;

  constructor({ maxBytes, id }: MatchFeedOptions) {
    this.#maxBytes = maxBytes;
    this.id = id;
  }

  /** The number that the next match gets. */
  get nextNumber(): number {
    return this.#next;
  }

  /** Never waits. */
  publish(match: FeedMatch): void {
    const bytes = Buffer.byteLength(JSON.stringify(match));
    this.#kept.set(this.#next++, { match, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#forgetOldest();
    this.#wakeAll();
  }

  /** Nothing more comes: subscribers get what is kept and then end. */
  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
  }

  /**
   * Everything that is kept, then what comes, until the signal is aborted or the feed is closed. With `from` it begins at that number instead, and
   * says how many of those are gone.
   */
  async *subscribe({ signal, from }: { signal: AbortSignal; from?: number }): AsyncGenerator<MatchFeedEvent, void> {
    let position = Math.min(from ?? this.#first, this.#next);
    while (!signal.aborted) {
      if (position < this.#first) {
        yield { kind: 'dropped', count: this.#first - position };
        position = this.#first;
        continue;
      }
      const kept = this.#kept.get(position);
      if (kept) yield { kind: 'match', number: position++, match: kept.match };
      else if (this.#isClosed) return;
      else await this.#more(signal);
    }
  }

  #forgetOldest(): void {
    this.#bytes -= this.#kept.get(this.#first)!.bytes;
    this.#kept.delete(this.#first++);
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Until something was published, the feed was closed or the signal is aborted. */
  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
