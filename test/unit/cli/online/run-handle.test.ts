import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HandleFlags, runHandle } from '../../../../src/cli/online/run-handle.ts';
import { BadInputError } from '../../../../src/shared/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-handle-'));
const handler = join(folder, 'handler.mjs');
beforeAll(() => writeFileSync(handler, 'export default () => {}'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('sluice handle', () => {
  it.each<[HandleFlags, RegExp]>([
    [{ group: 'g' }, /^expected --topics NAMES, or topics in the module$/],
    [{ topics: ['a'] }, /^expected --group NAME, which remembers how far the handler is, or --no-group$/],
  ])('refuses %j before it asks a broker', async (flags, message) => {
    const running = runHandle(handler, flags);
    await expect(running).rejects.toThrow(BadInputError);
    await expect(running).rejects.toThrow(message);
  });
});
