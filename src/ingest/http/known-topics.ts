import type { Clock } from '../../shared/index.ts';
import { BrokerUnreachableError, ConnectionError, type KafkaCluster } from '../../wire/client/index.ts';
import { HttpError, overloaded } from './http-error.ts';

const foundMaxAgeMs = 60_000;
const missingMaxAgeMs = 1000;
const rememberedNames = 10_000;

/** Which topics may be written to: those that exist, and of them the ones that were named, if any were. Never creates one. */
export class KnownTopics {
  readonly #cluster: KafkaCluster;
  readonly #allowed: ReadonlySet<string> | null;
  readonly #keysTopic: string | null;
  readonly #clock: Clock;
  readonly #known = new Map<string, { isThere: boolean; untilMs: number }>();

  /** `keysTopic`: the servers' own, which no client writes to. */
  constructor(cluster: KafkaCluster, allowed: readonly string[] | null, keysTopic: string | null, clock: Clock) {
    this.#cluster = cluster;
    this.#keysTopic = keysTopic;
    this.#allowed = allowed === null ? null : new Set(allowed);
    this.#clock = clock;
  }

  /** Throws 404, or 503 when nobody can say. */
  async check(topic: string, signal: AbortSignal): Promise<void> {
    const isOffered = this.#allowed ? this.#allowed.has(topic) : isPlainName(topic);
    if (!isOffered || topic === this.#keysTopic || !(await this.#isThere(topic, signal))) {
      throw new HttpError(404, `there is no topic "${topic.slice(0, 249)}" that takes events here`);
    }
  }

  async #isThere(topic: string, signal: AbortSignal): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#known.get(topic);
    if (known && nowMs < known.untilMs) return known.isThere;
    let isThere: boolean;
    try {
      isThere = (await this.#cluster.topics({ signal }, [topic])).length > 0;
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof BrokerUnreachableError)) throw error;
      if (known) return known.isThere; // the log says what becomes of the events
      throw overloaded(503, 'the log cannot be reached at the moment; send this again', error);
    }
    if (this.#known.size >= rememberedNames) this.#known.clear();
    this.#known.set(topic, { isThere, untilMs: nowMs + (isThere ? foundMaxAgeMs : missingMaxAgeMs) });
    return isThere;
  }
}

/** A name that Kafka allows, of a topic that is not the cluster's own. */
function isPlainName(topic: string): boolean {
  return /^[a-zA-Z0-9._-]{1,249}$/.test(topic) && !topic.startsWith('__') && topic !== '.' && topic !== '..';
}
