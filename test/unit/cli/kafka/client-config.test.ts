import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clientConfigOf } from '../../../../src/cli/kafka/client-config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-client-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('how commands are let in', () => {
  it('is told by --command-config before section kafka of the settings, and is plain text without either', () => {
    const settings = fileOf('a.yaml', 'kafka: { properties: { client.rack: west } }\n');
    const named = fileOf('client.properties', 'client.rack=east\n');
    expect(clientConfigOf({ commandConfig: named }, settings)).toBe(named);
    expect(clientConfigOf({}, settings)).toEqual({ 'client.rack': 'west' });
    expect(clientConfigOf({}, fileOf('b.yaml', `kafka: { commandConfig: ${named} }\n`))).toBe(named);
    expect(clientConfigOf({}, fileOf('c.yaml', 'loader: { group: g }\n'))).toBeNull();
  });

  it('is checked at once, and keeps references to secrets as they are', () => {
    const wrong = fileOf('wrong.properties', 'security.protocol=TLS\n');
    expect(() => clientConfigOf({ commandConfig: wrong })).toThrow(`${wrong}: security.protocol: expected PLAINTEXT`);
    expect(() => clientConfigOf({ commandConfig: join(folder, 'none') })).toThrow('could not read');
    process.env['SLUICE_TEST_RACK'] = 'north';
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Kafka's words for a reference
    const settings = fileOf('d.yaml', "kafka: { properties: { client.rack: '${env:SLUICE_TEST_RACK}' } }\n");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Kafka's words for a reference
    expect(clientConfigOf({}, settings)).toEqual({ 'client.rack': '${env:SLUICE_TEST_RACK}' });
  });

  it('is warned about once when host names are not verified, or a key means nothing here', () => {
    const said: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    const file = fileOf('open.properties', 'security.protocol=SSL\nssl.endpoint.identification.algorithm=\nacks=all\n');
    clientConfigOf({ commandConfig: file });
    clientConfigOf({ commandConfig: file });
    spy.mockRestore();
    expect(said).toEqual([
      `sluice: ${file}: not used here: acks\n`,
      `sluice: ${file}: ssl.endpoint.identification.algorithm is empty: brokers can be impersonated\n`,
    ]);
  });
});
