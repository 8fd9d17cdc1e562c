/**
 * A seeded world around one partition's chain: incarnations of a loader that claim, commit and move files over one
 * `MemoryDisk`, a group coordinator that moves the partition between them, and a scheduler that decides whose file call is
 * carried out next. Members freeze and wake, crash, lose answers; calls of the dead arrive late.
 */
import {
  type ChainState,
  type CommitInput,
  FencedError,
  LedgerError,
  type LedgerOwner,
  PartitionChain,
} from '../../../src/offsets/index.ts';
import type { Clock } from '../../../src/shared/index.ts';
import { type CallFault, CrashedError, type FileCall, MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { stageFile, topicId } from './chain-fixture.ts';

export const place = { table: 'events', topic: 'events', topicId, partition: 3 };

interface Waiter {
  member: Member;
  go: () => void;
}

export interface WorldOptions {
  /** Members that exist before the partition settles with the last one. */
  memberCount: number;
  eraRecords: number;
  /** Chance of each fault per file call. */
  faultRate: number;
  crashRate: number;
  /** File calls after which the world calms down. */
  chaosSteps: number;
}

/** One incarnation of a loader. */
export class Member {
  readonly owner: LedgerOwner;
  readonly files: MemoryFiles;
  isFrozen = false;
  hasEnded = false;
  hasCrashed = false;
  /** Sequences of the commits that were reported as done. */
  readonly acknowledged: number[] = [];
  error: unknown = null;

  constructor(world: World, name: string, generation: number) {
    this.owner = { clusterId: 'c', group: 'loaders', member: name, generation, host: name };
    this.files = new MemoryFiles(world.disk, {
      turn: () => world.turn(this),
      fault: (call) => world.faultFor(call),
    });
  }
}

export class World {
  readonly disk = new MemoryDisk();
  readonly random: () => number;
  readonly members: Member[] = [];
  readonly #options: WorldOptions;
  #waiters: Waiter[] = [];
  #generation = 0;
  #steps = 0;
  #serial = 0;
  rightful: Member | null = null;

  constructor(seed: number, options: WorldOptions) {
    this.random = seededRandom(seed);
    this.#options = options;
  }

  get isCalm(): boolean {
    return this.#steps > this.#options.chaosSteps;
  }

  /** Waits until the scheduler picks this member. */
  turn(member: Member): Promise<void> {
    return new Promise((resolve) => this.#waiters.push({ member, go: resolve }));
  }

  faultFor(_call: FileCall): CallFault {
    if (this.isCalm) return 'none';
    const { faultRate, crashRate } = this.#options;
    const faults: CallFault[] = ['lost-before', 'lost-after', 'delayed', 'partial'];
    if (this.random() < crashRate) return this.random() < 0.5 ? 'crash-before' : 'crash-after';
    return this.random() < faultRate ? faults[Math.floor(this.random() * faults.length)]! : 'none';
  }

  clockFor(member: Member): Clock {
    return { nowMs: () => this.disk.nowMs, monotonicMs: () => 0, sleep: () => this.turn(member) };
  }

  unique = (): string => `u${(this.#serial++).toString(36)}`;

  /** Runs until every member has ended. */
  async run(): Promise<void> {
    this.#rebalance();
    while (this.members.some((member) => !member.hasEnded)) {
      await new Promise((resolve) => setImmediate(resolve)); // everybody either waits for a turn or has ended
      this.#happen();
      const awake = this.#waiters.filter(({ member }) => !member.isFrozen);
      if (awake.length === 0) for (const member of this.members) member.isFrozen = false;
      const next = awake[Math.floor(this.random() * awake.length)];
      if (!next) continue;
      this.#waiters = this.#waiters.filter((waiter) => waiter !== next);
      this.#steps++;
      this.disk.nowMs += 1000;
      next.go();
    }
    while (this.disk.delayedCount > 0) this.disk.runDelayed();
  }

  #happen(): void {
    const live = this.members.filter((member) => !member.hasEnded);
    if (this.disk.delayedCount > 0 && this.random() < 0.05) {
      this.disk.runDelayed(Math.floor(this.random() * this.disk.delayedCount));
    }
    if (!this.isCalm && live.length > 0 && this.random() < 0.03) {
      const member = live[Math.floor(this.random() * live.length)]!;
      member.isFrozen = !member.isFrozen;
    }
    const mustMove = this.rightful?.hasEnded ?? true;
    const mayMove = this.members.length < this.#options.memberCount && this.random() < 0.02;
    if ((mustMove && !this.isCalm) || mayMove) this.#rebalance();
  }

  /** The group gives the partition to a new member; those before may not have noticed. */
  #rebalance(): void {
    const member = new Member(this, `m${this.members.length + 1}`, ++this.#generation);
    this.members.push(member);
    this.rightful = member;
    void this.#live(member);
  }

  /** What the coordinator answers; the answer takes its time to arrive. */
  #confirm = async (member: Member): Promise<boolean> => {
    await this.turn(member);
    const answer = this.rightful === member;
    await this.turn(member);
    return answer;
  };

  async #live(member: Member): Promise<void> {
    try {
      const chain = await this.#open(member);
      let commits = 0;
      let state: ChainState | null = null;
      while (!this.isCalm || commits < 2) {
        try {
          if (!chain.isOwner) {
            state = await this.#own(chain, member, state);
            if (!state) break;
          }
          await this.#roll(chain, member);
          commits++;
        } catch (error) {
          if (error instanceof CrashedError) throw error;
          if (!isExpected(error)) throw error;
        }
      }
    } catch (error) {
      member.hasCrashed = error instanceof CrashedError;
      if (!member.hasCrashed && !isExpected(error)) member.error = error;
    } finally {
      member.hasEnded = true;
    }
  }

  async #open(member: Member): Promise<PartitionChain> {
    for (;;) {
      try {
        return await PartitionChain.open(member.files, place, {
          clock: this.clockFor(member),
          unique: this.unique,
          eraRecords: this.#options.eraRecords,
          pruneGraceMs: 0,
          retryMs: 1,
          claimAttempts: 1000,
        });
      } catch (error) {
        if (!isExpected(error)) throw error;
      }
    }
  }

  async #own(chain: PartitionChain, member: Member, before: ChainState | null): Promise<ChainState | null> {
    const confirm = (): Promise<boolean> => this.#confirm(member);
    if (before) return await chain.reclaimIfStillOwner(confirm);
    try {
      return await chain.claim(member.owner, { startOffset: 0n, confirmMembership: confirm });
    } catch (error) {
      if (error instanceof FencedError) return null;
      throw error;
    }
  }

  async #roll(chain: PartitionChain, member: Member): Promise<void> {
    const count = 1 + Math.floor(this.random() * 3);
    const input: CommitInput = await stageFile(member.files, chain, count, this.unique());
    const record = await chain.commit(input);
    member.acknowledged.push(record.sequence);
    await chain.finishMoves();
    await chain.turnEraIfDue();
  }
}

/** Lost answers and lost races; anything else is a bug. */
function isExpected(error: unknown): boolean {
  if (error instanceof LedgerError) return ['fenced', 'in-doubt', 'contended', 'file-mismatch'].includes(error.code);
  return error instanceof Error && ['uncertain', 'already-exists'].includes((error as { code?: string }).code ?? '');
}
