import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSettings } from '../../../../src/cli/config/file-settings.ts';
import { readConfig } from '../../../../src/cli/config.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
  file = join(folder, 'my.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the settings in force', () => {
  it('name the line of the file, the variable of the environment, or the default that they come from', () => {
    writeFileSync(file, '# mine\nloader:\n  rollAge: 30s\n\n  topics: [a, b]\njobs:\n  redis: redis://u:hush@h:1/0\n');
    const shown = new Map(fileSettings(file, { HADOOP_USER_NAME: 'etl' }).map((one) => [one.name, one]));
    expect(shown.get('loader.rollAge')).toEqual({ name: 'loader.rollAge', value: '30s', source: `${file}:3` });
    expect(shown.get('loader.topics')).toMatchObject({ value: ['a', 'b'], source: `${file}:5` });
    expect(shown.get('loader.user')).toMatchObject({ value: 'etl', source: 'environment HADOOP_USER_NAME' });
    expect(shown.get('loader.workers')).toMatchObject({ value: 1, source: 'default' });
    expect(shown.get('loader.timeField')).toMatchObject({ value: null, source: 'default' });
    expect(shown.get('jobs.redis')).toMatchObject({ value: 'redis://u:(hidden)@h:1/0', source: `${file}:7` });
  });

  it('take lists as options do, too, and say what a list looks like', () => {
    writeFileSync(file, 'loader: { topics: "a, b" }\njobs: { brokers: "127.0.0.1:9092,other:9092" }\n');
    const { loader, jobs } = readConfig(file);
    expect([loader.topics, jobs.brokers]).toEqual([
      ['a', 'b'],
      ['127.0.0.1:9092', 'other:9092'],
    ]);
    writeFileSync(file, 'loader: { topics: 7 }\n');
    expect(() => readConfig(file)).toThrow(/loader\.topics: expected a list like \[a, b\], or a text like a,b/);
    writeFileSync(file, 'jobs: { brokers: nowhere }\n');
    expect(() => readConfig(file)).toThrow(/expected HOST:PORT like 127\.0\.0\.1:9092/);
  });

  it('are those of the contract where it says something, of which they name the line as well', () => {
    const contract = join(folder, 'buys.yaml');
    writeFileSync(contract, 'timeField: ts\nroll:\n  bytes: 64MB\n  schedule: 15m\nhours: { zone: Europe/Berlin }\n');
    writeFileSync(file, `loader:\n  columns: ${contract}\n  rollBytes: 1GB\n  rollAge: 30s\n`);
    const shown = new Map(fileSettings(file, {}).map((one) => [one.name, one]));
    expect(shown.get('loader.rollBytes')).toMatchObject({ value: '64MB', source: `${contract}:3` });
    expect(shown.get('loader.rollEvery')).toMatchObject({ value: '15m', source: `${contract}:4` });
    expect(shown.get('loader.zone')).toMatchObject({ value: 'Europe/Berlin', source: `${contract}:5` });
    expect(shown.get('loader.timeField')).toMatchObject({ value: 'ts', source: `${contract}:1` });
    expect(shown.get('loader.rollAge')).toMatchObject({ value: '30s', source: `${file}:4` });
  });

  it('show no password', () => {
    writeFileSync(file, 'kafka:\n  properties:\n    sasl.jaas.config: hush-1\n    ssl.key.password: hush-2\n');
    const shown = JSON.stringify(fileSettings(file, { SLUICE_HTTP_TOKEN: 'hush-3' }));
    expect(shown).toContain(`${file}:3`);
    expect(shown).not.toContain('hush');
  });

  it('of a wrong file are refused with its name and the key', () => {
    writeFileSync(file, 'loader:\n  rollAge: soon\n');
    expect(() => fileSettings(file, {})).toThrow(/my\.yaml: loader\.rollAge: expected a duration/);
  });
});
