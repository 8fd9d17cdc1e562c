// kafka-python (pure Python) and confluent-kafka (librdkafka) against our broker; the scripts are in clients/.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { peerPython } from '../support/peers.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker();
});

afterAll(async () => await broker.stop());

async function run(script: string): Promise<Record<string, unknown>> {
  const output = await peerPython([fileURLToPath(new URL(`clients/${script}`, import.meta.url)), broker.bootstrap]);
  return JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, unknown>;
}

it('kafka-python writes with every codec, shares a group, takes over, commits and finds offsets by time', async () => {
  expect(await run('kafka_python_client.py')).toEqual({
    shared: true,
    taken_over: true,
    all_seen: true,
    one_place_each: true,
    committed_to_the_end: true,
    by_time: [1, 2000],
  });
});

it('confluent-kafka does so too, idempotent and with cooperative rebalances, and is refused transactions at once', async () => {
  expect(await run('confluent_kafka_client.py')).toEqual({
    retention: '604800000',
    failed: [],
    alone: true,
    shared: true,
    taken_over: true,
    all_seen: true,
    one_place_each: true,
    by_time: 1,
    watermarks: [0, 3],
    committed_to_the_end: true,
    transactions: 'refused at once',
  });
});
