/**
 * Where the readers stand, kept in a topic of its own: the last record is the state. Positions and results are one record, so a run that was ended at any
 * moment goes on from a state that fits its position.
 */
import type { AuditState } from './audit.ts';

export interface Checkpoint {
  /** How many runs there were. */
  readonly runs: number;
  /** Records that any run was told are durable; a lower bound when a run was killed. */
  readonly acknowledged: number;
  /** Deliveries counted by event type, up to `countPositions`. */
  readonly counts: Record<string, number>;
  readonly countPositions: Record<string, string>;
  readonly auditPositions: Record<string, string>;
  readonly sequences: Record<string, number>;
  readonly audited: number;
}

export function emptyCheckpoint(): Checkpoint {
  return {
    runs: 0,
    acknowledged: 0,
    counts: {},
    countPositions: {},
    auditPositions: {},
    sequences: {},
    audited: 0,
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
    violations: [],
    records: checkpoint.audited,
  };
}
