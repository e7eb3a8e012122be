import { describe, expect, it } from 'vitest';
import { type AuditedRecord, audit, auditFromText, auditToText, emptyAudit } from '../../examples/github/audit.ts';

/** The first violation of records written as `run/repository/sequence`, one after the other in one partition, and how many there are. */
function violationsOf(...records: readonly string[]): readonly [number, string] {
  let state = emptyAudit();
  for (const [index, text] of records.entries()) {
    const [run = '', repository = '', sequence] = text.split('/');
    audit(state, { partition: 0, offset: BigInt(index), run, repository, sequence: Number(sequence) });
    // It goes from member to member, and from run to run, as text.
    state = auditFromText(auditToText(state));
  }
  expect(state.records).toBe(records.length);
  return [state.violations, state.firstViolation];
}

describe('the audit of the main job', () => {
  it('passes deliveries in order, of runs that overlap too', () => {
    expect(violationsOf('0/a/1', '0/b/1', '1/a/1', '0/a/2', '1/a/2', '1/b/1', '0/b/2')).toEqual([0, '']);
  });

  it.each([
    ['a delivery that is missing', ['0/a/1', '0/a/3'], 'delivery 3 while 1 are missing'],
    ['the first that is missing', ['0/a/2'], 'delivery 2 while 1 are missing'],
    ['one that is there twice', ['0/a/1', '0/a/1'], 'delivery 1 again or late'],
    ['one that comes late, once', ['0/a/1', '0/a/2', '0/a/1', '0/a/3'], 'delivery 1 again or late'],
  ])('finds %s', (_, records, violation) => {
    expect(violationsOf(...records)).toEqual([1, expect.stringContaining(violation)]);
  });

  it('finds two that changed places', () => {
    expect(violationsOf('0/a/2', '0/a/1', '0/a/3')[0]).toBe(2);
  });

  it('finds an offset that is missing, after the first and at the start', () => {
    const state = emptyAudit();
    const record = (offset: bigint, sequence: number): AuditedRecord => {
      return { partition: 3, offset, run: '0', repository: 'a', sequence };
    };
    audit(state, record(1n, 1));
    audit(state, record(3n, 2));
    expect(state).toMatchObject({ violations: 2, firstViolation: 'partition 3: offset 1 where 0 was due' });
  });

  it('remembers so much that it always fits beside an offset', () => {
    const state = emptyAudit();
    const repository = 'a-long-organization-name/a-repository-with-a-long-name';
    for (let n = 0; n < 500; n++) {
      const record = { partition: 0, offset: BigInt(n), run: '123456', repository: `${repository}${n}`, sequence: 9 };
      audit(state, record);
    }
    expect(Buffer.byteLength(auditToText(state))).toBeLessThanOrEqual(4096);
  });
});
