import { describe, expect, it } from 'vitest';
import { findJob } from '../../../jobs/index.ts';

const load = { brokers: ['127.0.0.1:9092'], warehouseUrl: 'file:///w', topics: ['events'] };

describe('the input of a job', () => {
  it.each([
    ['load-window', 'brokers', /^load-window: expected --brokers .*, or jobs\.brokers in the settings file/],
    ['load-window', 'topics', /^load-window: expected --topics .*, or loader\.topics in the settings file/],
    ['catch-up', 'warehouseUrl', /^catch-up: expected --warehouse URL, or loader\.warehouse in the settings file/],
  ])('%s without %s is refused with both ways to say it', (job, key, message) => {
    expect(() => findJob(job).parseInput({ ...load, [key]: undefined })).toThrow(message);
  });

  it('that is there and wrong is refused by its key', () => {
    expect(() => findJob('load-window').parseInput({ ...load, topics: 'events' })).toThrow(/^load-window: topics: /);
  });
});
