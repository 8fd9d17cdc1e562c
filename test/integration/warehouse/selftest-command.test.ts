import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runSluice } from '../../support/sluice-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-selftest-command-'));

afterAll(() => rmSync(folder, { recursive: true }));

describe('sluice selftest', () => {
  it('finds a local disk fit, with exit code 0, and leaves it as it was', async () => {
    mkdirSync(join(folder, 'there'));
    const { code, stdout, stderr } = await runSluice(['selftest', '--warehouse', `file://${folder}/there`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ok +rename-race .*\n +one winner in each of 5 races/m);
    expect(stdout).toMatch(/: fit for loads\n$/);
    expect(readdirSync(join(folder, 'there'))).toEqual([]);
  });

  it('is bad input where nothing could ever be loaded: a store that is not spoken to, settings with a mistake', async () => {
    const store = await runSluice(['selftest', '--warehouse', 'gs://bucket/warehouse']);
    expect(store).toMatchObject({ code: 2, stdout: '' });
    expect(store.stderr).toMatch(/^sluice: .*this one is not spoken to; got "gs:\/\/bucket\/warehouse"\n$/);
    const missing = join(folder, 'none.yaml');
    const settings = await runSluice(['selftest', '--warehouse', 'webhdfs://localhost:9/x', '--hdfs-config', missing]);
    expect(settings).toMatchObject({ code: 2, stdout: '' });
    expect(settings.stderr).toContain('none.yaml');
  });
});
