// A group member in a process of its own, so that a test can freeze it (SIGSTOP) or kill it. Arguments: brokers, group, topic,
// session timeout in ms. Prints one JSON object per event; every 50 ms `{"tick", isSuspect, generation, owned}`. The tick runs
// before any network event of a process that wakes up.
import { silentLogger } from '../../src/shared/index.ts';
import { GroupMember, KafkaCluster, type TopicPartition } from '../../src/wire/client/index.ts';

const [brokers, groupId, topic, sessionTimeoutMs] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const numbers = (partitions: readonly TopicPartition[]): number[] => partitions.map(({ partition }) => partition);

const cluster = new KafkaCluster({ brokers: [brokers!], clientId: 'frozen', logger: silentLogger });
const member = new GroupMember({
  cluster,
  groupId: groupId!,
  topics: [topic!],
  sessionTimeoutMs: Number(sessionTimeoutMs),
  heartbeatIntervalMs: 300,
  onAssigned: (partitions, generation) => say({ event: 'assigned', partitions: numbers(partitions), generation }),
  onRevoked: (partitions) => say({ event: 'revoked', partitions: numbers(partitions) }),
  onLost: (partitions) => say({ event: 'lost', partitions: numbers(partitions) }),
  onFatal: (error) => say({ event: 'fatal', message: error.message }),
});
setInterval(() => {
  const { isSuspect, generation, assignment } = member;
  say({ event: 'tick', isSuspect, generation, owned: numbers(assignment) });
}, 50);
member.start();
