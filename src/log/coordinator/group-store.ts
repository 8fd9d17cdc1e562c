/**
 * What the log of the coordinator says: the record of each group, and its commits. Nothing is in here that is not durable;
 * changes go to the log first and come back through it.
 */
import type { CommittedOffset } from './committed-offsets.ts';
import { CommittedOffsets } from './committed-offsets.ts';
import { CoordinatorLog, type CoordinatorLogOptions } from './coordinator-log.ts';
import type { CoordinatorFact, StoredGroup } from './coordinator-records.ts';

export interface GroupStoreOptions extends Omit<CoordinatorLogOptions, 'apply' | 'liveFacts'> {
  /** Called after each fact of a group has been applied. `isKnown`: something of the group is left. */
  readonly onApplied: (groupId: string, isKnown: boolean) => void;
}

const noOffsets = new CommittedOffsets();

export class GroupStore {
  readonly #log: CoordinatorLog;
  readonly #onApplied: GroupStoreOptions['onApplied'];
  readonly #stored = new Map<string, StoredGroup>();
  readonly #offsets = new Map<string, CommittedOffsets>();

  constructor(options: GroupStoreOptions) {
    this.#onApplied = options.onApplied;
    this.#log = new CoordinatorLog({
      ...options,
      apply: (fact) => this.#apply(fact),
      liveFacts: () => this.#liveFacts(),
    });
  }

  /** Reads everything; answers how many records that were. */
  async load(): Promise<number> {
    return (await this.#log.replay()).facts;
  }

  /** Resolves when the facts are durable and can be seen here. Throws LogError when the log refuses them. */
  async append(facts: readonly CoordinatorFact[]): Promise<void> {
    await this.#log.append(facts);
  }

  has(groupId: string): boolean {
    return this.#stored.has(groupId) || this.#offsets.has(groupId);
  }

  stored(groupId: string): StoredGroup | undefined {
    return this.#stored.get(groupId);
  }

  storedGroups(): IterableIterator<[string, StoredGroup]> {
    return this.#stored.entries();
  }

  offsets(groupId: string): CommittedOffsets {
    return this.#offsets.get(groupId) ?? noOffsets;
  }

  /** Groups with something on its way to the disk. */
  groupsBeingStored(): Set<string> {
    return new Set([...this.#log.pendingFacts()].map((fact) => fact.group));
  }

  /** Deletions for every commit of a group (in one topic), also for those that are on their way to the disk. */
  tombstones(groupId: string, topic?: string): CoordinatorFact[] {
    const keys = new Map<string, CoordinatorFact>();
    const add = (name: string, partition: number): void => {
      if (topic !== undefined && topic !== name) return;
      keys.set(`${partition} ${name}`, offsetDeletion(groupId, name, partition));
    };
    for (const entry of this.offsets(groupId).entries()) add(entry.topic, entry.partition);
    for (const fact of this.#log.pendingFacts()) {
      if (fact.kind === 'offset' && fact.group === groupId) add(fact.topic, fact.partition);
    }
    return [...keys.values()];
  }

  /** Deletions for commits of topics that have another id now, or are gone. */
  tombstonesOfLostTopics(topicIdOf: (topic: string) => string | undefined): CoordinatorFact[] {
    const facts: CoordinatorFact[] = [];
    for (const [groupId, offsets] of this.#offsets) {
      for (const { topic, partition, commit } of offsets.entries()) {
        if (topicIdOf(topic) !== commit.topicId) facts.push(offsetDeletion(groupId, topic, partition));
      }
    }
    return facts;
  }

  #apply(fact: CoordinatorFact): void {
    if (fact.kind === 'group') this.#applyGroup(fact.group, fact.stored);
    else this.#applyCommit(fact.group, fact.topic, fact.partition, fact.commit);
    this.#onApplied(fact.group, this.has(fact.group));
  }

  #applyGroup(groupId: string, stored: StoredGroup | null): void {
    if (stored) this.#stored.set(groupId, stored);
    else this.#stored.delete(groupId);
  }

  #applyCommit(groupId: string, topic: string, partition: number, commit: CommittedOffset | null): void {
    let offsets = this.#offsets.get(groupId);
    if (commit) {
      if (!offsets) this.#offsets.set(groupId, (offsets = new CommittedOffsets()));
      offsets.set(topic, partition, commit);
    } else if (offsets?.delete(topic, partition) && offsets.isEmpty) {
      this.#offsets.delete(groupId);
    }
  }

  *#liveFacts(): Generator<CoordinatorFact> {
    for (const [group, stored] of this.#stored) yield { kind: 'group', group, stored };
    for (const [group, offsets] of this.#offsets) {
      for (const entry of offsets.entries()) yield { kind: 'offset', group, ...entry };
    }
  }
}

export function offsetDeletion(group: string, topic: string, partition: number): CoordinatorFact {
  return { kind: 'offset', group, topic, partition, commit: null };
}

export function groupDeletion(group: string): CoordinatorFact {
  return { kind: 'group', group, stored: null };
}
