import { describe, expect, it } from 'vitest';
import { takeJobTransition, updateJobTransition } from '../../lib/maintenance/job-transitions.ts';
import { jobFromItem, jobToItem, type StoredJob } from '../../lib/maintenance/stored-job.ts';

const JOB: StoredJob = { epoch: 3, sequence: 2, owner: 'a', expiresAtMs: 100, dueAtMs: 50, state: '{"n":1}' };
const TAKE = { owner: 'b', seen: 3, nowMs: 100, expiresAtMs: 160 };
const UPDATE = { owner: 'a', epoch: 3, sequence: 3, expiresAtMs: 0, dueAtMs: 90, state: '{}' };

describe('a job', () => {
  it('is read as it was stored', () => {
    expect(jobFromItem(jobToItem(JOB))).toEqual(JOB);
  });

  it('is taken when it is free and the one that was seen; what it knows stays', () => {
    const item = { ...JOB, epoch: 4, sequence: 0, owner: 'b', expiresAtMs: 160 };
    expect(takeJobTransition(JOB, TAKE)).toEqual({ outcome: 'done', item });
    const first = { epoch: 1, sequence: 0, owner: 'b', expiresAtMs: 160, dueAtMs: 0, state: '' };
    expect(takeJobTransition(undefined, { ...TAKE, seen: 0 })).toEqual({ outcome: 'done', item: first });
  });

  it.each([
    ['somebody has it', JOB, { nowMs: 99 }],
    ['another has had it since', JOB, { seen: 2 }],
    ['it is not there any more', undefined, {}],
    ['it is there by now', JOB, { seen: 0 }],
  ])('is not taken when %s', (_, current, changes) => {
    expect(takeJobTransition(current, { ...TAKE, ...changes })).toEqual({ outcome: 'refused', item: current });
  });

  it('is changed by who has it', () => {
    expect(updateJobTransition(JOB, UPDATE)).toEqual({ outcome: 'done', item: { ...JOB, ...UPDATE } });
  });

  it.each([
    ['another has it', JOB, { epoch: 2 }],
    ['another has it under the same epoch, in a table that was restored', JOB, { owner: 'b' }],
    ['it is the change that was made already', JOB, { sequence: 2 }],
    ['a later change was made', JOB, { sequence: 1 }],
    ['it is not there', undefined, {}],
  ])('is not changed when %s', (_, current, changes) => {
    expect(updateJobTransition(current, { ...UPDATE, ...changes })).toEqual({ outcome: 'refused', item: current });
  });
});
