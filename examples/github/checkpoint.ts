/**
 * Where the readers stand, kept in a topic of its own: the last record is the state. Positions and results are one record, so a run that was ended at any
 * moment goes on from a state that fits its position.
 */
import type { AuditState } from './audit.ts';

export interface Checkpoint {
  /** Records that any run was told are durable; a lower bound when a run was killed. */
  readonly acknowledged: number;
  /** Deliveries counted by event type, up to `countPositions`. */
  readonly counts: Record<string, number>;
  readonly countPositions: Record<string, string>;
  readonly auditPositions: Record<string, string>;
  /** Of runs that did not end in order, or not yet: what an ended run sent is all there. */
  readonly sequences: Record<string, number>;
  readonly audited: number;
  /** What was wrong in any run, the first of it. */
  readonly violations: readonly string[];
}

export function emptyCheckpoint(): Checkpoint {
  return {
    acknowledged: 0,
    counts: {},
    countPositions: {},
    auditPositions: {},
    sequences: {},
    audited: 0,
    violations: [],
  };
}

export const positionsToJson = (positions: ReadonlyMap<number, bigint>): Record<string, string> =>
  Object.fromEntries([...positions].map(([partition, offset]) => [partition, offset.toString()]));

export const positionsFromJson = (json: Record<string, string>): Map<number, bigint> =>
  new Map(Object.entries(json).map(([partition, offset]) => [Number(partition), BigInt(offset)]));

export function auditFromCheckpoint(checkpoint: Checkpoint): AuditState {
  return {
    positions: positionsFromJson(checkpoint.auditPositions),
    sequences: new Map(Object.entries(checkpoint.sequences)),
    violations: [...checkpoint.violations],
    records: checkpoint.audited,
  };
}
