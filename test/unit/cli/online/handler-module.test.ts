import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadHandler } from '../../../../src/cli/online/handler-module.ts';
import { BadInputError } from '../../../../src/shared/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-handlers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function moduleOf(text: string, ending = 'mjs'): string {
  const path = join(folder, `handler-${count++}.${ending}`);
  writeFileSync(path, text);
  return path;
}

describe('a module with a handler', () => {
  it('exports a function, a sink, or options with one of them', async () => {
    const bare = await loadHandler(moduleOf('export default () => {}'));
    expect(bare.options).toEqual({ handler: expect.any(Function) });
    const sink = await loadHandler(moduleOf('export default { async position() {}, async store() {} }'));
    expect(Object.keys(sink.options.handler)).toEqual(['position', 'store']);
    const whole = await loadHandler(
      moduleOf('export default { topics: ["a"], group: null, retries: { attempts: 1 }, handler() {} }'),
    );
    expect(whole.options).toMatchObject({ topics: ['a'], group: null, retries: { attempts: 1 } });
    expect((await loadHandler(moduleOf('module.exports = () => {}', 'cjs'))).options).toEqual({
      handler: expect.any(Function),
    });
  });

  it('is closed once, whoever asks for it', async () => {
    const closing = 'export default () => {}; export let count = 0; export async function close() { count++ }';
    const path = moduleOf(closing);
    const { close } = await loadHandler(path);
    await close();
    await close();
    expect((await import(path)).count).toBe(1);
  });

  it.each([
    ['export default 7', /expected a default export that is a function .*; got a value of type number$/],
    ['export const handler = () => {}', /expected a default export .*; got none$/],
    ['export default { topics: ["a"] }', /its handler is none$/],
    ['export default { topic: ["a"], handler() {} }', /createConsumer has no option "topic"$/],
    [
      'export default { clientConfig: {}, handler() {} }',
      /"clientConfig", for which the command has --command-config$/,
    ],
    ['export default () => {}; export const close = 1', /expected the export close to be a function/],
    ['import "not-to-be-found"; export default () => {}', /cannot be loaded: .*not-to-be-found/],
    ['throw new TypeError("no settings")', /cannot be loaded: TypeError: no settings$/],
  ])('%j is bad input, and says what was expected', async (text, message) => {
    const loading = loadHandler(moduleOf(text));
    await expect(loading).rejects.toThrow(BadInputError);
    await expect(loading).rejects.toThrow(message);
  });

  it('is bad input when it is not there', async () => {
    await expect(loadHandler(join(folder, 'nowhere.mjs'))).rejects.toThrow(/nowhere.mjs, found none$/);
  });
});
