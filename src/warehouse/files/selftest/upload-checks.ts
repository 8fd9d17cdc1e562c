import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, type CheckContext, codeOf, failed, ok, textSource, warning } from './check.ts';

const wholeBytes = 1024 * 1024;
const settleMs = 10_000;

const write: Check = {
  name: 'write-read',
  promise: 'what was written is there at once, in its full length, byte for byte',
  run: async ({ files, folder, signal }) => {
    const content = randomBytes(wholeBytes);
    const path = `${folder}/write/file`;
    await files.create(path, { bytes: content }, { signal });
    const size = (await files.stat(path, { signal }))?.size;
    if (size !== content.length) {
      const advice = 'lengths are checked before a commit: no load can succeed while they show late';
      return failed(`${size ?? 'no'} of ${content.length} bytes show after the upload`, advice);
    }
    const [whole, part] = [
      await files.read(path, { signal }),
      await files.read(path, { offset: 7, length: 99, signal }),
    ];
    if (whole.equals(content) && part.equals(content.subarray(7, 106)))
      return ok(`${content.length} bytes, whole and in part`);
    return failed('other bytes were read than written', 'something between us and the file system changes content');
  },
};

const noOverwrite: Check = {
  name: 'no-overwrite',
  promise: 'an upload never overwrites a file',
  run: async ({ files, folder, signal }) => {
    const path = `${folder}/overwrite/file`;
    await files.create(path, textSource('first'), { signal });
    const code = await codeOf(files.create(path, textSource('second'), { signal }));
    const content = (await files.read(path, { signal })).toString();
    if (code === 'already-exists' && content === 'first') return ok('refused as already-exists');
    return failed(`the second upload ended with ${code ?? 'success'}, the file holds "${content}"`, 'do not load here');
  },
};

const truncated: Check = {
  name: 'broken-upload',
  promise: 'an upload that breaks off is short or not there, so that its length gives it away',
  run: async (context) => {
    const { files, folder, scratch, clock, signal } = context;
    const { brokenBytes } = context.sizes;
    const [path, localPath] = [`${folder}/broken/file`, join(scratch, 'large')];
    await writeFile(localPath, Buffer.alloc(brokenBytes, 'sluice'));
    const wasBroken = await breakUpload(path, { localPath, size: brokenBytes }, context);
    if (!wasBroken) return ok('the upload was through before it could be broken off');
    const endMs = clock.monotonicMs() + settleMs;
    let size = (await files.stat(path, { signal }))?.size ?? null;
    while (size === 0 && clock.monotonicMs() < endMs) {
      await clock.sleep(200, signal); // the DataNode has to notice, and the NameNode to hear of it
      size = (await files.stat(path, { signal }))?.size ?? null;
    }
    if (size === null) return ok('nothing of it is there');
    if (size < brokenBytes) return ok(`a file of ${size} of ${brokenBytes} bytes: the length shows it`);
    return failed(`a file of all ${size} bytes`, 'a torn file would pass for a whole one: do not load here');
  },
};

/** Aborts an upload as soon as its file shows; at once where it shows only in the end. False: it was through before that. */
async function breakUpload(
  path: string,
  source: { localPath: string; size: number },
  { files, facts, clock, signal }: CheckContext,
): Promise<boolean> {
  const stop = new AbortController();
  const upload = files.create(path, source, { signal: AbortSignal.any([signal, stop.signal]) }).then(
    () => 'through' as const,
    (error: unknown) => error,
  );
  for (;;) {
    const pause = clock.sleep(5, signal).then(() => null);
    const ended = await Promise.race([upload, pause]);
    signal.throwIfAborted();
    if (ended === 'through') return false;
    if (ended !== null && !stop.signal.aborted) throw ended;
    if (ended !== null) return true;
    const isUnderWay = facts.showsWholeOnly === true || (await files.stat(path, { signal })) !== null;
    if (!stop.signal.aborted && isUnderWay) stop.abort(new Error('broken off on purpose'));
  }
}

const permissions: Check = {
  name: 'permissions',
  promise: 'we may write, rename and delete, and what we make has the rights that are asked for',
  run: async ({ files, hdfs, folder, signal }) => {
    const path = `${folder}/rights/file`;
    await files.create(path, textSource('x'), { signal });
    const [file, made] = [
      await hdfs?.rawStatus(path, { signal }),
      await hdfs?.rawStatus(`${folder}/rights`, { signal }),
    ];
    if (!(await files.delete(path, { signal })))
      return failed('the file could not be deleted', 'sweeps need that right');
    if (!file || !made) return ok('written and deleted');
    const seen = `file ${file.permission} ${file.owner}:${file.group}, folder ${made.permission}, ${file.replication} replicas, blocks of ${file.blockSize} bytes`;
    const differences = hdfs!.differencesFromSettings(file, made);
    if (differences.length > 0)
      return failed(`${seen}; ${differences.join(', ')}`, 'see "create" in the HDFS settings');
    const isOpen = /[2367]$/.test(file.permission) || /[2367]$/.test(made.permission);
    return isOpen ? warning(`${seen}; everybody may write`, 'set "create.permission" in the HDFS settings') : ok(seen);
  },
};

export const uploadChecks: readonly Check[] = [write, noOverwrite, truncated, permissions];
