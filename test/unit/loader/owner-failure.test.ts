import { describe, expect, it } from 'vitest';
import { OwnerFailures } from '../../../src/loader/owner-failure.ts';
import { ManualClock } from '../../../src/shared/index.ts';
import { WarehouseError } from '../../../src/warehouse/index.ts';

describe('an owner that meets trouble', () => {
  it('asks whether it is fenced when its folder is swept while it writes, and stops when that goes on', () => {
    const failures = new OwnerFailures(new ManualClock());
    const swept = new WarehouseError('not-found', 'CREATE /t/_sluice/staging/a: it does not have any open files');
    const verdicts = Array.from({ length: 4 }, () => failures.judge(swept));
    expect(verdicts).toEqual(['fenced', 'fenced', 'fenced', 'stop']);
    failures.noteCommit();
    expect(failures.judge(swept)).toBe('fenced');
  });

  it.each(['no-space', 'quota-exceeded'] as const)('claims again and again while the answer is %s', (code) => {
    const failures = new OwnerFailures(new ManualClock());
    for (let n = 0; n < 20; n++) expect(failures.judge(new WarehouseError(code, 'full'))).toBe('again');
  });

  it('leaves a missing right to people', () => {
    expect(new OwnerFailures(new ManualClock()).judge(new WarehouseError('permission-denied', 'no'))).toBe('stop');
  });
});
