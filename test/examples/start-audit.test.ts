import { describe, expect, it } from 'vitest';
import { type AuditedRecord, audit } from '../../examples/github/audit.ts';
import { auditFromCheckpoint, emptyCheckpoint } from '../../examples/github/checkpoint.ts';

/** Violations of records written as `run/repository/sequence`, one after the other in one partition. */
function violationsOf(...records: readonly string[]): readonly string[] {
  const state = auditFromCheckpoint(emptyCheckpoint());
  for (const [index, text] of records.entries()) {
    const [run = '', repository = '', sequence] = text.split('/');
    audit(state, { partition: 0, offset: BigInt(index), run, repository, sequence: Number(sequence) });
  }
  expect(state.records).toBe(records.length);
  return state.violations;
}

describe('the audit of the main job', () => {
  it('passes deliveries in order, of runs that overlap too', () => {
    expect(violationsOf('0/a/1', '0/b/1', '1/a/1', '0/a/2', '1/a/2', '1/b/1', '0/b/2')).toEqual([]);
  });

  it.each([
    ['a delivery that is missing', ['0/a/1', '0/a/3'], 'delivery 3 while 1 are missing'],
    ['the first that is missing', ['0/a/2'], 'delivery 2 while 1 are missing'],
    ['one that is there twice', ['0/a/1', '0/a/1'], 'delivery 1 again or late'],
    ['one that comes late, once', ['0/a/1', '0/a/2', '0/a/1', '0/a/3'], 'delivery 1 again or late'],
  ])('finds %s', (_, records, violation) => {
    expect(violationsOf(...records)).toEqual([expect.stringContaining(violation)]);
  });

  it('finds two that changed places', () => {
    expect(violationsOf('0/a/2', '0/a/1', '0/a/3')).toHaveLength(2);
  });

  it('finds an offset that is missing, after the first and at the start', () => {
    const state = auditFromCheckpoint(emptyCheckpoint());
    const record = (offset: bigint, sequence: number): AuditedRecord => {
      return { partition: 3, offset, run: '0', repository: 'a', sequence };
    };
    audit(state, record(1n, 1));
    audit(state, record(3n, 2));
    expect(state.violations).toEqual([
      'partition 3: offset 1 where 0 was due',
      'partition 3: offset 3 where 2 was due',
    ]);
  });

  it('goes on from a checkpoint, and does not forget what was wrong before', () => {
    const checkpoint = {
      ...emptyCheckpoint(),
      auditPositions: { '0': '5' },
      sequences: { '7/a': 2 },
      audited: 5,
      violations: ['earlier'],
    };
    const state = auditFromCheckpoint(checkpoint);
    audit(state, { partition: 0, offset: 5n, run: '7', repository: 'a', sequence: 3 });
    expect(state).toMatchObject({ records: 6, violations: ['earlier'] });
  });
});
