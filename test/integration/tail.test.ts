// Promises of `sluice tail`: every line once, whatever happens to the files, to the process and to the broker.
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTail, type TailOptions, type TailReport } from '../../src/ingest/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { waitFor } from '../support/peers.ts';
import { readTopic } from '../support/read-topic.ts';
import { RotatingLog } from '../support/rotating-log.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let broker: TestBroker;
let cluster: KafkaCluster;
let root: string;
let folderCount = 0;

beforeAll(async () => {
  broker = await startTestBroker();
  root = mkdtempSync(join(tmpdir(), 'sluice-tail-'));
  cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'test', logger: silentLogger });
});

afterAll(async () => {
  await cluster.close();
  await broker.stop();
  rmSync(root, { recursive: true, force: true });
});

interface Place {
  topic: string;
  folder: string;
  path: string;
  /** For the command line. */
  args: string[];
}

async function place(topic: string, partitions = 1): Promise<Place> {
  const folder = join(root, String(++folderCount));
  mkdirSync(folder);
  await cluster.createTopics([{ name: topic, partitions }]);
  const args = ['--topic', topic, '--brokers', broker.bootstrap, '--state', join(folder, 'state'), '--poll', '20ms'];
  return { topic, folder, path: join(folder, 'app.log'), args };
}

/** In this process, up to the end of the files if nothing else is asked for. */
function tail({ topic, folder, path }: Place, changes: Partial<TailOptions> = {}): Promise<TailReport> {
  return runTail({
    cluster,
    topic,
    patterns: [path],
    stateFolder: join(folder, 'state'),
    fromEnd: false,
    untilEnd: true,
    wrap: false,
    compression: 'none',
    batchBytes: 512 * 1024,
    maxLineBytes: 128 * 1024,
    pollMs: 10,
    rotateWaitMs: 5000,
    saveEveryMs: 1000,
    metrics: null,
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
    ...changes,
  });
}

const small = { batchBytes: 16 * 1024, maxLineBytes: 4096 };
const smallArgs = ['--batch', '16KB', '--max-line', '4KB'];

const valuesOf = async ({ topic }: Place): Promise<string[]> =>
  (await readTopic(cluster, topic)).map(({ value }) => value);

const untilSent = (where: Place, count: number): Promise<void> =>
  waitFor(`${count} lines in ${where.topic}`, 60_000, async () => (await valuesOf(where)).length >= count);

/** Which of the numbered lines are not there, and which are there more than once. */
async function difference(where: Place, log: RotatingLog): Promise<{ missing: number[]; repeated: number[] }> {
  const counts = new Map<number, number>();
  for (const line of await valuesOf(where)) {
    const number = Number(line.split(' ')[0]);
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  const missing = log.lines.flatMap((_, number) => (counts.has(number) ? [] : [number]));
  return { missing, repeated: [...counts].filter(([, count]) => count > 1).map(([number]) => number) };
}

describe('sluice tail', () => {
  it('sends whole lines byte for byte, and goes on where it ended', async () => {
    const where = await place('whole');
    writeFileSync(where.path, 'one\r\n\ntwo {"a": 1}\nhal');
    expect(await tail(where)).toEqual({ records: 2, bytes: 19, foundInLog: 0 });
    appendFileSync(where.path, 'f\n');
    expect(await tail(where)).toMatchObject({ records: 1 });
    expect(await valuesOf(where)).toEqual(['one', 'two {"a": 1}', 'half']);
  });

  it('goes on in a file that was renamed while it was down, and begins a new one of the old name', async () => {
    const where = await place('renamed');
    writeFileSync(where.path, 'a1\na2\n');
    await tail(where);
    appendFileSync(where.path, 'a3\n');
    renameSync(where.path, `${where.path}.1`);
    writeFileSync(where.path, 'b1\n');
    await tail(where);
    expect((await valuesOf(where)).sort()).toEqual(['a1', 'a2', 'a3', 'b1']);
  });

  it('the command says what it sent; with what it cannot use it ends with exit code 2 and changes nothing', async () => {
    const where = await place('said');
    writeFileSync(where.path, 'line\n');
    const { code, stdout } = await runSluice(['tail', where.path, ...where.args, '--until-end', '--json']);
    expect(stdout).toBe(
      `ready files=1 topic=said\n${JSON.stringify({ topic: 'said', records: 1, bytes: 5, foundInLog: 0 })}\n`,
    );
    expect(code).toBe(0);
    const other = await place('said-2');
    const wrong = ['tail', where.path, ...other.args, '--state', join(where.folder, 'state')];
    expect(await runSluice(wrong)).toMatchObject({ code: 2, stderr: expect.stringContaining('found those of "said"') });
    expect(await valuesOf(other)).toEqual([]);
    await expect(tail({ ...other, topic: 'none' })).rejects.toThrow('expected an existing topic, got "none"');
  });

  it('lines longer than the limit become several records, and batches too large for the topic become smaller', async () => {
    const where = await place('long');
    await cluster.createTopics([{ name: 'narrow', partitions: 1, configs: { 'max.message.bytes': '20000' } }]);
    const lines = Array.from({ length: 200 }, (_, i) => `${i} ${'y'.repeat(1500)}`);
    writeFileSync(where.path, `${lines.join('\n')}\n${'z'.repeat(2500)}\n`);
    await tail({ ...where, topic: 'narrow' }, { maxLineBytes: 2000 });
    expect(await valuesOf({ ...where, topic: 'narrow' })).toEqual([...lines, 'z'.repeat(2000), 'z'.repeat(500)]);
  });

  it('tells file and host of a line when it is asked to wrap it', async () => {
    const where = await place('wrapped');
    writeFileSync(where.path, 'say "hi"\n');
    await tail(where, { wrap: true });
    const [value] = await valuesOf(where);
    const ts = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(JSON.parse(value!)).toEqual({ ts, host: expect.any(String), file: where.path, message: 'say "hi"' });
  });

  // The windows between a batch, its answer and the positions on disk, each hit on purpose.
  it.each(['tail-batch-to-send#2', 'tail-batch-acknowledged#3', 'tail-positions-written#4'])(
    'killed at %s it sends nothing twice and leaves nothing out',
    async (fault) => {
      const where = await place(`killed-${fault.replace('#', '-')}`);
      const lines = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(300)}`);
      writeFileSync(where.path, `${lines.join('\n')}\n`);
      const command = ['tail', where.path, ...where.args, ...smallArgs, '--until-end'];
      const killed = await runSluice(command, { env: { SLUICE_FAULT: `${fault}=kill` } });
      expect(killed.code).not.toBe(0);
      await tail(where, small);
      expect(await valuesOf(where)).toEqual(lines);
    },
  );

  it('killed again and again under a log that is renamed, copied and truncated, it sends every line once', async () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? 11);
    const rounds = process.env['SLUICE_FULL'] ? 60 : 3;
    const random = seededRandom(seed);
    const where = await place('killed-often', 2);
    const log = new RotatingLog(where.folder, random);
    const pattern = `${where.path}*`;
    for (let round = 0; round < rounds; round++) {
      const running = new SluiceProcess(['tail', pattern, ...where.args, ...smallArgs]);
      await running.waitFor(/^ready /m, 60_000);
      await log.live(2 + Math.floor(random() * 4), 60);
      running.child.kill('SIGKILL');
      await running.finished;
      log.rotateUnseen();
    }
    log.finish();
    await tail({ ...where, path: pattern });
    expect({ seed, ...(await difference(where, log)) }).toEqual({ seed, missing: [], repeated: [] });
  });

  it('cut off in the middle of a batch at random, it finds its place in the log and sends every line once', async () => {
    const first = Number(process.env['SLUICE_SEED'] ?? 11);
    const seeds = process.env['SLUICE_FULL'] ? 200 : 2;
    for (let seed = first; seed < first + seeds; seed++) {
      const random = seededRandom(seed);
      const where = await place(`cut-${seed}`, 2);
      const log = new RotatingLog(where.folder, random);
      const pattern = { ...where, path: `${where.path}*` };
      for (let round = 0; round < 5; round++) {
        const stop = new AbortController();
        const running = tail(pattern, { ...small, untilEnd: false, pollMs: 5, signal: stop.signal });
        await log.live(2 + Math.floor(random() * 4), 50);
        stop.abort(new Error('cut off'));
        await running;
        log.rotateUnseen();
      }
      log.finish();
      await tail(pattern);
      expect({ seed, ...(await difference(where, log)) }).toEqual({ seed, missing: [], repeated: [] });
    }
  });

  it('waits for a broker that is away, and sends nothing twice when it is back', async () => {
    const where = await place('away');
    writeFileSync(where.path, 'before\n');
    const stop = new AbortController();
    const running = tail(where, { untilEnd: false, signal: stop.signal });
    await untilSent(where, 1);
    const port = Number(broker.bootstrap.split(':')[1]);
    await broker.broker.close();
    appendFileSync(where.path, 'meanwhile 1\nmeanwhile 2\n');
    const again = await startTestBroker({}, { dataDirectory: broker.dataDirectory, port });
    broker = {
      ...again,
      stop: async () => {
        await again.stop();
        rmSync(again.dataDirectory, { recursive: true, force: true });
      },
    };
    await untilSent(where, 3);
    appendFileSync(where.path, 'after\n');
    await untilSent(where, 4);
    stop.abort(new Error('enough'));
    await running;
    expect(await valuesOf(where)).toEqual(['before', 'meanwhile 1', 'meanwhile 2', 'after']);
  });
});
