/**
 * Random joins, syncs, heartbeats, leaves, deaths and lost answers against what must always hold:
 * - every request is answered at most once, and in the end exactly once;
 * - all members that complete a rebalance are told the same generation, protocol and leader, and only the leader the members;
 * - generations never go back, and no assignment is told in another generation than the one it was made for;
 * - a member gets what the leader of its generation gave it.
 */
import { describe, expect, it } from 'vitest';
import type { JoinResult, SyncResult } from '../../../../src/log/coordinator/group-types.ts';
import { errorCodes } from '../../../../src/wire/index.ts';
import { GroupHarness, type Pending } from './group-harness.ts';

interface Client {
  instanceId: string | null;
  memberId: string;
  generation: number;
  joining: Pending<JoinResult> | null;
  syncing: Pending<SyncResult> | null;
  isAssigned: boolean;
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Simulation {
  readonly h: GroupHarness;
  readonly clients: Client[] = [];
  readonly told = new Map<number, { protocolName: string; leader: string }>();
  readonly given = new Map<number, Map<string, string>>();
  readonly random: () => number;
  highest = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.h = new GroupHarness({ initialRebalanceDelayMs: this.random() < 0.5 ? 0 : 150, maxGroupSize: 8 });
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  step(): void {
    const action = this.random();
    if (this.clients.length === 0 || (action < 0.12 && this.clients.length < 7)) this.addClient();
    const client = this.pick(this.clients);
    if (action < 0.55) this.actAsClient(client);
    else if (action < 0.62) this.leave(client);
    else if (action < 0.68) this.die(client);
    else if (action < 0.74) this.loseAnswer(client);
    else if (action < 0.8) this.togglePersist();
    else this.h.advance(Math.floor(this.random() * this.pick([50, 500, 4_000])));
    this.readAnswers();
  }

  addClient(): void {
    const instanceId = this.random() < 0.3 ? `static-${Math.floor(this.random() * 3)}` : null;
    this.clients.push({ instanceId, memberId: '', generation: -1, joining: null, syncing: null, isAssigned: false });
  }

  actAsClient(client: Client): void {
    if (client.joining || client.syncing) return;
    if (client.generation < 0) this.join(client);
    else if (!client.isAssigned) this.sync(client);
    else this.heartbeat(client);
  }

  heartbeat(client: Client): void {
    const answer = this.h.heartbeat(client.memberId, client.generation, client.instanceId);
    if (answer === 'NONE') return;
    if (answer !== 'REBALANCE_IN_PROGRESS' && answer !== 'ILLEGAL_GENERATION') client.memberId = '';
    this.reset(client);
  }

  join(client: Client): void {
    client.joining = this.h.join({
      memberId: client.memberId,
      instanceId: client.instanceId,
      requiresKnownMemberId: client.instanceId === null && this.random() < 0.5,
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: this.pick([2_000, 8_000]),
      protocolNames: this.pick([['range'], ['range', 'sticky'], ['sticky', 'range']]),
      supportsSkippingAssignment: this.random() < 0.5,
    });
  }

  sync(client: Client): void {
    const { memberId, generation, instanceId } = client;
    const isLeader = this.told.get(generation)?.leader === memberId;
    const assignments = isLeader && !this.given.has(generation) ? this.assign(generation) : {};
    client.syncing = this.h.sync({ memberId, generation, instanceId }, assignments);
  }

  assign(generation: number): Record<string, string> {
    const members = this.h.group.describe().members.map((member) => member.memberId);
    const assignments = Object.fromEntries(members.map((id) => [id, `${generation}:${id}`]));
    if (this.h.group.generation === generation) this.given.set(generation, new Map(Object.entries(assignments)));
    return assignments;
  }

  leave(client: Client): void {
    if (client.joining || client.syncing) return;
    this.h.group.leave([{ memberId: client.memberId, instanceId: client.instanceId }], this.h.nowMs);
    this.drop(client);
  }

  /** Its process is gone: nobody reads what it is still told. */
  die(client: Client): void {
    this.drop(client);
  }

  /** A static member that restarts, or any member whose answer got lost on the way and which asks again. */
  loseAnswer(client: Client): void {
    if (client.instanceId !== null && this.random() < 0.5) client.memberId = '';
    client.joining = null;
    client.syncing = null;
    this.reset(client);
  }

  togglePersist(): void {
    this.h.holdsPersist = !this.h.holdsPersist;
    const held = this.h.held.splice(0);
    for (const done of held) done(this.random() < 0.1 ? errorCodes.COORDINATOR_NOT_AVAILABLE : errorCodes.NONE);
  }

  drop(client: Client): void {
    this.clients.splice(this.clients.indexOf(client), 1);
  }

  reset(client: Client): void {
    client.generation = -1;
    client.isAssigned = false;
  }

  readAnswers(): void {
    for (const client of this.clients) {
      if (client.joining?.result) this.readJoin(client, client.joining.result);
      if (client.syncing?.result) this.readSync(client, client.syncing.result);
    }
    expect(this.h.group.generation).toBeGreaterThanOrEqual(this.highest);
    this.highest = this.h.group.generation;
  }

  readJoin(client: Client, result: JoinResult): void {
    client.joining = null;
    if (result.errorCode === errorCodes.MEMBER_ID_REQUIRED) {
      client.memberId = result.memberId;
      return;
    }
    if (result.errorCode !== errorCodes.NONE) {
      if (result.errorCode !== errorCodes.REBALANCE_IN_PROGRESS) client.memberId = '';
      return;
    }
    client.memberId = result.memberId;
    client.generation = result.generation;
    client.isAssigned = false;
    const known = this.told.get(result.generation);
    const isLeader = result.leader === result.memberId;
    if (known) expect(result.protocolName).toBe(known.protocolName);
    else this.told.set(result.generation, { protocolName: result.protocolName!, leader: result.leader });
    if (!isLeader) expect(result.members).toEqual([]);
    if (isLeader && result.members.length > 0) {
      expect(result.members.map((member) => member.memberId)).toContain(client.memberId);
    }
  }

  readSync(client: Client, result: SyncResult): void {
    client.syncing = null;
    if (result.errorCode !== errorCodes.NONE) {
      if (result.errorCode !== errorCodes.REBALANCE_IN_PROGRESS) client.memberId = '';
      this.reset(client);
      return;
    }
    client.isAssigned = true;
    const text = result.assignment.toString();
    if (text !== '') expect(text.split(':')[0]).toBe(String(client.generation));
  }

  /** Everybody behaves and nothing is lost any more: the group must come to rest with all of them in it. */
  settle(): void {
    this.h.holdsPersist = false;
    for (const done of this.h.held.splice(0)) done(errorCodes.NONE);
    const seen = new Set<string>();
    for (const client of [...this.clients]) {
      // Two processes under one instance id would fence each other for ever.
      if (client.instanceId !== null && seen.size === seen.add(client.instanceId).size) this.drop(client);
    }
    for (let round = 0; round < 400; round++) {
      for (const client of this.clients) this.actAsClient(client);
      this.h.advance(200);
      this.readAnswers();
    }
  }
}

describe('a group under random clients', () => {
  const firstSeed = Number(process.env['SLUICE_SEED'] ?? 20_261_121);
  it.each(Array.from({ length: 60 }, (_, i) => firstSeed + i))(
    'keeps its promises and comes to rest (seed %i)',
    (seed) => {
      const simulation = new Simulation(seed);
      for (let step = 0; step < 1_500; step++) simulation.step();
      simulation.settle();
      const { group } = simulation.h;
      if (simulation.clients.length === 0) {
        expect(group.state).toBe('Empty');
        return;
      }
      expect(group.state).toBe('Stable');
      expect(simulation.clients.every((client) => client.isAssigned && client.generation === group.generation)).toBe(
        true,
      );
      expect(
        group
          .describe()
          .members.map((member) => member.memberId)
          .sort(),
      ).toEqual(simulation.clients.map((client) => client.memberId).sort());
    },
  );
});
