import { ClassicGroup } from '../../../../src/log/coordinator/classic-group.ts';
import type {
  GroupLimits,
  GroupMetadata,
  JoinInput,
  JoinResult,
  SyncResult,
} from '../../../../src/log/coordinator/group-types.ts';
import { errorByCode } from '../../../../src/wire/index.ts';

export const testLimits: GroupLimits = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 60_000,
  initialRebalanceDelayMs: 100,
  maxGroupSize: 100,
  maxGroupBytes: 100_000,
};

/** An answer that may still be to come. */
export interface Pending<T extends { errorCode: number }> {
  result: T | null;
}

/** A group with a clock that the test moves, and a store that the test may hold back. */
export class GroupHarness {
  readonly group: ClassicGroup;
  readonly persisted: GroupMetadata[] = [];
  nowMs = 1_000_000;
  /** While true, `persist` calls wait in `held`. */
  holdsPersist = false;
  readonly held: ((errorCode: number) => void)[] = [];
  #nextId = 0;

  constructor(limits: Partial<GroupLimits> = {}) {
    this.group = new ClassicGroup(
      'g',
      { ...testLimits, ...limits },
      {
        newMemberId: (prefix) => `${prefix}-${++this.#nextId}`,
        persist: (metadata, done) => {
          this.persisted.push(metadata);
          if (this.holdsPersist) this.held.push(done);
          else done(0);
        },
      },
    );
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.group.tick(this.nowMs);
  }

  join(options: Partial<JoinInput> & { protocolNames?: string[] } = {}): Pending<JoinResult> {
    const { protocolNames = ['range'], ...input } = options;
    const pending: Pending<JoinResult> = { result: null };
    this.group.join(
      {
        memberId: '',
        instanceId: null,
        clientId: 'c',
        clientHost: '127.0.0.1',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 20_000,
        protocolType: 'consumer',
        protocols: protocolNames.map((name) => ({ name, metadata: Buffer.from(`subscription ${name}`) })),
        requiresKnownMemberId: false,
        supportsSkippingAssignment: true,
        ...input,
      },
      this.nowMs,
      (result) => {
        if (pending.result) throw new Error('a join was answered twice');
        pending.result = result;
      },
    );
    return pending;
  }

  sync(
    member: { memberId: string; generation: number; instanceId?: string | null },
    assignments: Record<string, string> = {},
  ): Pending<SyncResult> {
    const pending: Pending<SyncResult> = { result: null };
    this.group.sync(
      {
        memberId: member.memberId,
        instanceId: member.instanceId ?? null,
        generation: member.generation,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([memberId, text]) => ({
          memberId,
          assignment: Buffer.from(text),
        })),
      },
      this.nowMs,
      (result) => {
        if (pending.result) throw new Error('a sync was answered twice');
        pending.result = result;
      },
    );
    return pending;
  }

  heartbeat(memberId: string, generation = this.group.generation, instanceId: string | null = null): string {
    return errorByCode(this.group.heartbeat({ memberId, instanceId }, generation, this.nowMs)).name;
  }

  /** So many members in a stable group, everybody with its assignment. Answers their ids. */
  stable(memberCount: number, options: (index: number) => Partial<JoinInput> = () => ({})): string[] {
    const joins = Array.from({ length: memberCount }, (_, index) => this.join(options(index)));
    // The first rebalance waits for more members as long as some come.
    while (this.group.state === 'PreparingRebalance') this.advance(testLimits.initialRebalanceDelayMs);
    const ids = joins.map((pending) => pending.result!.memberId);
    const generation = this.group.generation;
    const leader = joins[0]!.result!.leader;
    this.sync(
      { memberId: leader, generation, instanceId: options(0).instanceId ?? null },
      Object.fromEntries(ids.map((id) => [id, `part of ${id}`])),
    );
    for (const [index, id] of ids.entries()) {
      if (id !== leader) this.sync({ memberId: id, generation, instanceId: options(index).instanceId ?? null });
    }
    if (this.group.state !== 'Stable') throw new Error(`expected a stable group, got ${this.group.state}`);
    return ids;
  }
}

export function errorName(pending: Pending<{ errorCode: number }>): string {
  return pending.result ? errorByCode(pending.result.errorCode).name : '(no answer yet)';
}
