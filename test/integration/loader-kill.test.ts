import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { killPoints, runKillTrial } from '../support/kill-trial.ts';
import { LoadLab } from '../support/load-lab.ts';

// A short dose; the full one is `npm run campaign`.

const seed = Number(process.env['KILL_SEED'] ?? 1);

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => {
  await lab.close();
});

vi.setConfig({ maxConcurrency: 3, testTimeout: 240_000 });

describe(`a load that is killed (seed ${seed})`, () => {
  it.concurrent.for(killPoints.map((point, index) => [point, index] as const))(
    'at %s is completed by the next one, row for row',
    async ([point, index], { expect }) => {
      const topic = `kill-${index}`;
      const { directory, url } = lab.warehouse(topic);
      const occurrence = 1 + ((seed + index) % 2);
      const trial = { topic, point, occurrence, seed: seed * 100 + index, warehouseUrl: url };
      const result = await runKillTrial(lab, { ...trial, localCopy: async () => directory });
      expect(result).toEqual({ wasKilled: true, problems: [] });
    },
  );
});
