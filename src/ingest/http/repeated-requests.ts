import { createHash } from 'node:crypto';
import { type Clock, type Logger, SluiceError } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import type { RecordHeader } from '../../wire/index.ts';
import type { WrittenEvent } from '../event-writer.ts';
import { HttpError, overloaded } from './http-error.ts';
import { type RememberedRequest, readRequests, requestHeader, requestMark } from './request-marks.ts';
import type { KeyTurn, SharedKeys } from './shared-keys.ts';

export interface RepeatedRequestsOptions {
  cluster: KafkaCluster;
  /** For how long a key is known after its request. */
  windowMs: number;
  /** Events whose place is remembered; further requests with a key wait outside. */
  maxEvents: number;
  /** Agrees on each key with the other servers; null: there are none, or a client's repeats come to one server. */
  shared: SharedKeys | null;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

export interface RepeatableRequest {
  topic: string;
  /** Whose token it came with: keys of one client are not those of another. */
  owner: string;
  key: string;
  body: Buffer;
  /** How many events it has. */
  count: number;
  signal: AbortSignal;
}

/** A request with a key, for as long as it is carried out. */
export interface ClaimedRequest {
  /** By index: where an event is, when an earlier request with this key has written it. */
  written: readonly (WrittenEvent | undefined)[];
  /** Whether any event was written before. */
  isRepeat: boolean;
  headerOf(index: number): RecordHeader;
  /** To be called before each event is sent; throws when it is too late to send more. */
  check(): void;
  /** To be called once, with where each event is now; undefined: not written. `isInDoubt`: the log has to be asked. */
  end(written: readonly (WrittenEvent | undefined)[], isInDoubt: boolean): void;
}

interface TopicMemory {
  requests: Map<string, RememberedRequest>;
  eventCount: number;
}

/**
 * Requests with an idempotency key, by topic. Every event of such a request carries a header with the key's hash and its index, so what is
 * remembered is in the log: after a restart, and whenever a delivery is in doubt, the window is read from there again. Within it
 * a request is written once, event by event, also when the first answer was lost or the process was killed in the middle.
 */
export class RepeatedRequests {
  readonly #options: RepeatedRequestsOptions;
  readonly #topics = new Map<string, Promise<TopicMemory>>();
  /** Requests under way, by topic and key. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(options: RepeatedRequestsOptions) {
    this.#options = options;
  }

  /** Waits for another request with the same key. Throws 422 when the key was used for another body, 429 when too many keys are remembered. */
  async claim(request: RepeatableRequest): Promise<ClaimedRequest> {
    const { topic, owner, key, body, count, signal } = request;
    const hash = hashOf(`${owner}\0${topic}\0${key}`).slice(0, 32);
    const fingerprint = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const name = `${topic}\0${hash}`;
    for (let other = this.#underway.get(name); other; other = this.#underway.get(name)) await other;
    let release = (): void => {};
    this.#underway.set(name, new Promise((resolve) => (release = resolve)));
    const finish = (): void => {
      this.#underway.delete(name);
      release();
    };
    try {
      const turn = (await this.#options.shared?.take({ hash, fingerprint, count }, signal)) ?? null;
      // What a server that died has written, nobody but the topic can say.
      if (turn?.isInDoubt) this.#topics.delete(topic);
      try {
        const memory = await this.#memoryOf(topic);
        return this.#claimed({ topic, hash, fingerprint, count, memory, turn, finish });
      } catch (error) {
        turn?.end([], turn.isInDoubt);
        throw error;
      }
    } catch (error) {
      finish();
      throw error;
    }
  }

  #claimed(request: {
    topic: string;
    hash: string;
    fingerprint: string;
    count: number;
    memory: TopicMemory;
    turn: KeyTurn | null;
    finish: () => void;
  }): ClaimedRequest {
    const { topic, hash, fingerprint, count, memory, turn, finish } = request;
    const { clock, windowMs, maxEvents } = this.#options;
    forgetBefore(memory, clock.nowMs() - windowMs);
    const known = memory.requests.get(hash);
    if (known && (known.fingerprint !== fingerprint || known.count !== count)) {
      throw new HttpError(422, 'this idempotency key was used for another body; a new request needs a new key');
    }
    if (!known && memory.eventCount + count > maxEvents) {
      throw overloaded(
        429,
        `more than ${maxEvents} events with idempotency keys within the window; send this again later`,
      );
    }
    const written = Array.from({ length: count }, (_, index) => known?.written[index] ?? turn?.written[index]);
    return {
      written,
      isRepeat: written.some((one) => one !== undefined),
      headerOf: (index) => ({ name: requestHeader, value: requestMark(hash, fingerprint, index, count) }),
      check: () => turn?.check(),
      end: (now, isInDoubt) => {
        turn?.end(now, isInDoubt);
        if (isInDoubt) this.#topics.delete(topic);
        else this.#remember(memory, hash, { fingerprint, count, written: [...now], atMs: clock.nowMs() });
        finish();
      },
    };
  }

  #remember(memory: TopicMemory, hash: string, request: RememberedRequest): void {
    const former = memory.requests.get(hash);
    if (former) memory.eventCount -= former.count;
    memory.requests.delete(hash);
    memory.requests.set(hash, request);
    memory.eventCount += request.count;
  }

  #memoryOf(topic: string): Promise<TopicMemory> {
    let memory = this.#topics.get(topic);
    if (!memory) {
      memory = this.#read(topic);
      this.#topics.set(topic, memory);
      memory.catch(() => this.#topics.delete(topic));
    }
    return memory;
  }

  async #read(topic: string): Promise<TopicMemory> {
    const { cluster, windowMs, maxEvents, clock, logger, signal } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      const sinceMs = clock.nowMs() - windowMs;
      const { requests, eventCount } = await readRequests({ cluster, topic, sinceMs, maxEvents, signal });
      const seconds = (clock.monotonicMs() - startedMs) / 1000;
      logger.info({ topic, keys: requests.size, seconds }, 'IdempotencyKeysRead');
      return { requests, eventCount };
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      throw overloaded(503, 'what was written before cannot be read at the moment; send this again', error);
    }
  }
}

/** The map is in the order of the times. */
function forgetBefore(memory: TopicMemory, beforeMs: number): void {
  for (const [hash, { atMs, count }] of memory.requests) {
    if (atMs >= beforeMs) return;
    memory.requests.delete(hash);
    memory.eventCount -= count;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
