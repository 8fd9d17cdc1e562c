import { randomUUID } from 'node:crypto';
import { type Clock, describeError, type Logger } from '../../shared/index.ts';
import { isKafkaError, type KafkaCluster } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import { EventWriter, type WrittenEvent } from '../event-writer.ts';
import { HttpError, overloaded } from './http-error.ts';
import { encodeKeyRecord, type KeyRecord, type KeyState } from './key-claims.ts';
import { KeysReader } from './keys-reader.ts';

export interface SharedKeysOptions {
  cluster: KafkaCluster;
  /** Made by `createKeysTopic`. */
  topic: string;
  /** For how long a key is known. */
  windowMs: number;
  /** How long an event is tried to be delivered; a turn lasts twice as long. */
  deliveryTimeoutMs: number;
  /** How long a request waits for another server that has the turn; 5 s when left out. */
  patienceMs?: number;
  maxEvents: number;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** A request whose key is to be agreed on with the other servers. */
export interface KeyedRequest {
  hash: string;
  fingerprint: string;
  count: number;
}

/** The turn with a key. */
export interface KeyTurn {
  /** By index: what other servers have written. */
  written: readonly (WrittenEvent | undefined)[];
  /** What was written before has to be looked up in the topic. */
  isInDoubt: boolean;
  /** Throws 503 when the turn has become too old to write anything more in it. */
  check(): void;
  end(written: readonly (WrittenEvent | undefined)[], isInDoubt: boolean): void;
}

/** Beyond the times that a delivery may take: for what is still on its way when they are over. */
const spareMs = 10_000;
const partitions = 4;

/** Makes the topic that servers agree by; one that is there is left as it is. Its records are of no use after the window. */
export async function createKeysTopic(cluster: KafkaCluster, topic: string, windowMs: number): Promise<void> {
  const retentionMs = Math.max(4 * windowMs, 3_600_000);
  try {
    const configs = { 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs) };
    await cluster.createTopics([{ name: topic, partitions, configs }]);
  } catch (error) {
    if (!isKafkaError(error, errorCodes.TOPIC_ALREADY_EXISTS)) throw error;
  }
}

/**
 * One turn a key among all servers that use the same topic of keys: a server appends a claim, reads the topic up to it, and writes only if it was the first.
 * The others wait for the end of that turn and answer with what it wrote. A turn that does not end (its server died) can be taken over
 * when nothing of it can be on its way any more.
 */
export class SharedKeys {
  readonly #options: SharedKeysOptions;
  readonly #writer: EventWriter;
  #reader: Promise<KeysReader> | null = null;

  constructor(options: SharedKeysOptions) {
    this.#options = options;
    const { cluster, deliveryTimeoutMs, logger } = options;
    this.#writer = new EventWriter({ cluster, deliveryTimeoutMs, logger, lingerMs: 1, maxInFlightBytes: 16_000_000 });
  }

  /** For how long a turn cannot be taken over after it was seen. */
  get #leaseMs(): number {
    return 2 * this.#options.deliveryTimeoutMs + spareMs;
  }

  /** Waits for the turn. Throws 422 when the key was used for another body, 429 when too many are known, 503 when it is another server's for long. */
  async take(request: KeyedRequest, signal: AbortSignal): Promise<KeyTurn> {
    const { clock, patienceMs = 5000 } = this.#options;
    const startedMs = clock.monotonicMs();
    const reader = await this.#read();
    while (true) {
      signal.throwIfAborted();
      const state = reader.claims.state(request.hash);
      this.#check(request, state, reader);
      if (state && isWritten(state)) return finished(state);
      const nowMs = clock.monotonicMs();
      if (!state?.holder || nowMs - state.seenMs > this.#leaseMs) {
        const turn = await this.#claim(reader, request, state?.holder ?? null);
        if (turn) return turn;
      } else if (nowMs - startedMs > patienceMs) {
        throw overloaded(503, 'another server is carrying out a request with this key; send this again later');
      } else await reader.changed(request.hash, Math.min(patienceMs, 1000));
    }
  }

  /** Waits for the ends of turns that were sent, for at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    await this.#writer.close(timeoutMs);
  }

  #check(request: KeyedRequest, state: KeyState | undefined, reader: KeysReader): void {
    const { maxEvents } = this.#options;
    if (state && (state.fingerprint !== request.fingerprint || state.count !== request.count)) {
      throw new HttpError(422, 'this idempotency key was used for another body; a new request needs a new key');
    }
    if (!state && reader.claims.eventCount + request.count > maxEvents) {
      throw overloaded(
        429,
        `more than ${maxEvents} events with idempotency keys within the window; send this again later`,
      );
    }
  }

  /** Null: another server was faster. */
  async #claim(reader: KeysReader, request: KeyedRequest, after: string | null): Promise<KeyTurn | null> {
    const { clock, deliveryTimeoutMs, logger, topic } = this.#options;
    const { hash, fingerprint, count } = request;
    const by = randomUUID();
    const claimedMs = clock.monotonicMs();
    // Expected before it is sent: it may be read before its answer is there.
    const met = reader.met(by);
    try {
      await this.#append(hash, { kind: 'claim', by, after, fingerprint, count });
    } catch (error) {
      reader.forget(by);
      throw error;
    }
    const state = await met;
    if (state?.holder !== by) return null;
    if (after !== null) logger.warn({ topic, hash, after }, 'KeyTakenOver');
    return {
      written: state.written,
      isInDoubt: state.isInDoubt,
      check: () => {
        if (clock.monotonicMs() - claimedMs <= deliveryTimeoutMs) return;
        throw overloaded(503, 'this request took too long, another server may carry it out; send this again');
      },
      end: (written, isInDoubt) => {
        const places = written.map((one): [number, string] | null =>
          one ? [one.partition, String(one.offset)] : null,
        );
        // Nobody waits for it: without an end the turn is over when its time is.
        this.#append(hash, { kind: 'end', by, written: places, isInDoubt }).catch((error: unknown) => {
          logger.warn({ topic, hash, reason: describeError(error) }, 'KeyNotEnded');
        });
      },
    };
  }

  async #append(hash: string, record: KeyRecord): Promise<void> {
    const { topic } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        const callbacks = { onWritten: () => resolve(), onFailed: reject };
        this.#writer.send(topic, { key: hash, value: encodeKeyRecord(record) }, callbacks)?.catch(reject);
      });
    } catch (error) {
      throw overloaded(503, 'the log did not confirm the key in time; send this again', error);
    }
  }

  #read(): Promise<KeysReader> {
    if (!this.#reader) {
      const keepMs = this.#options.windowMs + this.#leaseMs;
      // What reads no longer is replaced at the next request.
      const onEnd = (): void => {
        if (this.#reader === reader) this.#reader = null;
      };
      const reader = KeysReader.start({ ...this.#options, keepMs }, onEnd);
      this.#reader = reader;
      reader.catch(onEnd);
    }
    return this.#reader;
  }
}

/** Every event of it is in the log, and no turn is to be had. */
function isWritten(state: KeyState): boolean {
  if (state.holder !== null || state.isInDoubt) return false;
  return Array.from({ length: state.count }, (_, index) => state.written[index]).every((one) => one !== undefined);
}

function finished({ written }: KeyState): KeyTurn {
  return { written, isInDoubt: false, check: () => {}, end: () => {} };
}
