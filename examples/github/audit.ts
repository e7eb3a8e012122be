/**
 * What the auditing group checks in each partition: offsets without a gap, and the deliveries of each repository in the order in which they were sent, none lost and none twice. Each record
 * carries the run that sent it and its number within that run and its repository: runs may overlap, and a run that was killed simply ends.
 */

/** What is known of one partition; it is stored beside the committed offset, so the two always fit each other. */
export interface AuditState {
  /** Records seen. */
  records: number;
  /** Next offset. */
  next: bigint;
  /** Last delivery seen of each run and repository, `run/repository`, the latest last. */
  readonly sequences: Map<string, number>;
  /** How many things were wrong, and the first of them in words. */
  violations: number;
  firstViolation: string;
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

/** Runs and repositories that a partition remembers: beside an offset there is room for 4 KiB. */
const REMEMBERED = 50;

export function emptyAudit(): AuditState {
  return { records: 0, next: 0n, sequences: new Map(), violations: 0, firstViolation: '' };
}

/** Checks one record against all before it in its partition. */
export function audit(state: AuditState, record: AuditedRecord): void {
  const { partition, offset, run, repository, sequence } = record;
  const key = `${run}/${repository}`;
  const before = state.sequences.get(key) ?? 0;
  if (offset !== state.next) violated(state, `partition ${partition}: offset ${offset} where ${state.next} was due`);
  if (sequence !== before + 1) {
    const kind = sequence <= before ? 'again or late' : `while ${sequence - before - 1} are missing`;
    violated(
      state,
      `run ${run}, ${repository}: delivery ${sequence} ${kind} (partition ${partition}, offset ${offset})`,
    );
  }
  state.next = offset + 1n;
  state.records += 1;
  // One that comes again or late says nothing new about those behind it.
  remember(state.sequences, key, Math.max(sequence, before));
}

function violated(state: AuditState, what: string): void {
  state.violations += 1;
  state.firstViolation ||= what.slice(0, 200);
}

/** The latest is the last; what has not been heard of for longest is forgotten. */
function remember(sequences: Map<string, number>, key: string, sequence: number): void {
  sequences.delete(key);
  sequences.set(key, sequence);
  if (sequences.size <= REMEMBERED) return;
  const [oldest] = sequences.keys();
  sequences.delete(oldest!);
}

export function auditToText(state: AuditState): string {
  const { sequences, next, ...plain } = state;
  return JSON.stringify({ ...plain, next: next.toString(), sequences: [...sequences] });
}

export function auditFromText(text: string): AuditState {
  if (text === '') return emptyAudit();
  const { next, sequences, ...plain } = JSON.parse(text);
  return { ...plain, next: BigInt(next), sequences: new Map(sequences) };
}
