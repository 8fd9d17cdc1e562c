import { expect, it } from 'vitest';
import type { DeadLetter } from '../../src/rewrites/index.ts';
import { repairLetters } from '../../src/rewrites/repair-command.ts';

const { signal } = new AbortController();

/** More than any pipe holds, so that whoever does not read is noticed by the writer. */
const letters: DeadLetter[] = Array.from({ length: 5_000 }, (_, n) => ({
  topic: 'events',
  topicId: '0'.repeat(32),
  partition: 0,
  offset: BigInt(n),
  timestamp: 0n,
  code: 'not-json',
  reason: 'expected JSON',
  key: null,
  value: Buffer.from(`poison ${n} ${'x'.repeat(200)}`),
  headers: [],
}));

it('a repair command that fails without reading is told by its exit code, not by the pipe it closed', async () => {
  await expect(repairLetters('exit 3', letters, signal)).rejects.toThrow(/ended with 3/);
  await expect(repairLetters('head -n 1 > /dev/null; exit 4', letters, signal)).rejects.toThrow(/ended with 4/);
});

it('a repair command may answer for some and leave the rest unread: they stay dead', async () => {
  const answer = JSON.stringify({ partition: 0, offset: '7', text: '{}' });
  const repaired = await repairLetters(`echo '${answer}'; exit 0`, letters, signal);
  expect(repaired.map(({ offset, value }) => [offset, String(value)])).toEqual([[7n, '{}']]);
});

it('a repair command that answers something else is ended, and the error says what was expected', async () => {
  await expect(repairLetters('echo nonsense; exec cat > /dev/null', letters, signal)).rejects.toThrow(
    /expected \{"partition","offset","text"\}.*came nonsense/,
  );
  const stranger = JSON.stringify({ partition: 3, offset: '7', text: '{}' });
  await expect(repairLetters(`echo '${stranger}'; exec sleep 1000`, letters, signal)).rejects.toThrow(/was not given/);
});
