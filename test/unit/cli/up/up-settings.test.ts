import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { upSettings } from '../../../../src/cli/up/up-settings.ts';
import { BadInputError } from '../../../../src/shared/index.ts';

describe('the settings of sluice up', () => {
  it.each(['127.0.0.1:6379', 'http://127.0.0.1', 'redis+sentinel://127.0.0.1'])(
    'are refused with the Redis %s, before a folder is made',
    (redis) => {
      const data = join(tmpdir(), `sluice-up-${process.pid}-never-made`);
      expect(() => upSettings({ data, redis, seed: 1, rate: 1 })).toThrow(BadInputError);
      expect(existsSync(data)).toBe(false);
    },
  );
});
