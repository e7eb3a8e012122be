/**
 * What the auditing reader checks: offsets without a gap in each partition, and the deliveries of each repository in the order in which they were sent,
 * none lost and none twice. Each record carries its number within its repository, counted on over all runs.
 */

export interface AuditState {
  /** Next offset of each partition. */
  readonly positions: Map<number, bigint>;
  /** Deliveries seen of each repository. */
  readonly sequences: Map<string, number>;
  /** What was wrong, in words. */
  readonly violations: string[];
  records: number;
}

export interface AuditedRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly repository: string;
  readonly sequence: number;
}

export function emptyAudit(): AuditState {
  return { positions: new Map(), sequences: new Map(), violations: [], records: 0 };
}

/** Checks one record against all before it. */
export function audit(state: AuditState, record: AuditedRecord): void {
  const { partition, offset, repository, sequence } = record;
  const expectedOffset = state.positions.get(partition) ?? 0n;
  const expectedSequence = (state.sequences.get(repository) ?? 0) + 1;
  if (offset !== expectedOffset) {
    state.violations.push(`partition ${partition}: offset ${offset} where ${expectedOffset} was due`);
  }
  if (sequence !== expectedSequence) {
    const kind = sequence < expectedSequence ? 'again or late' : `while ${sequence - expectedSequence} are missing`;
    state.violations.push(`${repository}: delivery ${sequence} ${kind} (partition ${partition}, offset ${offset})`);
  }
  state.positions.set(partition, offset + 1n);
  state.sequences.set(repository, Math.max(sequence, expectedSequence));
  state.records += 1;
}
