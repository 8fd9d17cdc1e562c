import { seededRandom } from './seeded-random.ts';

/**
 * What can go wrong with one request.
 *
 * | fault | who | what happens |
 * |---|---|---|
 * | `standby`, `retriable`, `safe-mode`, `quota` | NameNode, and the DataNode for CREATE | 403 with that exception; nothing done |
 * | `no-datanode` | NameNode | cannot name a DataNode |
 * | `no-block` | DataNode | the file is created, its first block finds no DataNode: an empty file stays |
 * | `reset` | both | the connection is reset, nothing done |
 * | `lost-answer` | both | done, then the connection is reset instead of an answer |
 * | `late` | both | the connection is reset at once, and the request is carried out some milliseconds later |
 * | `stall` | both | not a byte ever comes; nothing done |
 * | `lost-stall` | both | done, and not a byte ever comes |
 * | `dead-datanode` | NameNode | redirects to a port where nobody listens |
 * | `cut` | DataNode | the connection is reset after some bytes of the body: an upload leaves a closed, short file |
 * | `error-page` | both | HTTP 500 with a page that is not JSON; nothing done |
 * | `slow` | both | done and answered, some milliseconds late |
 */
export type WebHdfsFaultKind =
  | 'standby'
  | 'retriable'
  | 'safe-mode'
  | 'quota'
  | 'no-datanode'
  | 'no-block'
  | 'reset'
  | 'lost-answer'
  | 'late'
  | 'stall'
  | 'lost-stall'
  | 'dead-datanode'
  | 'cut'
  | 'error-page'
  | 'slow';

export interface WebHdfsRequest {
  server: 'name-node' | 'data-node';
  op: string;
  path: string;
}

/** A scripted fault: the given occurrences of the requests that match. */
export interface PlannedFault {
  kind: WebHdfsFaultKind;
  server?: 'name-node' | 'data-node';
  op?: string;
  path?: string | RegExp;
  /** The first request that matches and is hit; 1 when left out. */
  occurrence?: number;
  /** How many are hit from then on; 1 when left out. */
  times?: number;
  /** For `cut`: after how many bytes. */
  atByte?: number;
}

export interface Fault {
  kind: WebHdfsFaultKind;
  /** In [0, 1): where a body is cut, how long it takes. */
  amount: number;
  atByte: number | null;
}

/** Faults by plan, then by rate. The same seed and the same order of requests give the same faults. */
export class WebHdfsFaults {
  /** Share of the requests that suffer each fault. */
  rates: Partial<Record<WebHdfsFaultKind, number>> = {};
  readonly #planned: (PlannedFault & { seenCount: number })[] = [];
  readonly #random: () => number;
  readonly counts = new Map<WebHdfsFaultKind, number>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  plan(...faults: PlannedFault[]): void {
    for (const fault of faults) this.#planned.push({ ...fault, seenCount: 0 });
  }

  pick(request: WebHdfsRequest): Fault | null {
    const planned = this.#pickPlanned(request);
    const kind = planned?.kind ?? this.#pickRandom(request);
    if (!kind) return null;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return { kind, amount: this.#random(), atByte: planned?.atByte ?? null };
  }

  #pickPlanned(request: WebHdfsRequest): PlannedFault | null {
    let hit: PlannedFault | null = null;
    for (const fault of this.#planned) {
      if (!matches(fault, request)) continue;
      const first = fault.occurrence ?? 1;
      fault.seenCount++;
      if (fault.seenCount >= first && fault.seenCount < first + (fault.times ?? 1)) hit ??= fault;
    }
    return hit;
  }

  #pickRandom(request: WebHdfsRequest): WebHdfsFaultKind | null {
    let at = this.#random();
    for (const [kind, rate] of Object.entries(this.rates) as [WebHdfsFaultKind, number][]) {
      if (!applies(kind, request)) continue;
      if (at < rate) return kind;
      at -= rate;
    }
    return null;
  }
}

function matches(fault: PlannedFault, request: WebHdfsRequest): boolean {
  if (!applies(fault.kind, request)) return false;
  if (fault.server && fault.server !== request.server) return false;
  if (fault.op && fault.op !== request.op) return false;
  if (fault.path === undefined) return true;
  return typeof fault.path === 'string' ? fault.path === request.path : fault.path.test(request.path);
}

function applies(kind: WebHdfsFaultKind, { server, op }: WebHdfsRequest): boolean {
  const isTransfer = op === 'CREATE' || op === 'OPEN';
  if (kind === 'dead-datanode' || kind === 'no-datanode') return server === 'name-node' && isTransfer;
  if (kind === 'cut') return server === 'data-node';
  if (kind === 'no-block') return server === 'data-node' && op === 'CREATE';
  if (kind === 'quota') return op === 'MKDIRS' || (server === 'data-node' && op === 'CREATE');
  if (kind === 'safe-mode')
    return op === 'RENAME' || op === 'DELETE' || op === 'MKDIRS' || (server === 'data-node' && op === 'CREATE');
  return true;
}
