// Promises of our group member against a real Apache Kafka, alone and in one group with Java members.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import {
  type AssignorName,
  GroupMember,
  type GroupMemberOptions,
  KafkaCluster,
  type TopicPartition,
} from '../../src/wire/client/index.ts';
import { kafkaTool, type PeerKafka, startKafka, waitFor } from '../support/peers.ts';

let kafka: PeerKafka;
let admin: KafkaCluster;
let topicCount = 0;

beforeAll(async () => {
  kafka = await startKafka();
  admin = connect('admin');
});

afterAll(async () => {
  await admin?.close();
  await kafka?.stop();
});

function connect(clientId: string): KafkaCluster {
  return new KafkaCluster({ brokers: [kafka.bootstrap], clientId, logger: silentLogger });
}

async function newTopic(partitions: number): Promise<string> {
  const name = `grouped-${++topicCount}`;
  await admin.createTopics([{ name, partitions }]);
  return name;
}

/** Who owns which partition right now, by what the members were told; a second owner is an error that is remembered. */
class Owners {
  readonly byPartition = new Map<number, string>();
  readonly doubles: string[] = [];
  lostCount = 0;

  take(name: string, partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) {
      const other = this.byPartition.get(partition);
      if (other !== undefined) this.doubles.push(`${partition}: ${other} and ${name}`);
      this.byPartition.set(partition, name);
    }
  }

  give(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.byPartition.delete(partition);
  }

  loads(): number[] {
    const counts = new Map<string, number>();
    for (const name of this.byPartition.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts.values()].sort((a, b) => a - b);
  }
}

interface Running {
  member: GroupMember;
  close(): Promise<void>;
}

function start(
  name: string,
  group: string,
  topic: string,
  owners: Owners,
  options: Partial<GroupMemberOptions> = {},
): Running {
  const cluster = connect(name);
  const member = new GroupMember({
    cluster,
    groupId: group,
    topics: [topic],
    heartbeatIntervalMs: 300,
    onAssigned: (partitions) => owners.take(name, partitions),
    onRevoked: async (partitions) => {
      await new Promise((resolve) => setTimeout(resolve, 30)); // a loader commits here
      owners.give(partitions);
    },
    onLost: (partitions) => {
      owners.lostCount += partitions.length;
      owners.give(partitions);
    },
    ...options,
  });
  member.start();
  return {
    member,
    close: async () => {
      await member.close();
      await cluster.close();
    },
  };
}

const settled = (owners: Owners, loads: number[]): Promise<void> =>
  waitFor(`loads of ${loads} (now ${owners.loads()})`, 60_000, () => owners.loads().join() === loads.join());

describe('members that come and go', () => {
  it.each<AssignorName>(['cooperative-sticky', 'range', 'roundrobin'])(
    'from 1 to 4 to 2 with %s: no partition ever has two owners, and the load is even',
    async (assignor) => {
      const topic = await newTopic(12);
      const owners = new Owners();
      const first = start('a', `g-${topic}`, topic, owners, { assignor });
      await settled(owners, [12]);
      const others = ['b', 'c', 'd'].map((name) => start(name, `g-${topic}`, topic, owners, { assignor }));
      await settled(owners, [3, 3, 3, 3]);
      const described = await admin.describeGroup(`g-${topic}`);
      expect(described).toMatchObject({ state: 'Stable', protocol: assignor });
      expect(described.members.map(({ partitions }) => partitions.length)).toEqual([3, 3, 3, 3]);
      await Promise.all([others[0]!.close(), others[1]!.close()]);
      await settled(owners, [6, 6]);
      await Promise.all([first.close(), others[2]!.close()]);
      expect(owners.doubles).toEqual([]);
      expect(owners.lostCount).toBe(0);
      expect((await admin.describeGroup(`g-${topic}`)).members).toEqual([]);
    },
  );

  it('added partitions are assigned without anybody restarting', async () => {
    const topic = await newTopic(2);
    const owners = new Owners();
    const one = start('a', `g-${topic}`, topic, owners, { metadataRefreshMs: 300 });
    const two = start('b', `g-${topic}`, topic, owners, { metadataRefreshMs: 300 });
    await settled(owners, [1, 1]);
    await kafkaTool('topics', [
      '--bootstrap-server',
      kafka.bootstrap,
      '--alter',
      '--topic',
      topic,
      '--partitions',
      '6',
    ]);
    await settled(owners, [3, 3]);
    expect(owners.doubles).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  it('a topic that is created after its members is assigned', async () => {
    const topic = `late-${++topicCount}`;
    const owners = new Owners();
    const one = start('a', `g-${topic}`, topic, owners, { metadataRefreshMs: 300 });
    await waitFor('the empty assignment', 30_000, () => one.member.generation > 0);
    await admin.createTopics([{ name: topic, partitions: 3 }]);
    await settled(owners, [3]);
    await one.close();
  });
});

describe('in one group with Java members', () => {
  const javaAssignors: [string, AssignorName][] = [
    ['org.apache.kafka.clients.consumer.CooperativeStickyAssignor', 'cooperative-sticky'],
    ['org.apache.kafka.clients.consumer.RangeAssignor', 'range'],
  ];

  it.each(javaAssignors)('with %s, every partition has one owner, whoever leads', async (javaAssignor, assignor) => {
    const topic = await newTopic(6);
    const group = `mixed-${topic}`;
    const owners = new Owners();
    const ours = start('ours', group, topic, owners, { assignor });
    await settled(owners, [6]);
    const java = spawn(
      fileURLToPath(new URL('../peers/kafka/tool', import.meta.url)),
      [
        'console-consumer',
        '--bootstrap-server',
        kafka.bootstrap,
        '--topic',
        topic,
        '--group',
        group,
        '--consumer-property',
        `partition.assignment.strategy=${javaAssignor}`,
      ],
      { stdio: 'ignore' },
    );
    try {
      await settled(owners, [3]); // we lead, and Java follows
      await expectShared(group, 6);
      await ours.close(); // Java leads the next generations
      await waitFor('the Java member to have all', 60_000, async () => (await sharesOf(group)).join() === '6');
      const again = start('again', group, topic, owners, { assignor });
      await settled(owners, [3]);
      await expectShared(group, 6);
      await again.close();
    } finally {
      java.kill('SIGKILL');
    }
  });

  async function sharesOf(group: string): Promise<number[]> {
    return (await admin.describeGroup(group)).members.map(({ partitions }) => partitions.length).sort();
  }

  async function expectShared(group: string, partitionCount: number): Promise<void> {
    await waitFor('two members with half each', 60_000, async () => (await sharesOf(group)).join() === '3,3');
    const { members } = await admin.describeGroup(group);
    const owned = members.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));
    expect(new Set(owned).size).toBe(partitionCount);
  }
});

describe('trouble', () => {
  it('a broker that is killed and restarted under a member: it keeps what it owns and commits again', async () => {
    const topic = await newTopic(4);
    const owners = new Owners();
    const one = start('a', `g-${topic}`, topic, owners, { sessionTimeoutMs: 45_000 });
    await settled(owners, [4]);
    await one.member.commit([{ topic, partition: 2, offset: 5n }]);
    await kafka.kill('kafka');
    await kafka.start('kafka');
    await kafka.waitUntilReady();
    await waitFor('a commit after the restart', 60_000, () =>
      one.member.commit([{ topic, partition: 2, offset: 9n }]).then(
        () => true,
        () => false,
      ),
    );
    expect(await admin.fetchOffsets(`g-${topic}`)).toEqual([expect.objectContaining({ partition: 2, offset: 9n })]);
    expect(owners.loads()).toEqual([4]);
    expect(await one.member.isMember(one.member.generation)).toBe(true);
    await one.close();
  });

  it('a frozen process knows nothing for certain when it wakes, and then finds out that it lost everything', async () => {
    const topic = await newTopic(2);
    const group = `frozen-${topic}`;
    const frozen = new MemberProcess(kafka.bootstrap, group, topic, 6_000);
    try {
      await waitFor('its assignment', 60_000, () => frozen.events.some(({ event }) => event === 'assigned'));
      const owners = new Owners();
      frozen.child.kill('SIGSTOP');
      const heir = start('heir', group, topic, owners, { sessionTimeoutMs: 6_000 });
      await settled(owners, [2]);
      const seen = frozen.events.length;
      frozen.child.kill('SIGCONT');
      await waitFor('the news of the loss', 30_000, () => frozen.events.some(({ event }) => event === 'lost'));
      const afterwards = frozen.events.slice(seen);
      expect(afterwards[0]).toMatchObject({ event: 'tick', isSuspect: true, owned: [0, 1] });
      const untilLost = afterwards.slice(
        0,
        afterwards.findIndex(({ event }) => event === 'lost'),
      );
      expect(
        untilLost.every(({ event, isSuspect, owned }) => event === 'tick' && (isSuspect || owned?.length === 0)),
      ).toBe(true);
      expect(afterwards.find(({ event }) => event === 'lost')).toMatchObject({ partitions: [0, 1] });
      expect(owners.lostCount).toBe(0);
      await heir.close();
    } finally {
      frozen.child.kill('SIGKILL');
    }
  });
});

interface MemberEvent {
  event: string;
  partitions?: number[];
  isSuspect?: boolean;
  owned?: number[];
}

/** test/support/group-member-process.ts in a process of its own. */
class MemberProcess {
  readonly child: ChildProcess;
  readonly events: MemberEvent[] = [];

  constructor(brokers: string, group: string, topic: string, sessionTimeoutMs: number) {
    const script = fileURLToPath(new URL('../support/group-member-process.ts', import.meta.url));
    const args = ['--import', 'tsx', script, brokers, group, topic, String(sessionTimeoutMs)];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line) as MemberEvent);
    });
  }
}
