import { describe, expect, it } from 'vitest';
import { dueRoll, type OpenState, type RollLimits } from '../../../src/loader/roll-policy.ts';

const open: OpenState = {
  ...{ isEmpty: false, next: 100n, encodedBytes: 10, rowCount: 5, folderCount: 1, runCount: 0 },
  timer: { cause: 'age', inMs: 10 },
};
const limits: RollLimits = { rollBytes: 1000, rollRecords: 100, maxFolders: 20, maxRuns: 50, endOffset: null };
const nobody = { memory: false, requestedUpTo: null };
const overdue = { cause: 'age', inMs: 0 } as const;

describe('dueRoll', () => {
  it.each([
    ['nothing is due', {}, {}, {}, null],
    ['an empty roll is never due', { isEmpty: true, timer: overdue }, { endOffset: 100n }, { memory: true }, null],
    ['bytes', { encodedBytes: 1000 }, {}, {}, 'bytes'],
    ['age', { timer: overdue }, {}, {}, 'age'],
    ['the schedule', { timer: { cause: 'schedule', inMs: 0 } }, {}, {}, 'schedule'],
    ['no clock at all', { timer: null }, {}, {}, null],
    ['the end of the input', {}, { endOffset: 100n }, {}, 'end-of-input'],
    ['one record short of the end', {}, { endOffset: 101n }, {}, null],
    ['memory', {}, {}, { memory: true }, 'memory'],
    ['too many runs for one record', { runCount: 50 }, {}, {}, 'records'],
    ['the cap of rows', { rowCount: 100 }, {}, {}, 'records'],
    ['the cap of files', { folderCount: 20 }, {}, {}, 'folders'],
    ['a request that is reached', {}, {}, { requestedUpTo: 100n }, 'requested'],
    ['a request that is not reached yet', {}, {}, { requestedUpTo: 101n }, null],
    ['the end wins over bytes', { encodedBytes: 5000 }, { endOffset: 100n }, {}, 'end-of-input'],
  ] as const)('%s', (_name, openChange, limitChange, asked, cause) => {
    expect(dueRoll({ ...open, ...openChange }, { ...limits, ...limitChange }, { ...nobody, ...asked })).toBe(cause);
  });
});
