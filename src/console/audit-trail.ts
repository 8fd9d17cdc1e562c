import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, describeError, type Logger, stringifyJson } from '../shared/index.ts';
import type { AuditEntry } from './answers.ts';
import type { Person } from './auth/accounts.ts';

export type AuditSubject = Pick<AuditEntry, 'action' | 'target' | 'reason' | 'from'> & { person: Person };

const keptEntries = 500;

/**
 * Who did what and when. Every entry goes to the log, and to a file (NDJSON, only ever appended to) where one is named; the
 * newest are kept for the console's own page. An action whose entry cannot be written is not done.
 */
export class AuditTrail {
  readonly #path: string | null;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #newest: AuditEntry[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor({ path, clock, logger }: { path: string | null; clock: Clock; logger: Logger }) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Newest first. */
  get newest(): readonly AuditEntry[] {
    return this.#newest.toReversed();
  }

  /** Does the work between its two lines; gives back what it gives. */
  async around<T>(subject: AuditSubject, work: () => Promise<T>): Promise<T> {
    await this.write(subject, 'asked', '');
    try {
      const result = await work();
      await this.write(subject, 'done', stringifyJson(result)?.slice(0, 1000) ?? '');
      return result;
    } catch (error) {
      await this.write(subject, 'failed', describeError(error));
      throw error;
    }
  }

  async write({ person, ...subject }: AuditSubject, outcome: AuditEntry['outcome'], detail: string): Promise<void> {
    const at = new Date(this.#clock.nowMs()).toISOString();
    const entry: AuditEntry = { at, who: person.name, role: person.role, ...subject, outcome, detail };
    this.#newest.push(entry);
    if (this.#newest.length > keptEntries) this.#newest.shift();
    this.#logger.info(entry, 'OperatorActed');
    if (this.#path === null) return;
    const path = this.#path;
    const written = this.#writing.then(async () => {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, `${stringifyJson(entry)}\n`);
    });
    this.#writing = written.catch(() => {});
    await written;
  }
}
