/**
 * What the auditing reader checks: offsets without a gap in each partition, and the deliveries of each repository in the order in which they were sent,
 * none lost and none twice. Each record carries the run that sent it and its number within that run and its repository: runs may overlap, and a run that was
 * killed simply ends.
 */

export interface AuditState {
  /** Next offset of each partition. */
  readonly positions: Map<number, bigint>;
  /** Deliveries seen of each run and repository, by `sequenceKey`. */
  readonly sequences: Map<string, number>;
  /** What was wrong, in words. */
  readonly violations: string[];
  records: number;
}

export interface AuditedRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** Who sent it. */
  readonly run: string;
  readonly repository: string;
  /** From 1. */
  readonly sequence: number;
}

/** Deliveries are numbered within a run and a repository. */
export function sequenceKey(run: string, repository: string): string {
  return `${run}/${repository}`;
}

/** Checks one record against all before it. */
export function audit(state: AuditState, record: AuditedRecord): void {
  const { partition, offset, run, repository, sequence } = record;
  const key = sequenceKey(run, repository);
  const expectedOffset = state.positions.get(partition) ?? 0n;
  const expectedSequence = (state.sequences.get(key) ?? 0) + 1;
  if (offset !== expectedOffset) {
    state.violations.push(`partition ${partition}: offset ${offset} where ${expectedOffset} was due`);
  }
  if (sequence !== expectedSequence) {
    const kind = sequence < expectedSequence ? 'again or late' : `while ${sequence - expectedSequence} are missing`;
    state.violations.push(
      `run ${run}, ${repository}: delivery ${sequence} ${kind} (partition ${partition}, offset ${offset})`,
    );
  }
  state.positions.set(partition, offset + 1n);
  // One that comes again or late says nothing new about those behind it.
  if (sequence >= expectedSequence) state.sequences.set(key, sequence);
  state.records += 1;
}
