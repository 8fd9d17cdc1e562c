// kcat (librdkafka) against our broker.
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker({ defaultPartitions: 3 });
});

afterAll(async () => await broker.stop());

/** Runs kcat to its end; resolves to what it printed. */
async function kcat(args: string[], input = ''): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = execFile(
      'kcat',
      ['-b', broker.bootstrap, ...args],
      { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
      (error, stdout, stderr) =>
        error ? reject(new Error(`kcat ${args.join(' ')}: ${stderr}`, { cause: error })) : resolve(stdout),
    );
    child.stdin?.end(input);
  });
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('kcat', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'writes and reads back 5,000 messages with codec %s',
    async (codec) => {
      const sent = Array.from({ length: 5_000 }, (_, i) => `${codec} message ${i}`);
      await kcat(['-P', '-t', `codec-${codec}`, '-z', codec, '-X', 'acks=all'], sent.join('\n'));
      const read = lines(await kcat(['-C', '-t', `codec-${codec}`, '-e', '-q']));
      expect(read.sort()).toEqual(sent.sort());
    },
  );

  it('keeps keys, headers and tombstones', async () => {
    await kcat(['-P', '-t', 'shapes', '-p', '0', '-K', ':', '-Z', '-H', 'h=1'], 'a:x\nb:\n');
    const read = lines(await kcat(['-C', '-t', 'shapes', '-p', '0', '-e', '-q', '-f', '%o|%k|%S|%h\\n']));
    expect(read).toEqual(['0|a|1|h=1', '1|b|-1|h=1']);
  });

  it('reads from a time on', async () => {
    await kcat(['-P', '-t', 'timed', '-p', '0'], 'early\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const betweenMs = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await kcat(['-P', '-t', 'timed', '-p', '0'], 'late\n');
    expect(lines(await kcat(['-C', '-t', 'timed', '-p', '0', '-o', `s@${betweenMs}`, '-e', '-q']))).toEqual(['late']);
    expect(lines(await kcat(['-Q', '-t', `timed:0:${betweenMs}`]))).toEqual(['timed [0] offset 1']);
  });

  it('consumes in a group and goes on where it stopped', async () => {
    await kcat(['-P', '-t', 'grouped'], 'a\nb\nc\n');
    const group = ['-G', 'kcat-group', '-X', 'auto.offset.reset=earliest', '-e', '-q', 'grouped'];
    expect(lines(await kcat(group)).sort()).toEqual(['a', 'b', 'c']);
    await kcat(['-P', '-t', 'grouped'], 'd\n');
    expect(lines(await kcat(group))).toEqual(['d']);
  });

  it('is idempotent when asked to be', async () => {
    const sent = Array.from({ length: 2_000 }, (_, i) => `m${i}`);
    await kcat(['-P', '-t', 'idempotent', '-p', '0', '-X', 'enable.idempotence=true'], sent.join('\n'));
    expect(lines(await kcat(['-C', '-t', 'idempotent', '-p', '0', '-e', '-q']))).toEqual(sent);
  });
});
